/* SPDX-License-Identifier: MIT */
/*
 * test_quarantine - lib/quarantine: kept within bounds
 *
 * The bound is on the sum of the sizes of the files that stand there,
 * whoever put them there, and it is exact.
 */
#include "spools.h"

#include <pthread.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "quarantine.h"

enum {
	FAILED = -1,
	FULL = 0,
	KEPT = 1
};

static const struct timespec now = { 1795280733, 0 };

/*
 * Linux before 6.13 gives files the time of the last tick of its clock, up
 * to 10 ms ago; two changes within one cannot be told apart by it. Defined
 * here, this takes precedence over libc's.
 */
static bool coarse_times;

int
fstat(int fd, struct stat *st)
{
	int rc = (int)syscall(SYS_newfstatat, fd, "", st, AT_EMPTY_PATH);

	if (rc == 0 && coarse_times) {
		st->st_mtim.tv_nsec -= st->st_mtim.tv_nsec % 10000000;
		st->st_ctim.tv_nsec -= st->st_ctim.tv_nsec % 10000000;
	}
	return rc;
}

/* Keep so many bytes. */
static int
keep_bytes(const struct spool *spool, size_t size, uint64_t limit,
    char name[SPOOL_NAME_SIZE])
{
	char *bytes = malloc(size + 1);
	struct iovec pieces[2] = { { bytes, size / 2 },
		{ bytes + size / 2, size - size / 2 } };
	struct error err = ERROR_INIT;
	int rc;

	assert_non_null(bytes);
	memset(bytes, 'q', size);
	rc = quarantine_keep(spool, now, pieces, 2, limit, name, &err);
	if (rc == FAILED)
		fail_msg("%s", err.text);
	free(bytes);
	return rc;
}

static void
assert_keep(const struct spool *spool, size_t size, uint64_t limit, int want)
{
	char name[SPOOL_NAME_SIZE] = "";
	int got = keep_bytes(spool, size, limit, name);

	if (got != want)
		fail_msg("%zu bytes, limit %llu: got %d, want %d", size,
		    (unsigned long long)limit, got, want);
}

/* The bytes of the files in quarantine/ */
static uint64_t
bytes_kept(const struct place *place)
{
	DIR *list = opendir(in_spool(place, "quarantine"));
	struct dirent *entry;
	struct stat st;
	uint64_t sum = 0;

	assert_non_null(list);
	while ((entry = readdir(list)) != NULL)
		if (fstatat(dirfd(list), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_size;
	(void)closedir(list);
	return sum;
}

static void
test_edges(void **state)
{
	/* already there, then, limit */
	static const struct {
		size_t before, size;
		uint64_t limit;
		int want;
	} rows[] = {
		{ 0, 1, 0, FULL },
		{ 0, 1, 1, KEPT },
		{ 0, 100, 99, FULL },
		{ 0, 100, 100, KEPT },
		{ 0, 100, 101, KEPT },
		{ 60, 40, 99, FULL },
		{ 60, 40, 100, KEPT },
		{ 60, 41, 100, FULL },
		{ 100, 1, 100, FULL },
		{ 100, 1, 101, KEPT },
		{ 100, 1, 50, FULL },
		{ 100, 1, UINT64_MAX, KEPT },
		{ 0, 1, UINT64_MAX, KEPT },
		{ 1, 1 << 20, 1 << 20, FULL },
		{ 1, 1 << 20, (1 << 20) + 1, KEPT },
	};
	struct place place;
	struct spool spool;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		place = new_place();
		spool = must_open(&place);
		if (rows[i].before)
			assert_keep(&spool, rows[i].before, UINT64_MAX, KEPT);
		assert_keep(&spool, rows[i].size, rows[i].limit, rows[i].want);
		assert_int_equal(bytes_kept(&place),
		    rows[i].before + (rows[i].want == KEPT ? rows[i].size : 0));
		assert_counts("nothing elsewhere", &place, 0, 0);
		spool_close(&spool);
		leave_place(&place);
	}
}

/* Fill to the last byte, one by one. */
static void
test_filled_up(void **state)
{
	struct place place = new_place();
	struct spool spool = must_open(&place);
	int i;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_keep(&spool, 10, 1005, KEPT);
	assert_keep(&spool, 6, 1005, FULL);
	assert_keep(&spool, 5, 1005, KEPT);
	assert_keep(&spool, 1, 1005, FULL);
	assert_int_equal(bytes_kept(&place), 1005);
	assert_keep(&spool, 1, 1006, KEPT);
	assert_keep(&spool, 1, 1006, FULL);
	assert_keep(&spool, 1, 10, FULL);
	assert_counts("nothing elsewhere", &place, 0, 0);
	spool_close(&spool);
	leave_place(&place);
}

static void
test_name_and_mode(void **state)
{
	char name[SPOOL_NAME_SIZE], text[] = "as received\n";
	struct iovec piece = { text, sizeof(text) - 1 };
	struct place place = new_place();
	struct spool spool = must_open(&place);
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(
	    quarantine_keep(&spool, now, &piece, 1, 100, name, &err), KEPT);
	assert_file(in_folder(&place, "quarantine", name), "as received\n");
	assert_int_equal(mode_of(in_folder(&place, "quarantine", name)), 0640);
	spool_close(&spool);
	leave_place(&place);
}

/* Files that somebody removes or adds by hand count at once. */
static void
test_changed_by_hand(void **state)
{
	char name[SPOOL_NAME_SIZE];
	struct place place = new_place();
	struct spool spool = must_open(&place);
	int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		assert_int_equal(keep_bytes(&spool, 100, 100, name), KEPT);
		assert_keep(&spool, 1, 100, FULL);
		assert_int_equal(
		    unlink(in_folder(&place, "quarantine", name)), 0);
	}
	assert_keep(&spool, 40, 100, KEPT);
	put_file(in_spool(&place, "quarantine/by-hand"), "0123456789");
	assert_keep(&spool, 51, 100, FULL);
	assert_keep(&spool, 50, 100, KEPT);
	remove_tree(in_spool(&place, "quarantine"));
	assert_keep(&spool, 100, 100, KEPT);
	assert_keep(&spool, 1, 100, FULL);
	spool_close(&spool);
	leave_place(&place);
}

/* Another process added a file right after ours was kept. */
static void
test_added_in_the_same_tick(void **state)
{
	struct place place = new_place();
	struct spool spool = must_open(&place);
	char name[SPOOL_NAME_SIZE];
	uint64_t limit;
	time_t start = time(NULL);
	int i;

	(void)state;
	for (i = 0; i < 30; i++) {
		limit = bytes_kept(&place) + 100;
		assert_keep(&spool, 10, limit, KEPT);
		put_file(path_of("%s/quarantine/other-%d", place.spool, i),
		    "0123456789012345678901234567890123456789"
		    "01234567890123456789012345678901234567890123456789");
		/* It is noticed, though perhaps not at the next call. */
		while (keep_bytes(&spool, 1, limit, name) == KEPT)
			assert_true(time(NULL) - start < 60);
		assert_in_range(bytes_kept(&place), limit, limit + 1000);
	}
	spool_close(&spool);
	leave_place(&place);
}

/* Only files count, and what is no file is left alone. */
static void
test_odd_things_there(void **state)
{
	struct place place = new_place();
	struct spool spool = must_open(&place);

	(void)state;
	put_file(beside(&place, "big"), "0123456789012345678901234567890123");
	assert_int_equal(mkdir(in_spool(&place, "quarantine/folder"), 0700), 0);
	put_file(in_spool(&place, "quarantine/folder/file"), "0123456789");
	assert_int_equal(
	    symlink("../../big", in_spool(&place, "quarantine/link")), 0);
	assert_int_equal(
	    symlink("nowhere", in_spool(&place, "quarantine/dead")), 0);
	assert_int_equal(mkfifo(in_spool(&place, "quarantine/pipe"), 0600), 0);
	assert_keep(&spool, 101, 100, FULL);
	assert_keep(&spool, 100, 100, KEPT);
	assert_keep(&spool, 1, 100, FULL);
	put_file(in_spool(&place, "quarantine/.hidden"), "0123456789");
	assert_keep(&spool, 11, 120, FULL);
	assert_keep(&spool, 10, 120, KEPT);
	spool_close(&spool);
	leave_place(&place);
}

/* Two spools at once: each has its own sum. */
static void
test_two_spools(void **state)
{
	struct place places[40];
	struct spool spools[40];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(places); i++) {
		places[i] = new_place();
		spools[i] = must_open(&places[i]);
	}
	for (i = 0; i < COUNT(places); i++)
		assert_keep(&spools[i], 50 + i, 100, KEPT);
	for (i = 0; i < COUNT(places); i++) {
		assert_keep(&spools[i], 51 - i, 100, FULL);
		assert_keep(&spools[i], 50 - i, 100, KEPT);
		assert_keep(&spools[i], 1, 100, FULL);
		assert_int_equal(bytes_kept(&places[i]), 100);
		spool_close(&spools[i]);
		leave_place(&places[i]);
	}
}

#define LIMIT	3000
#define PIECE	10
#define THREADS 8
#define WORKERS 4

/* Keep until it is full; answers how many were, as a pointer's value. */
static void *
keep_many(void *argument)
{
	const struct place *place = argument;
	struct spool spool = must_open(place);
	char name[SPOOL_NAME_SIZE];
	uintptr_t kept = 0;
	int full = 0;

	/* "Full" may be said while another is on its way in: be sure. */
	while (full < 5)
		if (keep_bytes(&spool, PIECE, LIMIT, name) == KEPT)
			kept++;
		else
			full++;
	spool_close(&spool);
	return (void *)kept;
}

static uintptr_t
keep_from_threads(struct place *place)
{
	pthread_t threads[THREADS];
	uintptr_t kept = 0;
	void *result;
	int i;

	for (i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, keep_many, place), 0);
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		kept += (uintptr_t)result;
	}
	return kept;
}

static void
test_threads(void **state)
{
	struct place place = new_place();

	(void)state;
	assert_int_equal(keep_from_threads(&place), LIMIT / PIECE);
	assert_int_equal(bytes_kept(&place), LIMIT);
	assert_counts("nothing elsewhere", &place, 0, 0);
	leave_place(&place);
}

static void
test_processes(void **state)
{
	struct place place;
	pid_t pids[WORKERS];
	int i, round, status;

	(void)state;
	for (round = 0; round < 5; round++) {
		place = new_place();
		for (i = 0; i < WORKERS; i++) {
			pids[i] = fork();
			assert_true(pids[i] >= 0);
			if (pids[i] == 0) {
				(void)(round % 2
					? keep_many(&place)
					: (void *)keep_from_threads(&place));
				_exit(0);
			}
		}
		for (i = 0; i < WORKERS; i++) {
			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_int_equal(status, 0);
		}
		/* With coarse times others can be overlooked for a moment. */
		if (coarse_times)
			assert_in_range(
			    bytes_kept(&place), LIMIT, LIMIT + LIMIT / 4);
		else if (bytes_kept(&place) != LIMIT)
			fail_msg("round %d: got %llu bytes, want %d", round,
			    (unsigned long long)bytes_kept(&place), LIMIT);
		assert_counts("nothing elsewhere", &place, 0, 0);
		leave_place(&place);
	}
}

static void
test_processes_with_coarse_times(void **state)
{
	test_processes(state);
}

/* Somebody who holds the lock holds nobody else for long. */
static void
test_lock_held_by_somebody(void **state)
{
	struct place place = new_place();
	struct spool spool = must_open(&place);
	struct timespec start, end;
	int fd = open(in_spool(&place, "quarantine"), O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_int_equal(flock(fd, LOCK_EX), 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	assert_keep(&spool, 10, 10, KEPT);
	assert_keep(&spool, 1, 10, FULL);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - start.tv_sec < 5);
	assert_int_equal(close(fd), 0);
	spool_close(&spool);
	leave_place(&place);
}

static int
make_coarse(void **state)
{
	(void)state;
	coarse_times = true;
	return 0;
}

static int
make_fine(void **state)
{
	(void)state;
	coarse_times = false;
	return 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_filled_up),
		cmocka_unit_test(test_name_and_mode),
		cmocka_unit_test(test_changed_by_hand),
		cmocka_unit_test_setup_teardown(
		    test_added_in_the_same_tick, make_coarse, make_fine),
		cmocka_unit_test(test_odd_things_there),
		cmocka_unit_test(test_two_spools),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_processes),
		cmocka_unit_test_setup_teardown(
		    test_processes_with_coarse_times, make_coarse, make_fine),
		cmocka_unit_test(test_lock_held_by_somebody),
	};

	(void)umask(027);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
