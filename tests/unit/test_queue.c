/* SPDX-License-Identifier: MIT */
/*
 * test_queue - lib/queue/queue: a spool as its consumers see it
 *
 * Spools that are not whole, spools in which somebody has planted things,
 * and messages by all the names that a user may call them.
 */
#include "spools.h"

#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/io.h"
#include "queue/queue.h"

#define BASE  "1795292717.M122167P14716Q1.shop"
#define OTHER "1795292718.M000000P14716Q2.shop"
#define TEXT  "{\"specversion\":\"1.0\"}\n"

#define ALL_STATES ((1u << QUEUE_STATES) - 1)

static const char *const folders[QUEUE_STATES] = { "new", "cur", "hold",
	"failed", "quarantine" };

/* Does readdir() keep the types of files to itself, as some systems do? */
static bool types_are_unknown;

struct dirent *
readdir(DIR *dir)
{
	static struct dirent *(*next)(DIR *);
	struct dirent *entry;
	void *found;

	if (!next) {
		found = dlsym(RTLD_NEXT, "readdir");
		memcpy(&next, &found, sizeof(next));
	}
	entry = next(dir);
	if (entry && types_are_unknown)
		entry->d_type = DT_UNKNOWN;
	return entry;
}

/* A spool with these directories, one bit each */
static struct place
place_with(unsigned states)
{
	struct place place = new_place();
	int i;

	assert_int_equal(mkdir(place.spool, 0700), 0);
	for (i = 0; i < QUEUE_STATES; i++)
		if (states & 1u << i)
			assert_int_equal(
			    mkdir(in_spool(&place, folders[i]), 0700), 0);
	return place;
}

static struct queue
must_open_queue(const struct place *place)
{
	struct error err = ERROR_INIT;
	struct queue queue;

	if (queue_open(&queue, place->spool, &err) < 0)
		fail_msg("cannot open %s: %s", place->spool, err.text);
	return queue;
}

static void
assert_all_closed(const struct queue *queue)
{
	int i;

	assert_int_equal(queue->root, -1);
	assert_int_equal(queue->log, -1);
	for (i = 0; i < QUEUE_STATES; i++)
		assert_int_equal(queue->states[i], -1);
}

static struct spool_name
name_of(const char *file)
{
	struct spool_name name;

	assert_true(spool_name_parse(file, &name));
	return name;
}

static void
test_any_directory_but_new_may_be_missing(void **state)
{
	unsigned states;
	struct queue queue;
	struct place place;
	struct error err;
	int i, before = count_entries("/proc/self/fd");

	(void)state;
	for (states = 0; states <= ALL_STATES; states++) {
		place = place_with(states);
		err = (struct error)ERROR_INIT;
		if (states & 1u << QUEUE_NEW) {
			queue = must_open_queue(&place);
			for (i = 0; i < QUEUE_STATES; i++)
				assert_int_equal(
				    queue.states[i] >= 0, states >> i & 1u);
			assert_int_equal(queue.log, -1);
			queue_close(&queue);
		} else {
			assert_int_equal(
			    queue_open(&queue, place.spool, &err), -1);
			assert_int_equal(err.code, ERROR_SYSTEM);
			assert_int_equal(err.errnum, ENOENT);
		}
		assert_all_closed(&queue);
		queue_close(&queue);
		/* Nothing is made. */
		assert_int_equal(
		    count_entries(place.spool), __builtin_popcount(states));
		leave_place(&place);
	}
	assert_int_equal(count_entries("/proc/self/fd"), before);
}

static void
test_no_spool(void **state)
{
	static const struct {
		const char *path;
		int want; /* errno */
	} rows[] = {
		{ "", ENOENT },
		{ "nowhere", ENOENT },
		{ "nowhere/spool", ENOENT },
		{ "file", ENOTDIR },
		{ "file/spool", ENOTDIR },
		{ "dead", ENOENT },
		{ "self", ELOOP },
		{ "empty", ENOENT },
		{ "pipe", ENOTDIR },
	};
	struct place place = new_place();
	struct error err;
	struct queue queue;
	size_t i;

	(void)state;
	put_file(beside(&place, "file"), "x");
	assert_int_equal(symlink("nowhere", beside(&place, "dead")), 0);
	assert_int_equal(symlink("self", beside(&place, "self")), 0);
	assert_int_equal(mkdir(beside(&place, "empty"), 0700), 0);
	assert_int_equal(mkfifo(beside(&place, "pipe"), 0600), 0);
	for (i = 0; i < COUNT(rows); i++) {
		err = (struct error)ERROR_INIT;
		assert_int_equal(
		    queue_open(&queue,
			*rows[i].path ? beside(&place, rows[i].path) : "",
			&err),
		    -1);
		if (err.code != ERROR_SYSTEM || err.errnum != rows[i].want)
			fail_msg("\"%s\": got %s", rows[i].path, err.text);
		assert_all_closed(&queue);
		queue_close(&queue);
	}
	leave_place(&place);
}

/* The path is absolute and without links, however it was given. */
static void
test_path(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct error err = ERROR_INIT;
	char real[PATH_MAX], old[PATH_MAX];
	struct queue queue;

	(void)state;
	assert_non_null(realpath(place.spool, real));
	assert_non_null(getcwd(old, sizeof(old)));
	assert_int_equal(symlink("spool", beside(&place, "link")), 0);
	assert_int_equal(
	    queue_open(&queue, beside(&place, "./link///"), &err), 0);
	assert_string_equal(queue.path, real);
	queue_close(&queue);
	assert_int_equal(chdir(place.top), 0);
	assert_int_equal(queue_open(&queue, "spool/../link", &err), 0);
	assert_string_equal(queue.path, real);
	queue_close(&queue);
	assert_int_equal(chdir(old), 0);
	leave_place(&place);
}

/* Below the spool, no link is taken for a directory; nor is anything else. */
static void
test_planted_directories(void **state)
{
	static const char *const names[] = { "new", "cur", "hold", "failed",
		"quarantine", "log" };
	static const char *const targets[] = { "../victim", "nowhere", ".",
		"../file" };
	struct place place;
	struct error err;
	struct queue queue;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(names); i++)
		for (j = 0; j <= COUNT(targets); j++) {
			place = place_with(ALL_STATES & ~(1u << i));
			assert_int_equal(
			    mkdir(beside(&place, "victim"), 0700), 0);
			put_file(beside(&place, "file"), "x");
			if (j < COUNT(targets))
				assert_int_equal(
				    symlink(
					targets[j], in_spool(&place, names[i])),
				    0);
			else
				put_file(in_spool(&place, names[i]), "x");
			err = (struct error)ERROR_INIT;
			if (queue_open(&queue, place.spool, &err) == 0)
				fail_msg("%s: a link is followed", names[i]);
			assert_int_equal(err.code, ERROR_SYSTEM);
			assert_all_closed(&queue);
			leave_place(&place);
		}
}

/* Planted where we would make one */
static void
test_planted_while_open(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct spool_name name = name_of(BASE ".json");
	struct error err = ERROR_INIT;
	int i;

	(void)state;
	assert_int_equal(mkdir(beside(&place, "victim"), 0700), 0);
	put_file(in_folder(&place, "new", BASE ".json"), TEXT);
	assert_int_equal(symlink("../victim", in_spool(&place, "log")), 0);
	for (i = QUEUE_CUR; i < QUEUE_STATES; i++) {
		assert_int_equal(
		    symlink("../victim", in_spool(&place, folders[i])), 0);
		err = (struct error)ERROR_INIT;
		assert_int_equal(
		    queue_directory(&queue, (enum queue_state)i, &err), -1);
		assert_int_equal(err.code, ERROR_SYSTEM);
		err = (struct error)ERROR_INIT;
		assert_int_equal(queue_move(&queue, QUEUE_NEW, BASE ".json",
				     (enum queue_state)i, BASE ".json", &err),
		    -1);
	}
	err = (struct error)ERROR_INIT;
	assert_int_equal(
	    queue_log_write(&queue, &name, span_of("x"), &err), -1);
	assert_int_equal(count_entries(beside(&place, "victim")), 0);
	assert_file(in_folder(&place, "new", BASE ".json"), TEXT);
	queue_close(&queue);
	leave_place(&place);
}

static void
test_names_of_states(void **state)
{
	static const char *const others[] = { "", "New", "new/", " new",
		"archive", "log", "tmp", "seen", "ne", "news", "." };
	enum queue_state found = QUEUE_HOLD;
	size_t i;

	(void)state;
	for (i = 0; i < QUEUE_STATES; i++) {
		assert_string_equal(
		    queue_state_name((enum queue_state)i), folders[i]);
		assert_true(queue_find_state(folders[i], &found));
		assert_int_equal(found, i);
	}
	for (i = 0; i < COUNT(others); i++) {
		assert_false(queue_find_state(others[i], &found));
		assert_int_equal(found, QUEUE_QUARANTINE);
	}
}

static void
test_directories_are_made(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct error err = ERROR_INIT;
	mode_t old = umask(027);
	int i, fd;

	(void)state;
	for (i = 0; i < QUEUE_STATES; i++) {
		fd = queue_directory(&queue, (enum queue_state)i, &err);
		assert_true(fd >= 0);
		assert_int_equal(fd, queue.states[i]);
		assert_int_equal(
		    fd, queue_directory(&queue, (enum queue_state)i, &err));
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		if (i != QUEUE_NEW)
			assert_int_equal(
			    mode_of(in_spool(&place, folders[i])), 02750);
	}
	assert_int_equal(count_entries(place.spool), QUEUE_STATES);
	(void)umask(old);
	queue_close(&queue);
	assert_all_closed(&queue);
	leave_place(&place);
}

/* An archive that were one of them would have messages vanish. */
static void
test_own_directories(void **state)
{
	struct place place = place_with(ALL_STATES);
	struct queue queue;
	struct error err = ERROR_INIT;
	int i, fd;

	(void)state;
	assert_int_equal(mkdir(in_spool(&place, "log"), 0700), 0);
	assert_int_equal(mkdir(in_spool(&place, "archive"), 0700), 0);
	queue = must_open_queue(&place);
	for (i = 0; i < QUEUE_STATES; i++) {
		fd = io_open_dir(AT_FDCWD, in_spool(&place, folders[i]), &err);
		assert_true(queue_owns(&queue, fd));
		io_discard(&fd);
	}
	assert_true(queue_owns(&queue, queue.root));
	assert_true(queue_owns(&queue, queue.log));
	fd = io_open_dir(AT_FDCWD, in_spool(&place, "archive"), &err);
	assert_false(queue_owns(&queue, fd));
	io_discard(&fd);
	assert_false(queue_owns(&queue, -1));
	queue_close(&queue);
	leave_place(&place);
}

/* What was visited, sorted by nobody */
struct visits {
	int count, stop_at, answer;
	char seen[16][NAME_MAX + 1];
};

static int
note_visit(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct visits *visits = context;
	struct spool_name again;

	assert_int_equal(state, QUEUE_NEW);
	assert_int_equal(err->code, ERROR_NONE);
	assert_true(spool_name_parse(file, &again));
	assert_string_equal(again.base, name->base);
	assert_int_equal(again.tries, name->tries);
	assert_true(visits->count < 16);
	(void)snprintf(visits->seen[visits->count++], NAME_MAX + 1, "%s", file);
	return visits->count == visits->stop_at ? visits->answer : 0;
}

static bool
was_seen(const struct visits *visits, const char *file)
{
	int i;

	for (i = 0; i < visits->count; i++)
		if (strcmp(visits->seen[i], file) == 0)
			return true;
	return false;
}

/* All that can stand in a directory and is no message */
static void
plant_odd_things(const struct place *place)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	put_file(beside(place, "victim.json"), "precious");
	assert_int_equal(
	    symlink("../../victim.json", in_folder(place, "new", "link.json")),
	    0);
	assert_int_equal(
	    symlink("nowhere", in_folder(place, "new", "dead.json")), 0);
	assert_int_equal(mkfifo(in_folder(place, "new", "pipe.json"), 0600), 0);
	assert_int_equal(
	    mkdir(in_folder(place, "new", "folder.json"), 0700), 0);
	put_file(in_folder(place, "new", "folder.json/inner.json"), "x");
	put_file(in_folder(place, "new", ".hidden.json"), "x");
	put_file(in_folder(place, "new", ".json"), "x");
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
	    in_folder(place, "new", "socket.json"));
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(close(fd), 0);
}

static void
visit_messages_only(void)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct visits visits = { .stop_at = -1 };
	struct error err = ERROR_INIT;
	char longest[NAME_MAX + 1];

	plant_odd_things(&place);
	put_file(in_folder(&place, "new", BASE ".json"), TEXT);
	put_file(in_folder(&place, "new", OTHER ",tries=2.json"), TEXT);
	put_file(in_folder(&place, "new", "theirs"), "");
	memset(longest, 'x', NAME_MAX);
	longest[NAME_MAX] = '\0';
	put_file(in_folder(&place, "new", longest), TEXT);
	assert_int_equal(
	    queue_each(&queue, QUEUE_NEW, note_visit, &visits, &err), 0);
	assert_int_equal(visits.count, 4);
	assert_true(was_seen(&visits, longest));
	assert_true(was_seen(&visits, BASE ".json"));
	assert_true(was_seen(&visits, OTHER ",tries=2.json"));
	assert_true(was_seen(&visits, "theirs"));
	queue_close(&queue);
	leave_place(&place);
}

static void
test_only_messages_are_visited(void **state)
{
	(void)state;
	visit_messages_only();
}

/* Where the file system does not say the type, the file is asked. */
static void
test_only_messages_are_visited_where_types_are_unknown(void **state)
{
	(void)state;
	types_are_unknown = true;
	visit_messages_only();
	types_are_unknown = false;
}

static void
test_visit_answers(void **state)
{
	static const int answers[] = { 1, 7, -1 };
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct error err = ERROR_INIT;
	struct visits visits;
	size_t i;
	int before;

	(void)state;
	put_file(in_folder(&place, "new", BASE ".json"), TEXT);
	put_file(in_folder(&place, "new", OTHER ".json"), TEXT);
	put_file(in_folder(&place, "new", "third.json"), TEXT);
	before = count_entries("/proc/self/fd");
	for (i = 0; i < COUNT(answers); i++) {
		visits = (struct visits){ .stop_at = 2, .answer = answers[i] };
		assert_int_equal(
		    queue_each(&queue, QUEUE_NEW, note_visit, &visits, &err),
		    answers[i]);
		assert_int_equal(visits.count, 2);
	}
	/* Twice in a row: the second one begins at the beginning. */
	for (i = 0; i < 2; i++) {
		visits = (struct visits){ .stop_at = -1 };
		assert_int_equal(
		    queue_each(&queue, QUEUE_NEW, note_visit, &visits, &err),
		    0);
		assert_int_equal(visits.count, 3);
	}
	assert_int_equal(count_entries("/proc/self/fd"), before);
	queue_close(&queue);
	leave_place(&place);
}

static void
test_missing_directory_is_empty(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct visits visits = { .stop_at = -1 };
	struct error err = ERROR_INIT;
	int i;

	(void)state;
	for (i = 0; i < QUEUE_STATES; i++)
		assert_int_equal(queue_each(&queue, (enum queue_state)i,
				     note_visit, &visits, &err),
		    0);
	/* also one that goes away */
	assert_int_equal(rmdir(in_spool(&place, "new")), 0);
	assert_int_equal(
	    queue_each(&queue, QUEUE_NEW, note_visit, &visits, &err), 0);
	assert_int_equal(visits.count, 0);
	queue_close(&queue);
	leave_place(&place);
}

/* Takes what it is shown out of the directory */
static int
remove_visited(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct queue *queue = context;

	(void)name;
	(void)err;
	assert_int_equal(unlinkat(queue->states[state], file, 0), 0);
	return 0;
}

static void
test_messages_vanish_while_visited(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct error err = ERROR_INIT;
	int i;

	(void)state;
	for (i = 0; i < 500; i++)
		put_file(in_folder(&place, "new", path_of("%d.json", i)), "x");
	assert_int_equal(
	    queue_each(&queue, QUEUE_NEW, remove_visited, &queue, &err), 0);
	assert_int_equal(count_entries(in_spool(&place, "new")), 0);
	queue_close(&queue);
	leave_place(&place);
}

static void
test_find_by_what_a_user_says(void **state)
{
	static const struct {
		const char *called;
		bool found;
	} rows[] = {
		{ BASE, true },
		{ BASE ".json", true },
		{ BASE ",tries=2.json", true },
		{ BASE ",tries=2", true },
		{ BASE ",tries=7,next=9.json", true },
		{ "new/" BASE ".json", true },
		{ "/var/spool/x/failed/" BASE ",tries=2.json", true },
		{ "./" BASE, true },
		{ "../../" BASE, true },
		{ "//" BASE, true },
		{ "", false },
		{ "/", false },
		{ "new/", false },
		{ BASE ".json/", false },
		{ ".", false },
		{ "..", false },
		{ ".json", false },
		{ BASE ".", false },
		{ BASE ".js", false },
		{ BASE ".json.json", false },
		{ BASE "x", false },
		{ "795292717.M122167P14716Q1.shop", false },
		{ OTHER, false },
		{ "%s", false },
		{ "*", false },
	};
	struct place place = place_with(ALL_STATES);
	struct queue queue = must_open_queue(&place);
	char file[NAME_MAX + 1];
	enum queue_state where;
	struct error err;
	size_t i;
	int rc;

	(void)state;
	put_file(in_folder(&place, "hold", BASE ",tries=2.json"), TEXT);
	put_file(in_folder(&place, "new", OTHER "x.json"), TEXT);
	for (i = 0; i < COUNT(rows); i++) {
		err = (struct error)ERROR_INIT;
		rc = queue_find(
		    &queue, rows[i].called, ALL_STATES, &where, file, &err);
		if (rc != rows[i].found)
			fail_msg("%s: got %d", rows[i].called, rc);
		assert_int_equal(err.code, ERROR_NONE);
		if (!rc)
			continue;
		assert_string_equal(file, BASE ",tries=2.json");
		assert_int_equal(where, QUEUE_HOLD);
	}
	queue_close(&queue);
	leave_place(&place);
}

/* Of the states that are asked for, in their order; missing ones, too. */
static void
test_find_in_states(void **state)
{
	struct place place = place_with(ALL_STATES & ~(1u << QUEUE_CUR));
	struct queue queue = must_open_queue(&place);
	struct error err = ERROR_INIT;
	char file[NAME_MAX + 1];
	enum queue_state where;
	unsigned set;
	int rc;

	(void)state;
	put_file(in_folder(&place, "hold", "a,tries=1"), TEXT);
	put_file(in_folder(&place, "failed", "a,tries=9"), TEXT);
	for (set = 0; set <= ALL_STATES; set++) {
		rc = queue_find(&queue, "a", set, &where, file, &err);
		if (set & 1u << QUEUE_HOLD) {
			assert_int_equal(rc, 1);
			assert_int_equal(where, QUEUE_HOLD);
			assert_string_equal(file, "a,tries=1");
		} else if (set & 1u << QUEUE_FAILED) {
			assert_int_equal(rc, 1);
			assert_int_equal(where, QUEUE_FAILED);
			assert_string_equal(file, "a,tries=9");
		} else {
			assert_int_equal(rc, 0);
		}
	}
	queue_close(&queue);
	leave_place(&place);
}

/* A name that is longer than any */
static void
test_find_without_end(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct buf called = BUF_INIT(ROOM);
	struct error err = ERROR_INIT;
	char file[NAME_MAX + 1];
	enum queue_state where;

	(void)state;
	append_times(&called, "x", 1u << 20);
	buf_append_byte(&called, '\0');
	assert_int_equal(
	    queue_find(&queue, called.at, ALL_STATES, &where, file, &err), 0);
	queue_close(&queue);
	buf_free(&called);
	leave_place(&place);
}

static void
test_open_file(void **state)
{
	static const struct {
		const char *name;
		int want; /* errno, or 0 */
	} rows[] = {
		{ BASE ".json", 0 },
		{ "link.json", ELOOP },
		{ "dead.json", ELOOP },
		{ "pipe.json", EINVAL },
		{ "folder.json", EINVAL },
		{ "socket.json", ENXIO },
		{ "gone.json", ENOENT },
		{ ".", EINVAL },
	};
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct error err;
	struct stat st;
	size_t i;
	int fd;

	(void)state;
	plant_odd_things(&place);
	put_file(in_folder(&place, "new", BASE ".json"), TEXT);
	for (i = 0; i < COUNT(rows); i++) {
		err = (struct error)ERROR_INIT;
		fd =
		    queue_open_file(&queue, QUEUE_NEW, rows[i].name, &st, &err);
		if ((fd >= 0) != (rows[i].want == 0) ||
		    err.errnum != rows[i].want)
			fail_msg("%s: got %d, %s", rows[i].name, fd, err.text);
		if (fd >= 0) {
			assert_int_equal(st.st_size, strlen(TEXT));
			assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		}
		io_discard(&fd);
	}
	err = (struct error)ERROR_INIT;
	assert_int_equal(
	    queue_open_file(&queue, QUEUE_CUR, BASE ".json", &st, &err), -1);
	assert_int_equal(err.errnum, ENOENT);
	queue_close(&queue);
	leave_place(&place);
}

static void
test_move(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct error err = ERROR_INIT;
	int i;

	(void)state;
	put_file(in_folder(&place, "new", BASE ".json"), TEXT);
	/* From each to the next, which is made, and back to the first */
	for (i = 0; i < QUEUE_STATES; i++) {
		assert_int_equal(
		    queue_move(&queue, (enum queue_state)i, BASE ".json",
			(enum queue_state)((i + 1) % QUEUE_STATES),
			BASE ".json", &err),
		    1);
		assert_int_equal(
		    count_entries(in_spool(&place, folders[i])), 0);
		assert_file(in_folder(&place, folders[(i + 1) % QUEUE_STATES],
				BASE ".json"),
		    TEXT);
	}
	/* Under another name, in the same one */
	assert_int_equal(queue_move(&queue, QUEUE_NEW, BASE ".json", QUEUE_NEW,
			     BASE ",next=7.json", &err),
	    1);
	assert_file(in_folder(&place, "new", BASE ",next=7.json"), TEXT);
	queue_close(&queue);
	leave_place(&place);
}

/* Never over another file, whatever that is */
static void
test_move_to_a_name_that_is_taken(void **state)
{
	struct place place = place_with(ALL_STATES);
	struct queue queue = must_open_queue(&place);
	struct error err = ERROR_INIT;

	(void)state;
	put_file(in_folder(&place, "new", "a.json"), TEXT);
	put_file(in_folder(&place, "failed", "file"), "theirs");
	assert_int_equal(
	    symlink("nowhere", in_folder(&place, "failed", "link")), 0);
	assert_int_equal(mkdir(in_folder(&place, "failed", "folder"), 0700), 0);
	assert_int_equal(link(in_folder(&place, "new", "a.json"),
			     in_folder(&place, "failed", "same")),
	    0);
	assert_int_equal(
	    queue_move(&queue, QUEUE_NEW, "a.json", QUEUE_FAILED, "file", &err),
	    0);
	assert_int_equal(
	    queue_move(&queue, QUEUE_NEW, "a.json", QUEUE_FAILED, "link", &err),
	    0);
	assert_int_equal(queue_move(&queue, QUEUE_NEW, "a.json", QUEUE_FAILED,
			     "folder", &err),
	    0);
	assert_int_equal(
	    queue_move(&queue, QUEUE_NEW, "a.json", QUEUE_FAILED, "same", &err),
	    0);
	assert_int_equal(err.code, ERROR_NONE);
	assert_file(in_folder(&place, "new", "a.json"), TEXT);
	assert_file(in_folder(&place, "failed", "file"), "theirs");
	assert_int_equal(count_entries(in_spool(&place, "failed")), 4);
	queue_close(&queue);
	leave_place(&place);
}

static void
test_move_what_is_gone(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(
	    queue_move(&queue, QUEUE_NEW, "a.json", QUEUE_CUR, "a.json", &err),
	    0);
	assert_int_equal(err.code, ERROR_NONE);
	queue_close(&queue);
	leave_place(&place);
}

/* From a directory that is missing there is nothing to move. */
static void
test_move_from_a_missing_directory(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct error err = ERROR_INIT;
	int rc = queue_move(
	    &queue, QUEUE_FAILED, "a.json", QUEUE_NEW, "a.json", &err);

	(void)state;
	if (rc != 0)
		fail_msg("got %d: %s", rc, err.text);
	queue_close(&queue);
	leave_place(&place);
}

/* Directories come and go: one that was removed is made again. */
static void
test_move_to_a_directory_that_was_removed(void **state)
{
	struct place place = place_with(ALL_STATES);
	struct queue queue = must_open_queue(&place);
	struct error err = ERROR_INIT;
	int rc;

	(void)state;
	put_file(in_folder(&place, "new", "a.json"), TEXT);
	assert_int_equal(rmdir(in_spool(&place, "failed")), 0);
	rc = queue_move(
	    &queue, QUEUE_NEW, "a.json", QUEUE_FAILED, "a.json", &err);
	if (rc != 1)
		fail_msg("removed: got %d, %s", rc, err.text);
	assert_file(in_folder(&place, "failed", "a.json"), TEXT);
	queue_close(&queue);
	leave_place(&place);
}

static void
assert_log(const struct queue *queue, const char *file, const char *want)
{
	struct buf out = BUF_INIT(ROOM);
	struct spool_name name = name_of(file);
	struct error err = ERROR_INIT;

	buf_append_text(&out, "kept:");
	assert_int_equal(queue_log_read(queue, &name, &out, &err), 0);
	assert_int_equal(strncmp(out.at, "kept:", 5), 0);
	assert_same(
	    file, (struct span){ out.at + 5, out.len - 5 }, span_of(want));
	buf_free(&out);
}

static void
test_log(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct spool_name name = name_of(BASE ".json");
	struct error err = ERROR_INIT;

	(void)state;
	/* none yet, and none is made */
	assert_log(&queue, BASE ".json", "");
	queue_log_remove(&queue, &name);
	assert_int_equal(count_entries(place.spool), 1);
	assert_int_equal(
	    queue_log_write(&queue, &name, span_of("exit 1\nno\n"), &err), 0);
	assert_log(&queue, BASE ".json", "exit 1\nno\n");
	/* It belongs to the message, whatever the runner has added. */
	assert_log(&queue, BASE ",tries=2,next=7.json", "exit 1\nno\n");
	assert_log(&queue, OTHER ".json", "");
	name = name_of(BASE ",tries=3.json");
	assert_int_equal(
	    queue_log_write(&queue, &name, span_of("signal 9\n"), &err), 0);
	assert_log(&queue, BASE ".json", "signal 9\n");
	assert_int_equal(
	    queue_log_write(&queue, &name, (struct span){ NULL, 0 }, &err), 0);
	assert_log(&queue, BASE ".json", "");
	assert_int_equal(count_entries(in_spool(&place, "log")), 1);
	queue_log_remove(&queue, &name);
	queue_log_remove(&queue, &name);
	assert_int_equal(count_entries(in_spool(&place, "log")), 0);
	assert_log(&queue, BASE ".json", "");
	queue_close(&queue);
	leave_place(&place);
}

static void
test_log_modes(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct spool_name name = name_of(BASE ".json");
	struct error err = ERROR_INIT;
	mode_t old = umask(027);

	(void)state;
	assert_int_equal(queue_log_write(&queue, &name, span_of("x"), &err), 0);
	assert_int_equal(mode_of(in_spool(&place, "log")), 02750);
	assert_int_equal(mode_of(in_folder(&place, "log", BASE ".log")), 0640);
	(void)umask(old);
	queue_close(&queue);
	leave_place(&place);
}

/* Messages whose names are as long as they can be have logs of their own. */
static void
test_logs_of_long_names(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct spool_name one, two;
	struct error err = ERROR_INIT;
	char file[NAME_MAX + 1];
	size_t len;

	(void)state;
	for (len = NAME_MAX - 5; len > 0; len--) {
		memset(file, 'x', len);
		memcpy(file + len, ".json", sizeof(".json"));
		if (spool_name_parse(file, &one))
			break;
	}
	file[len - 1] = 'y';
	assert_true(spool_name_parse(file, &two));
	assert_int_equal(
	    queue_log_write(&queue, &one, span_of("one"), &err), 0);
	assert_int_equal(
	    queue_log_write(&queue, &two, span_of("two"), &err), 0);
	assert_log(&queue, file, "two");
	file[len - 1] = 'x';
	assert_log(&queue, file, "one");
	queue_close(&queue);
	leave_place(&place);
}

static void
test_log_is_read_up_to_its_limit(void **state)
{
	static const size_t lengths[] = { QUEUE_LOG_MAX - 1, QUEUE_LOG_MAX,
		QUEUE_LOG_MAX + 1, 10 * QUEUE_LOG_MAX };
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct buf text = BUF_INIT(ROOM), out = BUF_INIT(QUEUE_LOG_MAX);
	struct spool_name name = name_of(BASE ".json");
	struct error err = ERROR_INIT;
	struct span want;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(lengths); i++) {
		buf_reset(&text);
		buf_reset(&out);
		append_times(&text, "x", lengths[i]);
		assert_int_equal(
		    queue_log_write(&queue, &name, buf_span(&text), &err), 0);
		assert_int_equal(queue_log_read(&queue, &name, &out, &err), 0);
		want = buf_span(&text);
		if (want.len > QUEUE_LOG_MAX)
			want.len = QUEUE_LOG_MAX;
		assert_same("log", buf_span(&out), want);
	}
	/* No room: said so */
	assert_int_equal(queue_log_read(&queue, &name, &out, &err), -1);
	assert_int_equal(err.code, ERROR_MEMORY);
	buf_free(&text);
	buf_free(&out);
	queue_close(&queue);
	leave_place(&place);
}

/* A link where the log or its draft is to stand is replaced, not followed. */
static void
test_log_over_planted_links(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue;
	struct spool_name name = name_of(BASE ".json");
	struct buf out = BUF_INIT(ROOM);
	struct error err = ERROR_INIT;
	char draft[PATH_ROOM];

	(void)state;
	put_file(beside(&place, "victim"), "precious");
	assert_int_equal(mkdir(in_spool(&place, "log"), 0700), 0);
	assert_int_equal(
	    symlink("../../victim", in_folder(&place, "log", BASE ".log")), 0);
	(void)snprintf(draft, sizeof(draft), "%s",
	    in_folder(&place, "log", path_of(".draft.%ld", (long)getpid())));
	assert_int_equal(symlink("../../victim", draft), 0);
	assert_int_equal(
	    symlink("../../victim", in_folder(&place, "log", "." BASE ".log")),
	    0);
	queue = must_open_queue(&place);
	assert_int_equal(queue_log_read(&queue, &name, &out, &err), 0);
	assert_int_equal(out.len, 0);
	assert_int_equal(queue_log_write(&queue, &name, span_of("x"), &err), 0);
	assert_log(&queue, BASE ".json", "x");
	assert_file(beside(&place, "victim"), "precious");
	(void)unlink(draft);
	(void)unlink(in_folder(&place, "log", "." BASE ".log"));
	assert_int_equal(count_entries(in_spool(&place, "log")), 1);
	/* and removed as what it is */
	queue_log_remove(&queue, &name);
	assert_int_equal(
	    symlink("../../victim", in_folder(&place, "log", BASE ".log")), 0);
	queue_log_remove(&queue, &name);
	assert_int_equal(count_entries(in_spool(&place, "log")), 0);
	assert_file(beside(&place, "victim"), "precious");
	queue_close(&queue);
	leave_place(&place);
}

/* What is no file is no log, and nothing is left of what cannot be put. */
static void
test_log_over_other_things(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue;
	struct spool_name name = name_of(BASE ".json");
	struct buf out = BUF_INIT(ROOM);
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(mkdir(in_spool(&place, "log"), 0700), 0);
	assert_int_equal(mkdir(in_folder(&place, "log", BASE ".log"), 0700), 0);
	queue = must_open_queue(&place);
	assert_int_equal(
	    queue_log_write(&queue, &name, span_of("x"), &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_int_equal(count_entries(in_spool(&place, "log")), 1);
	err = (struct error)ERROR_INIT;
	assert_int_equal(queue_log_read(&queue, &name, &out, &err), 0);
	assert_int_equal(out.len, 0);
	queue_log_remove(&queue, &name);
	assert_int_equal(rmdir(in_folder(&place, "log", BASE ".log")), 0);
	assert_int_equal(
	    mkfifo(in_folder(&place, "log", BASE ".log"), 0600), 0);
	err = (struct error)ERROR_INIT;
	assert_int_equal(queue_log_read(&queue, &name, &out, &err), 0);
	assert_int_equal(out.len, 0);
	assert_int_equal(queue_log_write(&queue, &name, span_of("x"), &err), 0);
	assert_log(&queue, BASE ".json", "x");
	queue_close(&queue);
	leave_place(&place);
}

/* Somebody else has written the first log since this spool was opened. */
static void
test_log_that_others_made(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue ours = must_open_queue(&place);
	struct queue theirs = must_open_queue(&place);
	struct spool_name name = name_of(BASE ".json");
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(
	    queue_log_write(&theirs, &name, span_of("x"), &err), 0);
	assert_int_equal(queue_log_write(&ours, &name, span_of("y"), &err), 0);
	assert_log(&theirs, BASE ".json", "y");
	assert_log(&ours, BASE ".json", "y");
	queue_close(&ours);
	queue_close(&theirs);
	leave_place(&place);
}

/* and somebody has tidied up */
static void
test_log_after_its_directory_was_removed(void **state)
{
	struct place place = place_with(1u << QUEUE_NEW);
	struct queue queue = must_open_queue(&place);
	struct spool_name name = name_of(BASE ".json");
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(queue_log_write(&queue, &name, span_of("x"), &err), 0);
	remove_tree(in_spool(&place, "log"));
	assert_log(&queue, BASE ".json", "");
	if (queue_log_write(&queue, &name, span_of("y"), &err) < 0)
		fail_msg("%s", err.text);
	assert_log(&queue, BASE ".json", "y");
	queue_close(&queue);
	leave_place(&place);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_directory_but_new_may_be_missing),
		cmocka_unit_test(test_no_spool),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_planted_directories),
		cmocka_unit_test(test_planted_while_open),
		cmocka_unit_test(test_names_of_states),
		cmocka_unit_test(test_directories_are_made),
		cmocka_unit_test(test_own_directories),
		cmocka_unit_test(test_only_messages_are_visited),
		cmocka_unit_test(
		    test_only_messages_are_visited_where_types_are_unknown),
		cmocka_unit_test(test_visit_answers),
		cmocka_unit_test(test_missing_directory_is_empty),
		cmocka_unit_test(test_messages_vanish_while_visited),
		cmocka_unit_test(test_find_by_what_a_user_says),
		cmocka_unit_test(test_find_in_states),
		cmocka_unit_test(test_find_without_end),
		cmocka_unit_test(test_open_file),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_move_to_a_name_that_is_taken),
		cmocka_unit_test(test_move_what_is_gone),
		cmocka_unit_test(test_move_from_a_missing_directory),
		cmocka_unit_test(test_move_to_a_directory_that_was_removed),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_modes),
		cmocka_unit_test(test_logs_of_long_names),
		cmocka_unit_test(test_log_is_read_up_to_its_limit),
		cmocka_unit_test(test_log_over_planted_links),
		cmocka_unit_test(test_log_over_other_things),
		cmocka_unit_test(test_log_that_others_made),
		cmocka_unit_test(test_log_after_its_directory_was_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
