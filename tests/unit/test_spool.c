/* SPDX-License-Identifier: MIT */
/*
 * test_spool - lib/spool/spool: a Maildir for webhooks
 *
 * What is made, with which modes; what is refused; names; many at once;
 * what is swept. What happens when a system call fails is in test_faults.
 * Children do what root may do in spite of everything, as nobody.
 */
#include "spools.h"

#include <pthread.h>
#include <regex.h>
#include <sys/mount.h>

#include "base/clock.h"
#include "spool/spool_known.h"

#define NOBODY 65534

static const char *const folders[] = { "new", "tmp", "cur", "failed",
	"quarantine" };

static void
test_made_on_first_use(void **state)
{
	static const mode_t masks[] = { 0, 002, 007, 022, 027, 077 };
	char name[SPOOL_NAME_SIZE];
	struct place place;
	struct spool spool;
	mode_t old;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(masks); i++) {
		place = new_place();
		old = umask(masks[i]);
		spool = must_open(&place);
		must_deliver(&spool, "text\n", name);
		spool_close(&spool);
		(void)umask(old);
		assert_int_equal(mode_of(place.spool), 02770 & ~masks[i]);
		for (j = 0; j < COUNT(folders); j++)
			assert_int_equal(mode_of(in_spool(&place, folders[j])),
			    02770 & ~masks[i]);
		assert_int_equal(
		    mode_of(in_folder(&place, "new", name)), 0660 & ~masks[i]);
		assert_file(in_folder(&place, "new", name), "text\n");
		assert_counts("after one delivery", &place, 1, 0);
		leave_place(&place);
	}
}

/* What is there already keeps its mode. */
static void
test_modes_of_others_are_kept(void **state)
{
	struct place place = new_place();
	struct spool spool;

	(void)state;
	assert_int_equal(mkdir(place.spool, 0700), 0);
	assert_int_equal(mkdir(in_spool(&place, "new"), 0700), 0);
	assert_int_equal(chmod(place.spool, 0755), 0);
	spool = must_open(&place);
	spool_close(&spool);
	assert_int_equal(mode_of(place.spool), 0755);
	assert_int_equal(mode_of(in_spool(&place, "new")), 0700);
	leave_place(&place);
}

static void
assert_not_opened(const char *what, const char *path, enum error_code want)
{
	struct spool spool = { .root = 11, .tmp = 22, .new_ = 33 };
	struct error err = ERROR_INIT;

	assert_int_equal(spool_open(&spool, path, &err), -1);
	if (err.code != want)
		fail_msg("%s: got %s (%s), want %s", what, error_rule(err.code),
		    err.text, error_rule(want));
	assert_int_equal(spool.root, -1);
	assert_int_equal(spool.tmp, -1);
	assert_int_equal(spool.new_, -1);
	spool_close(&spool);
}

static void
test_parent_missing(void **state)
{
	struct place place = new_place();

	(void)state;
	assert_not_opened(
	    "no parent", in_spool(&place, "deeper"), ERROR_SYSTEM);
	assert_int_equal(count_entries(place.top), 0);
	leave_place(&place);
}

static void
test_paths(void **state)
{
	static const char *const refused[] = { "", ".", "spool", "./spool",
		"../spool", " /tmp/spool", "/", "//", "///" };
	char name[SPOOL_NAME_SIZE];
	struct place place = new_place();
	struct buf path = BUF_INIT(ROOM);
	struct error err = ERROR_INIT;
	struct spool spool;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(refused); i++)
		assert_not_opened(refused[i], refused[i], ERROR_CONFIGURATION);
	append_times(&path, "/x", 4096);
	buf_append_byte(&path, '\0');
	assert_not_opened("a long path", path.at, ERROR_CONFIGURATION);
	path.at[4095] = '\0';
	assert_not_opened("the longest path", path.at, ERROR_SYSTEM);
	buf_free(&path);
	assert_int_equal(
	    spool_open(&spool, path_of("%s///", place.spool), &err), 0);
	must_deliver(&spool, "x", name);
	spool_close(&spool);
	assert_counts("slashes at the end", &place, 1, 0);
	leave_place(&place);
}

/* A spool that must be there: nothing is made where it is not. */
static void
test_found_or_not(void **state)
{
	struct place place = new_place();
	struct error err = ERROR_INIT;
	struct spool spool;

	(void)state;
	assert_int_equal(spool_find(&spool, place.spool, &err), -1);
	assert_int_equal(err.errnum, ENOENT);
	assert_int_equal(count_entries(place.top), 0);
	/* An empty mount point */
	assert_int_equal(mkdir(place.spool, 0700), 0);
	err = (struct error)ERROR_INIT;
	assert_int_equal(spool_find(&spool, place.spool, &err), -1);
	assert_int_equal(err.errnum, ENOENT);
	assert_int_equal(count_entries(place.spool), 0);
	/* The rest of it is made. */
	assert_int_equal(mkdir(in_spool(&place, "new"), 0700), 0);
	err = (struct error)ERROR_INIT;
	assert_int_equal(spool_find(&spool, place.spool, &err), 0);
	assert_false(spool.made);
	spool_close(&spool);
	assert_int_equal(count_entries(place.spool), (int)COUNT(folders));
	leave_place(&place);
}

static void
test_made_is_told_once(void **state)
{
	struct place place = new_place();
	struct spool spool = must_open(&place);

	(void)state;
	assert_true(spool.made);
	spool_close(&spool);
	spool = must_open(&place);
	assert_false(spool.made);
	spool_close(&spool);
	/* The directory without new/ is an empty mount point. */
	assert_int_equal(rmdir(in_spool(&place, "new")), 0);
	spool = must_open(&place);
	assert_true(spool.made);
	spool_close(&spool);
	leave_place(&place);
}

static void
test_close_accepts_everything(void **state)
{
	struct spool spool = SPOOL_INIT;
	struct place place = new_place();

	(void)state;
	spool_close(&spool);
	spool = must_open(&place);
	spool_close(&spool);
	spool_close(&spool);
	leave_place(&place);
}

static void
test_spool_is_a_file(void **state)
{
	struct place place = new_place();

	(void)state;
	put_file(place.spool, "precious");
	assert_not_opened("a file", place.spool, ERROR_SYSTEM);
	assert_file(place.spool, "precious");
	leave_place(&place);
}

/* A link at a path, to something that stands beside the spool or not */
static void
plant(const struct place *place, const char *where, const char *target)
{
	if (*where)
		assert_int_equal(mkdir(place->spool, 0700), 0);
	assert_int_equal(mkdir(beside(place, "victim"), 0700), 0);
	put_file(beside(place, "file"), "precious");
	assert_int_equal(symlink(beside(place, target),
			     *where ? in_spool(place, where) : place->spool),
	    0);
}

/* A link where a directory belongs is not followed, wherever it leads. */
static void
test_planted_links(void **state)
{
	/* "" is the spool itself */
	static const char *const where[] = { "", "tmp", "new", "quarantine",
		"cur", "failed" };
	static const char *const targets[] = { "victim", "nowhere", "file",
		"spool" };
	struct place place;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(where); i++)
		for (j = 0; j < COUNT(targets); j++) {
			place = new_place();
			plant(&place, where[i], targets[j]);
			assert_not_opened(where[i], place.spool, ERROR_SYSTEM);
			assert_not_opened(where[i], path_of("%s/", place.spool),
			    ERROR_SYSTEM);
			assert_int_equal(
			    count_entries(beside(&place, "victim")), 0);
			assert_int_equal(
			    mode_of(beside(&place, "victim")), 0700);
			assert_file(beside(&place, "file"), "precious");
			assert_int_equal(
			    access(beside(&place, "nowhere"), F_OK), -1);
			leave_place(&place);
		}
}

static struct timespec fixed_now;

static struct timespec
answer_fixed_now(void)
{
	return fixed_now;
}

/* The number after the last Q of a name */
static unsigned long
counter_of(const char *name)
{
	return strtoul(strchr(name, 'Q') + 1, NULL, 10);
}

/* The names that this process gives next, without making their files */
static void
foretell(const char *last, unsigned ahead, char name[SPOOL_NAME_SIZE])
{
	const char *q = strchr(last, 'Q');
	const char *host = strchr(q, '.');

	(void)snprintf(name, SPOOL_NAME_SIZE, "%.*sQ%lu%s", (int)(q - last),
	    last, counter_of(last) + ahead, host);
}

/* A name that is taken, in tmp/ or new/, is left to its owner. */
static void
test_names_that_are_taken(void **state)
{
	static const struct {
		const char *where;
		bool link;
	} rows[] = {
		{ "tmp", false },
		{ "new", false },
		{ "tmp", true },
		{ "new", true },
	};
	char last[SPOOL_NAME_SIZE], name[SPOOL_NAME_SIZE];
	char victim[PATH_ROOM], taken[SPOOL_NAME_SIZE];
	struct place place = new_place();
	struct spool spool = must_open(&place);
	int in_new = 0, in_tmp = 0;
	unsigned ahead;
	size_t i;

	(void)state;
	(void)snprintf(victim, sizeof(victim), "%s/victim", place.top);
	put_file(victim, "precious");
	for (i = 0; i < COUNT(rows); i++) {
		must_deliver(&spool, "first", last);
		in_new++;
		for (ahead = 1; ahead <= 5; ahead++) {
			foretell(last, ahead, taken);
			if (rows[i].link)
				assert_int_equal(symlink(victim,
						     in_folder(&place,
							 rows[i].where, taken)),
				    0);
			else
				put_file(
				    in_folder(&place, rows[i].where, taken),
				    "theirs");
			*(rows[i].where[0] == 'n' ? &in_new : &in_tmp) += 1;
		}
		must_deliver(&spool, "second", name);
		in_new++;
		for (ahead = 1; ahead <= 5; ahead++) {
			foretell(last, ahead, taken);
			assert_string_not_equal(name, taken);
			assert_file(in_folder(&place, rows[i].where, taken),
			    rows[i].link ? "precious" : "theirs");
		}
		assert_file(in_folder(&place, "new", name), "second");
		assert_counts(rows[i].where, &place, in_new, in_tmp);
	}
	assert_file(victim, "precious");
	spool_close(&spool);
	leave_place(&place);
}

/* When every name is taken, that is an error, and nothing is left. */
static void
test_no_name_left(void **state)
{
	static const char *const where[] = { "tmp", "new" };
	char last[SPOOL_NAME_SIZE], taken[SPOOL_NAME_SIZE];
	struct timespec when = { 1795280733, 123456789 };
	struct place place;
	struct spool spool;
	struct error err;
	unsigned ahead;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(where); i++) {
		place = new_place();
		spool = must_open(&place);
		must_deliver(&spool, "first", last);
		for (ahead = 1; ahead <= 300; ahead++) {
			foretell(last, ahead, taken);
			put_file(in_folder(&place, where[i], taken), "theirs");
		}
		err = (struct error)ERROR_INIT;
		assert_int_equal(
		    deliver_at(&spool, when, "second", taken, &err), -1);
		assert_int_equal(err.code, ERROR_SYSTEM);
		assert_int_equal(err.errnum, EEXIST);
		assert_counts(
		    where[i], &place, i == 0 ? 1 : 301, i == 0 ? 300 : 0);
		spool_close(&spool);
		leave_place(&place);
	}
}

static void
test_name_format(void **state)
{
	static const struct {
		struct timespec when;
		const char *begin;
	} rows[] = {
		{ { 1795280733, 123456789 }, "1795280733.M123456P" },
		{ { 1795280733, 0 }, "1795280733.M000000P" },
		{ { 1795280733, 999 }, "1795280733.M000000P" },
		{ { 1795280733, 1000 }, "1795280733.M000001P" },
		{ { 1795280733, 999999999 }, "1795280733.M999999P" },
		{ { 2147483648, 0 }, "2147483648.M000000P" },
		{ { 9999999999, 0 }, "9999999999.M000000P" },
	};
	char name[SPOOL_NAME_SIZE];
	struct place place = new_place();
	struct spool spool = must_open(&place);
	struct error err = ERROR_INIT;
	regex_t form;
	size_t i;

	(void)state;
	assert_int_equal(regcomp(&form,
			     "^[0-9]+\\.M[0-9]{6}P[0-9]+Q[0-9]+\\."
			     "[A-Za-z0-9.-]+\\.json$",
			     REG_EXTENDED | REG_NOSUB),
	    0);
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(
		    deliver_at(&spool, rows[i].when, "x", name, &err), 0);
		if (strncmp(name, rows[i].begin, strlen(rows[i].begin)) != 0)
			fail_msg("got %s, want %s...", name, rows[i].begin);
		if (regexec(&form, name, 0, NULL, 0) != 0)
			fail_msg("%s has not the form of a name", name);
		assert_int_equal(
		    strtol(strchr(name, 'P') + 1, NULL, 10), (long)getpid());
	}
	regfree(&form);
	spool_close(&spool);
	leave_place(&place);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp((const char *)a, (const char *)b);
}

/* Sorted as text, names are in order of time. */
static void
test_name_order(void **state)
{
	static char names[200][SPOOL_NAME_SIZE], sorted[200][SPOOL_NAME_SIZE];
	struct place place = new_place();
	struct spool spool = must_open(&place);
	struct error err = ERROR_INIT;
	struct timespec when = { 1795280733, 999995000 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		assert_int_equal(
		    deliver_at(&spool, when, "x", names[i], &err), 0);
		when.tv_nsec += i % 3 ? 1000 : 123456000;
		if (when.tv_nsec >= 1000000000) {
			when.tv_nsec -= 1000000000;
			when.tv_sec++;
		}
	}
	memcpy(sorted, names, sizeof(names));
	qsort(sorted, COUNT(sorted), sizeof(sorted[0]), compare_names);
	for (i = 0; i < COUNT(names); i++)
		assert_string_equal(sorted[i], names[i]);
	spool_close(&spool);
	leave_place(&place);
}

static void
test_long_and_empty_messages(void **state)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 65536,
		16 << 20 };
	struct timespec when = { 1795280733, 0 };
	char name[SPOOL_NAME_SIZE];
	struct buf text = BUF_INIT(ROOM), got = BUF_INIT(ROOM);
	struct place place = new_place();
	struct spool spool = must_open(&place);
	struct error err = ERROR_INIT;
	struct iovec piece;
	struct delivery delivery = { &spool, when, &piece, 1 };
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(sizes); i++) {
		buf_reset(&text);
		buf_reset(&got);
		for (j = 0; j < sizes[i]; j++)
			buf_append_byte(&text, (char)(j * 31 >> 3));
		piece = (struct iovec){ text.at, text.len };
		assert_int_equal(spool_deliver(&delivery, name, &err), 0);
		append_file_at(&got, AT_FDCWD, in_folder(&place, "new", name));
		assert_true(same(buf_span(&got), buf_span(&text)));
	}
	buf_free(&text);
	buf_free(&got);
	spool_close(&spool);
	leave_place(&place);
}

/* spool_write() and spool_forget(): tmp/ only */
static void
test_halves(void **state)
{
	struct timespec when = { 1795280733, 0 };
	char text[] = "half";
	struct draft draft = DRAFT_INIT;
	struct place place = new_place();
	struct spool spool = must_open(&place);
	struct error err = ERROR_INIT;
	struct iovec piece = { text, 4 };
	struct delivery delivery = { &spool, when, &piece, 1 };
	int failed;

	(void)state;
	assert_int_equal(spool_write(&delivery, &draft, &err), 0);
	assert_counts("written", &place, 0, 1);
	spool_forget(&spool, &draft);
	assert_counts("forgotten", &place, 0, 0);
	spool_forget(&spool, &draft);
	assert_int_equal(spool_write(&delivery, &draft, &err), 0);
	failed = spool_directory(spool.root, "failed", &err);
	assert_true(failed >= 0);
	assert_int_equal(spool_place(&delivery, failed, "", &draft, &err), 0);
	assert_int_equal(close(failed), 0);
	assert_counts("placed", &place, 0, 0);
	assert_file(in_folder(&place, "failed", draft.name), "half");
	assert_int_equal(spool_directory(spool.root, "extra", &err) >= 0, 1);
	assert_int_equal(mode_of(in_spool(&place, "extra")) & 07000, 02000);
	spool_close(&spool);
	leave_place(&place);
}

#define THREADS	  8
#define EACH	  500
#define PROCESSES 4

struct deliverer {
	struct place place;
	int number;
};

/* Many deliveries, each opening the spool as a request does */
static void *
deliver_many(void *argument)
{
	const struct deliverer *d = argument;
	char name[SPOOL_NAME_SIZE], text[64];
	struct error err = ERROR_INIT;
	struct spool spool;
	int i;

	for (i = 0; i < EACH; i++) {
		/* The same time for all: it must not be what tells apart. */
		struct timespec when = { 1795280733, 0 };

		(void)snprintf(text, sizeof(text), "deliverer %d message %d\n",
		    d->number, i);
		if (spool_open(&spool, d->place.spool, &err) < 0 ||
		    deliver_at(&spool, when, text, name, &err) < 0)
			return err.text[0] ? strdup(err.text) : strdup("?");
		spool_close(&spool);
	}
	return NULL;
}

static int
deliver_from_threads(void *argument)
{
	const struct place *place = argument;
	struct deliverer deliverers[THREADS];
	pthread_t threads[THREADS];
	void *trouble;
	int i, rc = 0;

	for (i = 0; i < THREADS; i++) {
		deliverers[i] =
		    (struct deliverer){ *place, (int)getpid() * THREADS + i };
		if (pthread_create(
			&threads[i], NULL, deliver_many, &deliverers[i]) != 0)
			return 2;
	}
	for (i = 0; i < THREADS; i++) {
		(void)pthread_join(threads[i], &trouble);
		if (trouble) {
			(void)fprintf(stderr, "%s\n", (char *)trouble);
			rc = 1;
		}
		free(trouble);
	}
	return rc;
}

/* Every message once, whole */
static void
assert_all_there(const struct place *place, int want)
{
	struct buf all = BUF_INIT(ROOM), file = BUF_INIT(ROOM);
	struct dirent *entry;
	DIR *list = opendir(in_spool(place, "new"));
	static char lines[PROCESSES * THREADS * EACH][48];
	int count = 0, i;

	assert_non_null(list);
	while ((entry = readdir(list)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		assert_true(count < want);
		buf_reset(&file);
		append_file_at(&file, dirfd(list), entry->d_name);
		assert_true(file.len > 1 && file.len < 48);
		assert_int_equal(file.at[file.len - 1], '\n');
		memcpy(lines[count], file.at, file.len - 1);
		lines[count++][file.len - 1] = '\0';
	}
	(void)closedir(list);
	assert_int_equal(count, want);
	qsort(lines, (size_t)count, sizeof(lines[0]), compare_names);
	for (i = 1; i < count; i++)
		assert_string_not_equal(lines[i - 1], lines[i]);
	assert_counts("after all", place, want, 0);
	buf_free(&all);
	buf_free(&file);
}

static void
test_threads(void **state)
{
	struct place place = new_place();

	(void)state;
	assert_int_equal(deliver_from_threads(&place), 0);
	assert_all_there(&place, THREADS * EACH);
	leave_place(&place);
}

static void
test_processes_with_threads(void **state)
{
	struct place place = new_place();
	pid_t pids[PROCESSES];
	int i, status;

	(void)state;
	for (i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(deliver_from_threads(&place));
	}
	for (i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_all_there(&place, PROCESSES * THREADS * EACH);
	leave_place(&place);
}

/* Removed and made again while the process lives, by it or by others */
static void
test_spool_comes_back(void **state)
{
	static const char *const missing[] = { "", "new", "tmp", "cur",
		"failed", "quarantine" };
	char name[SPOOL_NAME_SIZE];
	struct place place = new_place();
	struct spool spool;
	size_t i;
	int round;

	(void)state;
	for (round = 0; round < 5; round++) {
		spool = must_open(&place);
		must_deliver(&spool, "x", name);
		spool_close(&spool);
		assert_counts("again", &place, 1, 0);
		remove_tree(place.spool);
	}
	for (i = 0; i < COUNT(missing); i++) {
		spool = must_open(&place);
		spool_close(&spool);
		remove_tree(in_spool(&place, missing[i]));
		spool = must_open(&place);
		must_deliver(&spool, "x", name);
		spool_close(&spool);
		assert_true(count_entries(in_spool(&place, "new")) > 0);
		assert_int_equal(count_entries(in_spool(&place, "tmp")), 0);
	}
	leave_place(&place);
}

/* A spool that goes away under an open one takes nothing. */
static void
test_spool_goes_away(void **state)
{
	struct timespec when = { 1795280733, 0 };
	char name[SPOOL_NAME_SIZE];
	struct place place = new_place();
	struct spool spool = must_open(&place);
	struct error err = ERROR_INIT;

	(void)state;
	remove_tree(place.spool);
	assert_int_equal(deliver_at(&spool, when, "x", name, &err), -1);
	assert_int_equal(err.errnum, ENOENT);
	spool_close(&spool);
	leave_place(&place);
}

/* More spools than the process remembers */
static void
test_many_spools(void **state)
{
	char name[SPOOL_NAME_SIZE];
	static struct place places[150];
	struct spool spool;
	size_t i, round;

	(void)state;
	for (i = 0; i < COUNT(places); i++)
		places[i] = new_place();
	for (round = 0; round < 2; round++)
		for (i = 0; i < COUNT(places); i++) {
			spool = must_open(&places[i]);
			must_deliver(&spool, "x", name);
			spool_sweep(&spool);
			spool_close(&spool);
		}
	for (i = 0; i < COUNT(places); i++) {
		assert_counts("each", &places[i], 2, 0);
		leave_place(&places[i]);
	}
}

static struct statx
made_up(unsigned number)
{
	struct statx st;

	memset(&st, 0, sizeof(st));
	st.stx_dev_major = 7;
	st.stx_ino = number;
	st.stx_btime.tv_sec = 1;
	return st;
}

/* Thousands are known, and the one that was used last is not forgotten. */
static void
test_thousands_are_known(void **state)
{
	struct statx first = made_up(1), st;
	unsigned i;

	(void)state;
	for (i = 1; i <= KNOWN_MOST + 100; i++) {
		st = made_up(i);
		assert_false(spool_is_known(&st));
		spool_remember(&st);
		spool_remember(&st);
		assert_true(spool_is_known(&st));
		assert_true(spool_is_known(&first));
	}
	for (i = 2; i <= KNOWN_MOST + 100; i++) {
		st = made_up(i);
		if (spool_is_known(&st) != (i > 101))
			fail_msg("%u is%s known", i, i > 101 ? " not" : "");
	}
	/* Another device or birth is another spool. */
	st = first;
	st.stx_dev_minor = 1;
	assert_false(spool_is_known(&st));
	st = first;
	st.stx_btime.tv_nsec = 1;
	assert_false(spool_is_known(&st));
}

static void
test_sweeps_of_thousands(void **state)
{
	const int64_t hour = INT64_C(3600) * 1000000;
	struct statx st;
	unsigned i, round;

	(void)state;
	for (round = 0; round < 3; round++)
		for (i = 0; i < 3000; i++) {
			st = made_up(1000000 + i);
			spool_remember(&st);
			if (spool_known_sweep(&st, SPOOL_SWEEP_TMP,
				round == 2 ? hour : 0) != (round != 1))
				fail_msg("spool %u, round %u", i, round);
		}
	st = made_up(5000000);
	assert_false(spool_known_sweep(&st, SPOOL_SWEEP_TMP, 0));
}

static void
set_times(const char *path, time_t when)
{
	struct timespec times[2] = { { when, 0 }, { when, 0 } };

	assert_int_equal(
	    utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* One sweep of a spool that has these in tmp/, all with both old times */
static void
sweep_later(const struct place *place, time_t seconds)
{
	struct spool spool = must_open(place);

	fixed_now = (struct timespec){ time(NULL) + seconds, 0 };
	clock_replace(answer_fixed_now);
	spool_sweep(&spool);
	clock_replace(NULL);
	spool_close(&spool);
}

static void
test_sweep_takes_the_old(void **state)
{
	/* seconds from making to sweeping; mtime is as made, or as given */
	static const struct {
		time_t later, mtime;
		bool swept;
	} rows[] = {
		{ 0, 0, false },
		{ SPOOL_STALE - 10, 0, false },
		{ SPOOL_STALE + 10, 0, true },
		{ 10 * SPOOL_STALE, 0, true },
		/* the clock was set: one of two times is old */
		{ 0, -2 * SPOOL_STALE, false },
		{ SPOOL_STALE + 10, SPOOL_STALE, false },
		{ SPOOL_STALE + 10, -SPOOL_STALE, true },
		{ -2 * SPOOL_STALE, 0, false },
		{ 0, 2 * SPOOL_STALE, false },
	};
	struct place place;
	struct spool spool;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		place = new_place();
		spool = must_open(&place);
		spool_close(&spool);
		put_file(in_spool(&place, "tmp/left"), "x");
		put_file(in_spool(&place, "new/message"), "x");
		if (rows[i].mtime)
			set_times(in_spool(&place, "tmp/left"),
			    time(NULL) + rows[i].mtime);
		sweep_later(&place, rows[i].later);
		if (access(in_spool(&place, "tmp/left"), F_OK) !=
		    (rows[i].swept ? -1 : 0))
			fail_msg("row %zu: want %s", i,
			    rows[i].swept ? "swept" : "left");
		assert_counts("swept", &place, 1, rows[i].swept ? 0 : 1);
		leave_place(&place);
	}
}

/* Whatever stands in tmp/: links go, their targets and directories stay. */
static void
test_sweep_of_odd_things(void **state)
{
	struct place place = new_place();
	struct spool spool = must_open(&place);

	(void)state;
	spool_close(&spool);
	put_file(beside(&place, "victim"), "precious");
	assert_int_equal(
	    symlink("../../victim", in_spool(&place, "tmp/link")), 0);
	assert_int_equal(symlink("nowhere", in_spool(&place, "tmp/dead")), 0);
	assert_int_equal(mkdir(in_spool(&place, "tmp/folder"), 0700), 0);
	put_file(in_spool(&place, "tmp/folder/file"), "x");
	assert_int_equal(mkfifo(in_spool(&place, "tmp/pipe"), 0600), 0);
	put_file(in_spool(&place, "tmp/.hidden"), "x");
	sweep_later(&place, SPOOL_STALE + 10);
	assert_file(beside(&place, "victim"), "precious");
	assert_file(in_spool(&place, "tmp/folder/file"), "x");
	assert_counts("the folder stays", &place, 0, 1);
	leave_place(&place);
}

/* At most once an hour */
static void
test_sweep_is_rare(void **state)
{
	struct place place = new_place();

	(void)state;
	sweep_later(&place, 0);
	put_file(in_spool(&place, "tmp/left"), "x");
	sweep_later(&place, 2 * SPOOL_STALE);
	assert_counts("not again so soon", &place, 0, 1);
	leave_place(&place);
}

/* Exit statuses of children: what happened */
enum {
	DELIVERED = 0,
	NOT_OPENED = 10,
	NOT_DELIVERED = 11
};

static int
open_and_deliver(void *argument)
{
	const struct place *place = argument;
	struct timespec when = { 1795280733, 0 };
	char name[SPOOL_NAME_SIZE];
	struct error err = ERROR_INIT;
	struct spool spool;

	(void)umask(027);
	if (spool_open(&spool, place->spool, &err) < 0)
		return NOT_OPENED;
	if (deliver_at(&spool, when, "x", name, &err) < 0)
		return NOT_DELIVERED;
	spool_close(&spool);
	return DELIVERED;
}

static void
give_to_nobody(const char *path, gid_t group, mode_t mode)
{
	assert_int_equal(chown(path, NOBODY, group), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static bool
lacks_root(void)
{
	if (geteuid() == 0)
		return false;
	print_message("needs root\n");
	return true;
}

/* Permissions that are missing: an error, and nothing made */
static void
test_permissions(void **state)
{
	static const struct {
		const char *where;
		mode_t mode;
		int want;
	} rows[] = {
		{ "", 0700, DELIVERED },
		{ "", 0500, DELIVERED },
		{ "", 0300, NOT_OPENED },
		{ "", 0000, NOT_OPENED },
		{ "tmp", 0500, NOT_DELIVERED },
		{ "new", 0500, NOT_DELIVERED },
		{ "tmp", 0000, NOT_OPENED },
		{ "new", 0000, NOT_OPENED },
	};
	struct place place;
	int got;
	size_t i;

	(void)state;
	if (lacks_root())
		skip();
	for (i = 0; i < COUNT(rows); i++) {
		place = new_place();
		give_to_nobody(place.top, NOBODY, 0700);
		assert_int_equal(
		    in_child(open_and_deliver, &place, NOBODY, NOBODY),
		    DELIVERED);
		assert_int_equal(
		    chmod(in_spool(&place, rows[i].where), rows[i].mode), 0);
		got = in_child(open_and_deliver, &place, NOBODY, NOBODY);
		if (got != rows[i].want)
			fail_msg("\"%s\" %04o: got %d, want %d", rows[i].where,
			    (unsigned)rows[i].mode, got, rows[i].want);
		assert_counts(rows[i].where, &place,
		    rows[i].want == DELIVERED ? 2 : 1, 0);
		leave_place(&place);
	}
}

/* The parent may be read by nobody but its owner, once the spool stands. */
static void
test_parent_of_somebody_else(void **state)
{
	struct place place;

	(void)state;
	if (lacks_root())
		skip();
	place = new_place();
	assert_int_equal(chmod(place.top, 0755), 0);
	assert_int_equal(
	    in_child(open_and_deliver, &place, NOBODY, NOBODY), NOT_OPENED);
	assert_int_equal(count_entries(place.top), 0);
	assert_int_equal(mkdir(place.spool, 0700), 0);
	give_to_nobody(place.spool, NOBODY, 0700);
	assert_int_equal(
	    in_child(open_and_deliver, &place, NOBODY, NOBODY), DELIVERED);
	assert_int_equal(chmod(place.top, 0711), 0);
	assert_int_equal(
	    in_child(open_and_deliver, &place, NOBODY, NOBODY), DELIVERED);
	assert_counts("twice", &place, 2, 0);
	leave_place(&place);
}

/*
 * The parent has the setgid bit and the consumers' group, to which the
 * service does not belong: directories and files get that group, too.
 */
static void
test_setgid_parent(void **state)
{
	static const gid_t consumers = 12345;
	struct place place;
	struct stat st;
	size_t i;

	(void)state;
	if (lacks_root())
		skip();
	place = new_place();
	give_to_nobody(place.top, consumers, 02770);
	assert_int_equal(
	    in_child(open_and_deliver, &place, NOBODY, NOBODY), DELIVERED);
	for (i = 0; i < COUNT(folders); i++) {
		assert_int_equal(stat(in_spool(&place, folders[i]), &st), 0);
		if (st.st_gid != consumers || (st.st_mode & 07777) != 02750)
			fail_msg("%s/: got group %u, mode %04o; want %u, 2750",
			    folders[i], (unsigned)st.st_gid,
			    (unsigned)st.st_mode & 07777, (unsigned)consumers);
	}
	leave_place(&place);
}

static void
test_read_only(void **state)
{
	struct timespec when = { 1795280733, 0 };
	char name[SPOOL_NAME_SIZE];
	struct place place;
	struct spool spool;
	struct error err = ERROR_INIT;

	(void)state;
	if (lacks_root())
		skip();
	place = new_place();
	if (mount("none", place.top, "tmpfs", 0, "size=1m") < 0)
		fail_msg("cannot mount: %s", strerror(errno));
	spool = must_open(&place);
	must_deliver(&spool, "x", name);
	spool_close(&spool);
	assert_int_equal(
	    mount("none", place.top, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL), 0);
	spool = must_open(&place);
	assert_int_equal(deliver_at(&spool, when, "y", name, &err), -1);
	assert_int_equal(err.errnum, EROFS);
	spool_close(&spool);
	assert_counts("read-only", &place, 1, 0);
	assert_int_equal(umount2(place.top, MNT_DETACH), 0);
	leave_place(&place);
}

/* A file system that is full: bytes first, then inodes */
static void
test_full(void **state)
{
	static const char *const options[] = { "size=64k", "nr_inodes=20" };
	struct timespec when = { 1795280733, 0 };
	char name[SPOOL_NAME_SIZE], *text;
	struct place place;
	struct spool spool;
	struct error err;
	size_t i;
	int count;

	(void)state;
	if (lacks_root())
		skip();
	text = malloc(10001);
	assert_non_null(text);
	memset(text, 'x', 10000);
	text[10000] = '\0';
	for (i = 0; i < COUNT(options); i++) {
		place = new_place();
		if (mount("none", place.top, "tmpfs", 0, options[i]) < 0)
			fail_msg("cannot mount: %s", strerror(errno));
		spool = must_open(&place);
		err = (struct error)ERROR_INIT;
		for (count = 0; deliver_at(&spool, when, text, name, &err) == 0;
		     count++)
			assert_true(count < 100);
		assert_int_equal(err.errnum, ENOSPC);
		assert_true(count > 0);
		assert_counts("full", &place, count, 0);
		spool_close(&spool);
		assert_int_equal(umount2(place.top, MNT_DETACH), 0);
		leave_place(&place);
	}
	free(text);
}

static struct timespec
mark_time(const struct place *place)
{
	struct stat st;

	if (lstat(in_spool(place, SPOOL_KEYS_WANTED), &st) < 0)
		fail_msg("no mark: %s", strerror(errno));
	return st.st_mtim;
}

/* At most once a minute, whoever asks; a time to come counts as none. */
static void
test_mark(void **state)
{
	static const struct {
		int age; /* seconds */
		bool set;
	} rows[] = { { 0, false }, { 50, false }, { 70, true }, { 86400, true },
		{ -70, true } };
	struct place place = new_place();
	struct spool spool = must_open(&place);
	struct error err = ERROR_INIT;
	struct timespec times[2];
	time_t now = time(NULL);
	size_t i;

	(void)state;
	assert_int_equal(spool_mark(&spool, SPOOL_KEYS_WANTED, &err), 0);
	assert_true(mark_time(&place).tv_sec >= now - 1);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		times[0] = times[1] =
		    (struct timespec){ time(NULL) - rows[i].age, 5 };
		assert_int_equal(
		    utimensat(AT_FDCWD, in_spool(&place, SPOOL_KEYS_WANTED),
			times, 0),
		    0);
		assert_int_equal(
		    spool_mark(&spool, SPOOL_KEYS_WANTED, &err), 0);
		if ((mark_time(&place).tv_nsec != 5) != rows[i].set)
			fail_msg("of %d s ago: set? want %d", rows[i].age,
			    rows[i].set);
	}
	assert_int_equal(err.code, ERROR_NONE);
	spool_close(&spool);
	leave_place(&place);
}

/* What stands in its place is neither followed nor waited for. */
static void
test_mark_in_the_way(void **state)
{
	struct place place = new_place();
	struct spool spool = must_open(&place);
	const struct timespec old[2] = { { 1, 0 }, { 1, 0 } };
	struct error err = ERROR_INIT;
	const char *mark = in_spool(&place, SPOOL_KEYS_WANTED);

	(void)state;
	assert_int_equal(symlink(beside(&place, "made"), mark), 0);
	assert_int_equal(
	    utimensat(AT_FDCWD, mark, old, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(spool_mark(&spool, SPOOL_KEYS_WANTED, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	assert_int_equal(access(beside(&place, "made"), F_OK), -1);
	assert_int_equal(unlink(mark), 0);
	err = (struct error)ERROR_INIT;
	assert_int_equal(mkfifo(mark, 0600), 0);
	assert_int_equal(utimensat(AT_FDCWD, mark, old, 0), 0);
	assert_int_equal(spool_mark(&spool, SPOOL_KEYS_WANTED, &err), -1);
	assert_int_equal(err.code, ERROR_SYSTEM);
	spool_close(&spool);
	leave_place(&place);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_on_first_use),
		cmocka_unit_test(test_modes_of_others_are_kept),
		cmocka_unit_test(test_parent_missing),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_found_or_not),
		cmocka_unit_test(test_made_is_told_once),
		cmocka_unit_test(test_close_accepts_everything),
		cmocka_unit_test(test_spool_is_a_file),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_mark_in_the_way),
		cmocka_unit_test(test_planted_links),
		cmocka_unit_test(test_names_that_are_taken),
		cmocka_unit_test(test_no_name_left),
		cmocka_unit_test(test_name_format),
		cmocka_unit_test(test_name_order),
		cmocka_unit_test(test_long_and_empty_messages),
		cmocka_unit_test(test_halves),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_processes_with_threads),
		cmocka_unit_test(test_spool_comes_back),
		cmocka_unit_test(test_spool_goes_away),
		cmocka_unit_test(test_many_spools),
		cmocka_unit_test(test_thousands_are_known),
		cmocka_unit_test(test_sweeps_of_thousands),
		cmocka_unit_test(test_sweep_takes_the_old),
		cmocka_unit_test(test_sweep_of_odd_things),
		cmocka_unit_test(test_sweep_is_rare),
		cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_parent_of_somebody_else),
		cmocka_unit_test(test_setgid_parent),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_full),
	};

	(void)umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
