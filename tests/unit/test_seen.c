/* SPDX-License-Identifier: MIT */
/*
 * test_seen - lib/spool/seen: one message once, however often it comes
 *
 * fsync() is defined here once more, which takes precedence over libc's:
 * it can wait, fail or end the process when new/ is flushed, and it counts
 * how often that went well. So whenever a repeat is answered as one, it can
 * be asked whether a message was on stable storage by then.
 */
#undef _FORTIFY_SOURCE /* its inline functions would get in the way */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "spool/room.h"
#include "spool/seen.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define WINDOW	     600
#define THREADS	     8
#define ROUNDS	     200
#define TEXT	     "{\"id\":\"1\"}\n"

/* What happens when new/ is flushed */
static struct {
	atomic_int fd;	     /* of new/; -1: nothing is watched */
	atomic_int flushed;  /* how often it went well */
	atomic_int begun;    /* how often it was tried */
	atomic_int failures; /* the next so many fail */
	atomic_int percent;  /* so many of a hundred fail */
	atomic_int wait_ms;  /* it takes so long, once */
	atomic_bool die;
} plan;

static void
sleep_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	(void)nanosleep(&time, NULL);
}

int
fsync(int fd)
{
	int count;

	/* No power is cut here, so nothing has to reach the disk. */
	if (fd != atomic_load(&plan.fd))
		return 0;
	count = atomic_fetch_add(&plan.begun, 1);
	sleep_ms(atomic_exchange(&plan.wait_ms, 0));
	if (atomic_load(&plan.die))
		_exit(42);
	if (atomic_fetch_sub(&plan.failures, 1) > 0 ||
	    count * 37 % 100 < atomic_load(&plan.percent)) {
		errno = EIO;
		return -1;
	}
	atomic_fetch_add(&plan.flushed, 1);
	return 0;
}

/* A spool of its own for each test */
struct place {
	char top[64], root[80];
	struct spool spool;
};

static void
watch(const struct spool *spool)
{
	atomic_store(&plan.fd, spool->new_);
	atomic_store(&plan.flushed, 0);
	atomic_store(&plan.begun, 0);
	atomic_store(&plan.failures, 0);
	atomic_store(&plan.percent, 0);
	atomic_store(&plan.wait_ms, 0);
	atomic_store(&plan.die, false);
}

static void
enter(struct place *place)
{
	const char *top = getenv("TMPDIR");
	struct error err = ERROR_INIT;

	(void)snprintf(place->top, sizeof(place->top), "%s/hookdir-unit-XXXXXX",
	    top ? top : "/tmp");
	assert_non_null(mkdtemp(place->top));
	(void)snprintf(
	    place->root, sizeof(place->root), "%s/spool", place->top);
	if (spool_open(&place->spool, place->root, &err) < 0)
		fail_msg("cannot open %s: %s", place->root, err.text);
	watch(&place->spool);
}

/* Everything below and including a path; links are not followed. */
static void
remove_at(int dir, const char *name)
{
	struct dirent *entry;
	DIR *list;
	int fd;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	list = fd < 0 ? NULL : fdopendir(fd);
	while (list && (entry = readdir(list)) != NULL)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove_at(dirfd(list), entry->d_name);
	if (list)
		(void)closedir(list);
	(void)unlinkat(dir, name, AT_REMOVEDIR);
}

static void
leave(struct place *place)
{
	clock_replace(NULL);
	atomic_store(&plan.fd, -1);
	spool_close(&place->spool);
	remove_at(AT_FDCWD, place->top);
}

/* How many entries a folder of the spool has; -1 when it is none. */
static int
count_in(const struct place *place, const char *folder)
{
	struct dirent *entry;
	char path[128];
	int count = 0;
	DIR *list;

	(void)snprintf(path, sizeof(path), "%s/%s", place->root, folder);
	list = opendir(path);
	if (!list)
		return -1;
	while ((entry = readdir(list)) != NULL)
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			count++;
	(void)closedir(list);
	return count;
}

static void
assert_counts(
    const char *what, const struct place *place, int in_new, int in_seen)
{
	int got_new = count_in(place, "new"), got_tmp = count_in(place, "tmp");
	int got_seen = count_in(place, "seen");

	if (got_new != in_new || got_tmp != 0 || got_seen != in_seen)
		fail_msg("%s: got %d in new/, %d in tmp/, %d in seen/, want "
			 "%d, 0, %d",
		    what, got_new, got_tmp, got_seen, in_new, in_seen);
}

static void
key_of(const char *source, const char *id, char key[SHA256_HEX_SIZE])
{
	struct error err = ERROR_INIT;

	assert_int_equal(seen_key(span_of(source), span_of(id), key, &err), 0);
	assert_int_equal(strlen(key), 64);
}

/* Why repeats of the last message of this thread will be stored */
static _Thread_local struct error off;

/* Without assertions: for threads and children, too */
static int
try_deliver(const struct spool *spool, const char *key, unsigned window,
    char name[SPOOL_NAME_SIZE])
{
	struct iovec pieces[2] = { { (void *)(uintptr_t)TEXT, 3 },
		{ (void *)(uintptr_t)&TEXT[3], sizeof(TEXT) - 4 } };
	struct delivery delivery = { spool, { 1795280733, 123456789 }, pieces,
		2 };
	struct error err = ERROR_INIT;
	struct seen wanted = { .window = window };
	int rc;

	memcpy(wanted.key, key, sizeof(wanted.key));
	rc = seen_deliver(&delivery, &wanted, name, &err);
	off = wanted.off;
	return (rc < 0) == (err.code != ERROR_NONE) ? rc : -2;
}

/* 1: stored, and the file is whole; 0: a repeat; -1: neither */
static void
assert_deliver(const char *what, const struct place *place, const char *key,
    unsigned window, int want)
{
	char name[SPOOL_NAME_SIZE] = "", text[64];
	int got = try_deliver(&place->spool, key, window, name), fd;
	ssize_t len;

	if (got != want)
		fail_msg("%s: got %d, want %d", what, got, want);
	if (got != 1)
		return;
	fd = openat(place->spool.new_, name, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	len = read(fd, text, sizeof(text));
	assert_int_equal(len, sizeof(TEXT) - 1);
	assert_memory_equal(text, TEXT, sizeof(TEXT) - 1);
	assert_int_equal(close(fd), 0);
}

static void
path_in_seen(const struct place *place, const char *key, const char *suffix,
    char path[256])
{
	(void)snprintf(path, 256, "%s/seen/%s%s", place->root, key, suffix);
}

/* seen/, and in it a file of that name */
static void
plant(const struct place *place, const char *key, const char *suffix,
    char path[256])
{
	int fd;

	(void)snprintf(path, 256, "%s/seen", place->root);
	assert_true(mkdir(path, 0770) == 0 || errno == EEXIST);
	path_in_seen(place, key, suffix, path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
}

static void
set_age(const char *path, time_t seconds)
{
	struct timespec now = clock_now();
	struct timespec times[2] = { now, { now.tv_sec - seconds, 0 } };

	assert_int_equal(
	    utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static time_t what_time;

static struct timespec
replaced_clock(void)
{
	return (struct timespec){ what_time, 0 };
}

/* From here on it is this many seconds after a file was written. */
static void
set_clock_after(const char *path, long seconds)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	what_time = st.st_mtime + seconds;
	clock_replace(replaced_clock);
}

static void
test_repeat_is_stored_once(void **state)
{
	struct place place;
	char key[SHA256_HEX_SIZE], path[256];
	struct stat st;

	(void)state;
	enter(&place);
	key_of("source", "id", key);
	assert_deliver("first", &place, key, WINDOW, 1);
	assert_deliver("second", &place, key, WINDOW, 0);
	assert_deliver("third", &place, key, WINDOW, 0);
	assert_counts("once", &place, 1, 1);
	/* It is a link to the message, not a copy. */
	path_in_seen(&place, key, "", path);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	leave(&place);
}

static void
test_other_messages_are_stored(void **state)
{
	static const char *const pairs[][2] = {
		{ "source", "id" },
		{ "source", "id2" },
		{ "source", "ID" },
		{ "source", "" },
		{ "source2", "id" },
		{ "sourcei", "d" },
		{ "sourc", "eid" },
		{ "", "sourceid" },
		{ "", "6:sourceid" },
		{ "", "" },
		{ "6:source", "id" },
	};
	char key[SHA256_HEX_SIZE];
	struct place place;
	size_t i;

	(void)state;
	enter(&place);
	for (i = 0; i < COUNT(pairs); i++) {
		key_of(pairs[i][0], pairs[i][1], key);
		assert_deliver(pairs[i][1], &place, key, WINDOW, 1);
	}
	for (i = 0; i < COUNT(pairs); i++) {
		key_of(pairs[i][0], pairs[i][1], key);
		assert_deliver(pairs[i][1], &place, key, WINDOW, 0);
	}
	assert_counts("all", &place, COUNT(pairs), COUNT(pairs));
	leave(&place);
}

static void
test_keys_take_any_bytes(void **state)
{
	char a[SHA256_HEX_SIZE], b[SHA256_HEX_SIZE];
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(seen_key((struct span){ NULL, 0 },
			     (struct span){ NULL, 0 }, a, &err),
	    0);
	key_of("", "", b);
	assert_string_equal(a, b);
	assert_int_equal(
	    seen_key((struct span){ "a\0b", 3 }, span_of("c"), a, &err), 0);
	assert_int_equal(
	    seen_key((struct span){ "a\0c", 3 }, span_of("c"), b, &err), 0);
	assert_string_not_equal(a, b);
	assert_int_equal(
	    seen_key(span_of("../../x"), span_of("/"), a, &err), 0);
	assert_int_equal(strspn(a, "0123456789abcdef"), 64);
}

/* Source, id and content: two that differ in one of them have two keys. */
static void
test_repeat_keys(void **state)
{
	static const char a[] = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e"
				"72b9807785afee48bb";
	static const char b[] = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c"
				"4acb73eeaed59c009d";
	static const char *const rows[][3] = { { "s", "i", a }, { "s", "i", b },
		{ "s", "j", a }, { "t", "i", a }, { "s", "", a },
		{ "", "si", a }, { "s", "ic", a } };
	char keys[COUNT(rows)][SHA256_HEX_SIZE], again[SHA256_HEX_SIZE];
	struct error err = ERROR_INIT;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(
		    seen_repeat_key(span_of(rows[i][0]), span_of(rows[i][1]),
			rows[i][2], keys[i], &err),
		    0);
		assert_int_equal(
		    seen_repeat_key(span_of(rows[i][0]), span_of(rows[i][1]),
			rows[i][2], again, &err),
		    0);
		assert_string_equal(keys[i], again);
		for (j = 0; j < i; j++)
			assert_string_not_equal(keys[i], keys[j]);
	}
}

/* Both edges, and both ways that a clock can be wrong */
static void
test_window(void **state)
{
	static const struct {
		long after;
		int want;
	} rows[] = {
		{ 0, 0 },
		{ 1, 0 },
		{ WINDOW - 1, 0 },
		{ WINDOW, 1 },
		{ WINDOW + 1, 1 },
		{ 10L * 365 * 86400, 1 },
		/* set back after the first one came */
		{ -1, 0 },
		{ -WINDOW + 1, 0 },
		{ -WINDOW, 1 },
		{ -10L * 365 * 86400, 1 },
	};
	char key[SHA256_HEX_SIZE], path[256];
	struct place place;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		enter(&place);
		key_of("source", "id", key);
		assert_deliver("first", &place, key, WINDOW, 1);
		path_in_seen(&place, key, "", path);
		set_clock_after(path, rows[i].after);
		assert_deliver("then", &place, key, WINDOW, rows[i].want);
		assert_counts("then", &place, 1 + rows[i].want, 1);
		leave(&place);
	}
}

/* The one after the window starts a window of its own. */
static void
test_window_begins_again(void **state)
{
	char key[SHA256_HEX_SIZE], path[256];
	struct place place;

	(void)state;
	enter(&place);
	key_of("source", "id", key);
	assert_deliver("first", &place, key, WINDOW, 1);
	path_in_seen(&place, key, "", path);
	set_age(path, WINDOW);
	assert_deliver("after the window", &place, key, WINDOW, 1);
	assert_deliver("a repeat of that", &place, key, WINDOW, 0);
	assert_counts("twice", &place, 2, 1);
	leave(&place);
}

static void
test_no_window(void **state)
{
	char key[SHA256_HEX_SIZE];
	struct place place;

	(void)state;
	enter(&place);
	key_of("source", "id", key);
	assert_deliver("first", &place, key, 0, 1);
	assert_deliver("second", &place, key, 0, 1);
	assert_deliver("a window as long as can be", &place, key, ~0u, 0);
	leave(&place);
}

/* A consumer has taken it long ago: it was delivered all the same. */
static void
test_consumed_is_still_known(void **state)
{
	char key[SHA256_HEX_SIZE], name[SPOOL_NAME_SIZE];
	struct place place;

	(void)state;
	enter(&place);
	key_of("source", "id", key);
	assert_int_equal(try_deliver(&place.spool, key, WINDOW, name), 1);
	assert_int_equal(unlinkat(place.spool.new_, name, 0), 0);
	assert_deliver("repeat", &place, key, WINDOW, 0);
	assert_counts("consumed", &place, 0, 1);
	leave(&place);
}

/* Eight at the same time: what each of them was told */
struct race {
	const struct spool *spool;
	pthread_barrier_t start;
	char key[SHA256_HEX_SIZE];
	atomic_int stored, repeats, failed;
	atomic_int untrue; /* a repeat of what was nowhere */
};

static void *
deliver_in_race(void *argument)
{
	struct race *race = argument;
	char name[SPOOL_NAME_SIZE];
	int rc;

	(void)pthread_barrier_wait(&race->start);
	rc = try_deliver(race->spool, race->key, WINDOW, name);
	if (rc == 0 && atomic_load(&plan.flushed) == 0)
		atomic_fetch_add(&race->untrue, 1);
	if (rc == 1)
		atomic_fetch_add(&race->stored, 1);
	else if (rc == 0)
		atomic_fetch_add(&race->repeats, 1);
	else
		atomic_fetch_add(&race->failed, 1);
	return NULL;
}

static void
run_race(struct race *race, const struct place *place, int round)
{
	pthread_t threads[THREADS];
	char id[16];
	int i;

	memset(race, 0, sizeof(*race));
	race->spool = &place->spool;
	(void)snprintf(id, sizeof(id), "%d", round);
	key_of("source", id, race->key);
	assert_int_equal(pthread_barrier_init(&race->start, NULL, THREADS), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, deliver_in_race, race),
		    0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	(void)pthread_barrier_destroy(&race->start);
	assert_int_equal(atomic_load(&race->untrue), 0);
}

static void
test_eight_threads_at_once(void **state)
{
	struct place place;
	struct race race;
	int round;

	(void)state;
	enter(&place);
	for (round = 0; round < ROUNDS; round++) {
		watch(&place.spool);
		if (round % 4 == 0)
			atomic_store(&plan.wait_ms, 3);
		run_race(&race, &place, round);
		if (atomic_load(&race.stored) != 1 ||
		    atomic_load(&race.repeats) != THREADS - 1)
			fail_msg("round %d: %d stored, %d repeats", round,
			    atomic_load(&race.stored),
			    atomic_load(&race.repeats));
	}
	assert_counts("all rounds", &place, ROUNDS, ROUNDS);
	leave(&place);
}

/* A third of the flushes fail: nobody is told of a message that is not. */
static void
test_eight_threads_and_failing_flushes(void **state)
{
	int round, stored = 0, known = 0;
	char name[SPOOL_NAME_SIZE];
	struct place place;
	struct race race;

	(void)state;
	enter(&place);
	for (round = 0; round < ROUNDS; round++) {
		watch(&place.spool);
		atomic_store(&plan.begun, round);
		atomic_store(&plan.percent, 34);
		atomic_store(&plan.failures, round % 3);
		run_race(&race, &place, round);
		stored += atomic_load(&race.stored);
		known += atomic_load(&race.stored) > 0;
		if (atomic_load(&race.stored) > 1)
			fail_msg("round %d: %d stored", round,
			    atomic_load(&race.stored));
		watch(&place.spool);
		/* Afterwards: a repeat if and only if it was stored. */
		if (try_deliver(&place.spool, race.key, WINDOW, name) !=
		    (atomic_load(&race.stored) == 0))
			fail_msg("round %d: after %d stored", round,
			    atomic_load(&race.stored));
	}
	assert_true(known > 0);
	assert_counts("all rounds", &place, stored + ROUNDS - known, ROUNDS);
	leave(&place);
}

/* The same for processes; the spool is each one's own view of it. */
static int
deliver_many(const char *root)
{
	char key[SHA256_HEX_SIZE], id[16], name[SPOOL_NAME_SIZE];
	struct error err = ERROR_INIT;
	struct spool spool;
	int i, rc, stored = 0;

	if (spool_open(&spool, root, &err) < 0)
		return 255;
	for (i = 0; i < 100; i++) {
		(void)snprintf(id, sizeof(id), "%d", i);
		if (seen_key(span_of("s"), span_of(id), key, &err) < 0)
			return 255;
		rc = try_deliver(&spool, key, WINDOW, name);
		if (rc < 0)
			return 254;
		stored += rc;
	}
	spool_close(&spool);
	return stored;
}

static void
test_six_processes_at_once(void **state)
{
	struct place place;
	int i, status, stored = 0;
	pid_t pids[6];

	(void)state;
	enter(&place);
	atomic_store(&plan.fd, -1);
	for (i = 0; i < 6; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(deliver_many(place.root));
	}
	for (i = 0; i < 6; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 100);
		stored += WEXITSTATUS(status);
	}
	assert_int_equal(stored, 100);
	assert_counts("all", &place, 100, 100);
	leave(&place);
}

static void
test_first_one_fails(void **state)
{
	char key[SHA256_HEX_SIZE];
	struct place place;

	(void)state;
	enter(&place);
	key_of("source", "id", key);
	atomic_store(&plan.failures, 3);
	assert_deliver("first", &place, key, WINDOW, -1);
	assert_counts("first", &place, 0, 0);
	assert_deliver("second", &place, key, WINDOW, -1);
	assert_deliver("third", &place, key, WINDOW, -1);
	assert_counts("third", &place, 0, 0);
	assert_deliver("fourth", &place, key, WINDOW, 1);
	assert_deliver("fifth", &place, key, WINDOW, 0);
	assert_counts("fifth", &place, 1, 1);
	leave(&place);
}

/* In a child: somebody who may not write to new/ */
static int
deliver_as_nobody(void)
{
	char key[SHA256_HEX_SIZE], name[SPOOL_NAME_SIZE];
	struct place place;
	int first, second, third, rc;

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 99;
	enter(&place);
	key_of("source", "id", key);
	rc = fchmod(place.spool.new_, 0500);
	first = try_deliver(&place.spool, key, WINDOW, name);
	second = try_deliver(&place.spool, key, WINDOW, name);
	rc |= fchmod(place.spool.new_, 0700);
	rc |= count_in(&place, "new") + count_in(&place, "tmp") +
	    count_in(&place, "seen");
	third = try_deliver(&place.spool, key, WINDOW, name);
	leave(&place);
	return rc != 0 || first != -1 || second != -1 || third != 1;
}

static void
test_new_is_read_only(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(deliver_as_nobody());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The first one is being flushed when a second one comes. */
static void *
deliver_slowly(void *argument)
{
	struct race *race = argument;
	char name[SPOOL_NAME_SIZE];
	intptr_t rc = try_deliver(race->spool, race->key, WINDOW, name);

	return (void *)rc;
}

static void
overlap(const struct place *place, int wait_ms, int failures, int want_first,
    int want_second)
{
	struct race race = { .spool = &place->spool };
	char name[SPOOL_NAME_SIZE];
	int second, flushed;
	pthread_t thread;
	void *first;

	key_of("source", "overlap", race.key);
	atomic_store(&plan.wait_ms, wait_ms);
	atomic_store(&plan.failures, failures);
	assert_int_equal(
	    pthread_create(&thread, NULL, deliver_slowly, &race), 0);
	while (atomic_load(&plan.begun) == 0)
		sleep_ms(1);
	second = try_deliver(&place->spool, race.key, WINDOW, name);
	flushed = atomic_load(&plan.flushed);
	assert_int_equal(pthread_join(thread, &first), 0);
	if ((int)(intptr_t)first != want_first || second != want_second)
		fail_msg("after %d ms, %d failures: got %d and %d", wait_ms,
		    failures, (int)(intptr_t)first, second);
	assert_true(second < 0 || flushed > 0);
}

static void
test_second_waits_for_the_first(void **state)
{
	struct place place;

	(void)state;
	enter(&place);
	overlap(&place, 200, 0, 1, 0);
	assert_counts("stored", &place, 1, 1);
	leave(&place);
}

static void
test_second_is_stored_when_the_first_fails(void **state)
{
	struct place place;

	(void)state;
	enter(&place);
	overlap(&place, 200, 1, -1, 1);
	assert_counts("stored", &place, 1, 1);
	leave(&place);
}

static void
test_second_fails_as_the_first_did(void **state)
{
	struct place place;

	(void)state;
	enter(&place);
	overlap(&place, 200, 2, -1, -1);
	assert_counts("neither", &place, 0, 0);
	leave(&place);
}

/* Rather twice than never: senders wait for three seconds. */
static void
test_second_does_not_wait_for_ever(void **state)
{
	struct timespec start, end;
	struct place place;

	(void)state;
	enter(&place);
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	overlap(&place, 2500, 0, 1, 1);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec <= 4);
	assert_counts("both", &place, 2, 1);
	leave(&place);
}

/* Killed while new/ was being flushed: nobody knows whether it was. */
static void
test_process_that_died(void **state)
{
	char key[SHA256_HEX_SIZE], name[SPOOL_NAME_SIZE], path[256];
	struct place place;
	int status;
	pid_t pid;

	(void)state;
	enter(&place);
	key_of("source", "id", key);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		atomic_store(&plan.die, true);
		_exit(try_deliver(&place.spool, key, WINDOW, name) + 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 42);
	path_in_seen(&place, key, ".claim", path);
	assert_int_equal(access(path, F_OK), 0);
	assert_deliver("waited for", &place, key, WINDOW, 1);
	/* When it is old it is taken over. */
	set_age(path, 60);
	assert_deliver("taken over", &place, key, WINDOW, 1);
	assert_deliver("repeat", &place, key, WINDOW, 0);
	assert_counts("all", &place, 3, 1);
	leave(&place);
}

/* A claim from any other time is nobody's. */
static void
test_claims_of_another_time(void **state)
{
	static const time_t ages[] = { WINDOW, WINDOW + 1, 86400, -WINDOW,
		-86400 };
	char key[SHA256_HEX_SIZE], path[256];
	struct timespec start, end;
	struct place place;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(ages); i++) {
		enter(&place);
		key_of("source", "id", key);
		plant(&place, key, ".claim", path);
		/* A second more, should one pass meanwhile */
		set_age(path, ages[i] < 0 ? ages[i] - 1 : ages[i]);
		(void)clock_gettime(CLOCK_MONOTONIC, &start);
		assert_deliver("claimed", &place, key, WINDOW, 1);
		(void)clock_gettime(CLOCK_MONOTONIC, &end);
		assert_true(end.tv_sec - start.tv_sec <= 1);
		assert_counts("claimed", &place, 1, 1);
		leave(&place);
	}
}

/* What is no file says nothing, and what cannot be replaced stays. */
static void
test_planted_entries(void **state)
{
	char key[SHA256_HEX_SIZE], path[256], target[256];
	struct place place;
	struct stat st;
	int kind;

	(void)state;
	for (kind = 0; kind < 4; kind++) {
		enter(&place);
		key_of("source", "id", key);
		plant(&place, "target", "", target);
		path_in_seen(&place, key, "", path);
		if (kind == 0)
			assert_int_equal(mkdir(path, 0770), 0);
		else if (kind == 1)
			assert_int_equal(mkfifo(path, 0660), 0);
		else if (kind == 2)
			assert_int_equal(symlink(target, path), 0);
		else
			assert_int_equal(symlink("/nowhere", path), 0);
		assert_deliver("planted", &place, key, WINDOW, 1);
		assert_deliver(
		    "planted, again", &place, key, WINDOW, kind == 0);
		assert_counts("planted", &place, 1 + (kind == 0), 2);
		assert_int_equal(lstat(target, &st), 0);
		assert_int_equal(st.st_size, 0);
		assert_int_equal(st.st_nlink, 1);
		leave(&place);
	}
}

/* A link or a file in place of seen/: refused, and nothing is stored. */
static void
test_planted_folder(void **state)
{
	char key[SHA256_HEX_SIZE], path[128];
	struct place place;

	(void)state;
	enter(&place);
	key_of("source", "id", key);
	(void)snprintf(path, sizeof(path), "%s/seen", place.root);
	assert_int_equal(symlink(place.top, path), 0);
	assert_deliver("link", &place, key, WINDOW, -1);
	seen_sweep(&place.spool, WINDOW);
	assert_int_equal(count_in(&place, ".."), 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("new", path), 0);
	assert_deliver("link to new/", &place, key, WINDOW, -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("nowhere", path), 0);
	assert_deliver("link to nowhere", &place, key, WINDOW, -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(close(creat(path, 0660)), 0);
	assert_deliver("file", &place, key, WINDOW, -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(count_in(&place, "new"), 0);
	assert_int_equal(count_in(&place, "tmp"), 0);
	assert_deliver("nothing", &place, key, WINDOW, 1);
	leave(&place);
}

static void
test_sweep(void **state)
{
	static const struct {
		const char *name;
		time_t age;
		bool stays;
	} rows[] = {
		{ "fresh", 0, true },
		{ "fresh.claim", 0, true },
		{ "inside", WINDOW - 10, true },
		{ "edge", WINDOW, false },
		{ "old", WINDOW + 1, false },
		{ "old.claim", 86400, false },
		{ "of tomorrow", -86400, false },
		{ ".nfs000", 86400, true },
	};
	struct place place;
	char path[256];
	struct stat st;
	size_t i;

	(void)state;
	enter(&place);
	seen_sweep(&place.spool, WINDOW); /* no seen/ at all */
	assert_int_equal(count_in(&place, "seen"), -1);
	for (i = 0; i < COUNT(rows); i++) {
		plant(&place, rows[i].name, "", path);
		set_age(path, rows[i].age);
	}
	path_in_seen(&place, "folder", "", path);
	assert_int_equal(mkdir(path, 0770), 0);
	seen_sweep(&place.spool, WINDOW);
	for (i = 0; i < COUNT(rows); i++) {
		path_in_seen(&place, rows[i].name, "", path);
		if ((lstat(path, &st) == 0) != rows[i].stays)
			fail_msg("%s: want it to %s", rows[i].name,
			    rows[i].stays ? "stay" : "go");
	}
	leave(&place);
}

/* Sweeping takes links away, never messages. */
static void
test_sweep_leaves_messages(void **state)
{
	char key[SHA256_HEX_SIZE], path[256];
	struct place place;

	(void)state;
	enter(&place);
	key_of("source", "id", key);
	assert_deliver("first", &place, key, WINDOW, 1);
	path_in_seen(&place, key, "", path);
	set_clock_after(path, WINDOW);
	seen_sweep(&place.spool, WINDOW);
	assert_counts("swept", &place, 1, 0);
	leave(&place);
}

/* A file system of its own for the spool, with these options */
static bool
enter_disk(struct place *place, const char *options)
{
	struct error err = ERROR_INIT;

	if (geteuid() != 0)
		return false;
	enter(place);
	spool_close(&place->spool);
	if (mount("none", place->top, "tmpfs", 0, options) < 0)
		fail_msg("cannot mount: %s", strerror(errno));
	if (spool_open(&place->spool, place->root, &err) < 0)
		fail_msg("cannot open %s: %s", place->root, err.text);
	return true;
}

static void
leave_disk(struct place *place)
{
	spool_close(&place->spool);
	assert_int_equal(umount2(place->top, MNT_DETACH), 0);
	leave(place);
}

static int
deliver_number(const struct place *place, int number)
{
	char key[SHA256_HEX_SIZE], id[16], name[SPOOL_NAME_SIZE];

	(void)snprintf(id, sizeof(id), "%d", number);
	key_of("source", id, key);
	return try_deliver(&place->spool, key, WINDOW, name);
}

/* Messages that come until the disk is full; how many */
static int
fill(const struct place *place)
{
	int count = 0;

	while (deliver_number(place, count) == 1)
		assert_true(++count < 100000);
	assert_true(count > 50);
	return count;
}

/* A consumer takes so many messages out of new/. */
static void
consume(const struct place *place, int count)
{
	struct dirent *entry;
	char path[128];
	DIR *list;

	(void)snprintf(path, sizeof(path), "%s/new", place->root);
	list = opendir(path);
	assert_non_null(list);
	while (count > 0) {
		entry = readdir(list);
		/* What is removed may have others skipped. */
		if (!entry)
			rewinddir(list);
		else if (entry->d_name[0] != '.' && count-- > 0)
			assert_int_equal(
			    unlinkat(dirfd(list), entry->d_name, 0), 0);
	}
	(void)closedir(list);
}

static const char *const full_disks[] = { "size=1m", "nr_inodes=300" };

static void
test_drained_disk_has_room_at_once(void **state)
{
	struct place place;
	size_t i;
	int count;

	(void)state;
	for (i = 0; i < COUNT(full_disks); i++) {
		if (!enter_disk(&place, full_disks[i]))
			skip();
		count = fill(&place);
		consume(&place, count);
		if (deliver_number(&place, count) != 1)
			fail_msg("%s: no room after %d were taken",
			    full_disks[i], count);
		leave_disk(&place);
	}
}

/* A link to a message that is still there frees nothing. */
static void
test_links_of_waiting_messages_stay(void **state)
{
	struct error full = { ERROR_SYSTEM, ENOSPC, "full" }, err;
	struct place place;
	int i, repeats = 0;

	(void)state;
	enter(&place);
	for (i = 0; i < 300; i++)
		assert_int_equal(deliver_number(&place, i), 1);
	consume(&place, 200);
	do
		err = full;
	while (room_regain(place.spool.root, 0, &err));
	assert_int_equal(count_in(&place, "seen"), 100);
	for (i = 0; i < 300; i++)
		repeats += deliver_number(&place, i) == 0;
	assert_int_equal(repeats, 100);
	leave(&place);
}

/* A full disk with links to waiting messages is not read by each call. */
static void
test_full_disk_is_read_now_and_then(void **state)
{
	struct error full = { ERROR_SYSTEM, ENOSPC, "full" }, err = full;
	struct timespec new_times[2];
	char path[128];
	struct place place;
	struct stat st;
	int i, found = 0;

	(void)state;
	enter(&place);
	for (i = 0; i < 1500; i++)
		assert_int_equal(deliver_number(&place, i), 1);
	sleep_ms(30);
	assert_false(room_regain(place.spool.root, 0, &err));
	assert_int_equal(err.errnum, ENOSPC);
	/* Removed unnoticed: found all the same, within about a second. */
	(void)snprintf(path, sizeof(path), "%s/new", place.root);
	assert_int_equal(stat(path, &st), 0);
	consume(&place, 1500);
	new_times[0] = st.st_atim;
	new_times[1] = st.st_mtim;
	assert_int_equal(utimensat(AT_FDCWD, path, new_times, 0), 0);
	for (i = 0; i < 200 && !found; i++) {
		err = full;
		found = room_regain(place.spool.root, 0, &err);
		sleep_ms(found ? 0 : 20);
	}
	assert_true(found);
	assert_int_equal(err.code, ERROR_NONE);
	/* A few at a time. */
	assert_in_range(count_in(&place, "seen"), 1000, 1499);
	/* Room is no help against other errors. */
	err = (struct error){ ERROR_SYSTEM, EIO, "broken" };
	assert_false(room_regain(place.spool.root, 0, &err));
	leave(&place);
}

/* However many ask, links go in few rounds, and nobody is held up. */
static void *
regain_in_race(void *argument)
{
	struct race *race = argument;
	struct error err = { ERROR_SYSTEM, EDQUOT, "full" };

	(void)pthread_barrier_wait(&race->start);
	if (room_regain(race->spool->root, 0, &err))
		atomic_fetch_add(&race->stored, 1);
	return NULL;
}

static void
test_room_for_eight_threads(void **state)
{
	pthread_t threads[THREADS];
	struct place place;
	struct race race;
	int i;

	(void)state;
	enter(&place);
	for (i = 0; i < THREADS * 100; i++)
		assert_int_equal(deliver_number(&place, i), 1);
	consume(&place, THREADS * 100);
	memset(&race, 0, sizeof(race));
	race.spool = &place.spool;
	assert_int_equal(pthread_barrier_init(&race.start, NULL, THREADS), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, regain_in_race, &race),
		    0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	(void)pthread_barrier_destroy(&race.start);
	assert_int_equal(atomic_load(&race.stored), THREADS);
	/* Those that wait for another thread do without links of their own. */
	assert_in_range(count_in(&place, "seen"), 0, THREADS * 100 - 64);
	leave(&place);
}

/* Repeats are stored then, and the caller can tell the operator. */
static void
test_seen_on_another_file_system(void **state)
{
	char key[SHA256_HEX_SIZE], path[256];
	struct place place;

	(void)state;
	if (geteuid() != 0)
		skip();
	enter(&place);
	key_of("source", "id", key);
	assert_deliver("before", &place, key, WINDOW, 1);
	assert_int_equal(off.code, ERROR_NONE);
	(void)snprintf(path, sizeof(path), "%s/seen", place.root);
	assert_int_equal(mount("none", path, "tmpfs", 0, "size=64k"), 0);
	assert_deliver("first", &place, key, WINDOW, 1);
	assert_int_equal(off.errnum, EXDEV);
	assert_deliver("repeat", &place, key, WINDOW, 1);
	assert_int_equal(off.errnum, EXDEV);
	assert_int_equal(umount2(path, MNT_DETACH), 0);
	assert_deliver("the one before", &place, key, WINDOW, 0);
	assert_int_equal(off.code, ERROR_NONE);
	leave(&place);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repeat_is_stored_once),
		cmocka_unit_test(test_other_messages_are_stored),
		cmocka_unit_test(test_keys_take_any_bytes),
		cmocka_unit_test(test_repeat_keys),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_window_begins_again),
		cmocka_unit_test(test_no_window),
		cmocka_unit_test(test_consumed_is_still_known),
		cmocka_unit_test(test_eight_threads_at_once),
		cmocka_unit_test(test_eight_threads_and_failing_flushes),
		cmocka_unit_test(test_six_processes_at_once),
		cmocka_unit_test(test_first_one_fails),
		cmocka_unit_test(test_new_is_read_only),
		cmocka_unit_test(test_second_waits_for_the_first),
		cmocka_unit_test(test_second_is_stored_when_the_first_fails),
		cmocka_unit_test(test_second_fails_as_the_first_did),
		cmocka_unit_test(test_second_does_not_wait_for_ever),
		cmocka_unit_test(test_process_that_died),
		cmocka_unit_test(test_claims_of_another_time),
		cmocka_unit_test(test_planted_entries),
		cmocka_unit_test(test_planted_folder),
		cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_sweep_leaves_messages),
		cmocka_unit_test(test_drained_disk_has_room_at_once),
		cmocka_unit_test(test_links_of_waiting_messages_stay),
		cmocka_unit_test(test_full_disk_is_read_now_and_then),
		cmocka_unit_test(test_room_for_eight_threads),
		cmocka_unit_test(test_seen_on_another_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
