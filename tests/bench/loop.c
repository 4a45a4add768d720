/* SPDX-License-Identifier: MIT */
/*
 * loop - store messages as fast as the disk takes them, and nothing else
 *
 *     loop DIRECTORY THREADS BYTES SECONDS [WAY]
 *
 * Each thread: a file in tmp/, all its bytes, and then, by the way:
 *
 *     flushed-first    fsync, rename to new/, fsync of new/
 *     new-first        write-out awaited, rename, fsync of new/, fsync
 *     file-first       write-out awaited, rename, fsync, fsync of new/
 *     file-alone       write-out awaited, rename, fsync
 *     new-alone        write-out awaited, rename, fsync of new/
 *     linked           the same as file-alone, with O_TMPFILE and linkat()
 *     shared           write-out awaited, rename, one fsync of new/ for all
 *                      that have come so far
 *
 * The first is what the simplest program would do; which one hookdir does
 * depends on the file system (lib/spool/flushes.h). No network, no check.
 * Prints the messages and the seconds.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 256

static const char *const ways[] = { "flushed-first", "new-first", "file-first",
	"file-alone", "new-alone", "linked", "shared" };

static enum {
	FLUSHED_FIRST,
	NEW_FIRST,
	FILE_FIRST,
	FILE_ALONE,
	NEW_ALONE,
	LINKED,
	SHARED,
	WAYS
} way;

static int tmp, new_;
static char *message;
static size_t size;
static atomic_bool over;

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static int
write_file(const char *name)
{
	size_t done = 0;
	int fd = way == LINKED
	    ? openat(tmp, ".", O_WRONLY | O_TMPFILE, 0660)
	    : openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL, 0660);

	if (fd < 0)
		fail(name);
	while (done < size) {
		ssize_t n = write(fd, message + done, size - done);

		if (n < 0)
			fail("write");
		done += (size_t)n;
	}
	return fd;
}

static void
flush(int fd)
{
	if (fsync(fd) < 0)
		fail("fsync");
}

static void
write_out(int fd)
{
	if (sync_file_range(fd, 0, 0,
		SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
		    SYNC_FILE_RANGE_WAIT_AFTER) < 0)
		fail("sync_file_range");
}

static void
publish(int fd, const char *name)
{
	char path[32];

	if (way == LINKED) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (linkat(AT_FDCWD, path, new_, name, AT_SYMLINK_FOLLOW) < 0)
			fail("linkat");
	} else if (renameat(tmp, name, new_, name) < 0) {
		fail("rename");
	}
}

/* Whoever comes first flushes for all that are there by then. */
static void
flush_shared(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
	static long asked, flushed;
	static bool busy;
	long mine, covered;

	(void)pthread_mutex_lock(&lock);
	mine = ++asked;
	while (flushed < mine) {
		if (busy) {
			(void)pthread_cond_wait(&done, &lock);
			continue;
		}
		busy = true;
		covered = asked;
		(void)pthread_mutex_unlock(&lock);
		flush(new_);
		(void)pthread_mutex_lock(&lock);
		busy = false;
		flushed = covered;
		(void)pthread_cond_broadcast(&done);
	}
	(void)pthread_mutex_unlock(&lock);
}

static void
store_one(const char *name)
{
	int fd = write_file(name);

	if (way == FLUSHED_FIRST)
		flush(fd);
	else
		write_out(fd);
	publish(fd, name);
	if (way == FILE_FIRST || way == FILE_ALONE || way == LINKED)
		flush(fd);
	if (way == FLUSHED_FIRST || way == FILE_FIRST || way == NEW_ALONE ||
	    way == NEW_FIRST)
		flush(new_);
	if (way == NEW_FIRST)
		flush(fd);
	if (way == SHARED)
		flush_shared();
	if (close(fd) < 0)
		fail("close");
}

/* Names as long as those of a spool, in the order of their making. */
static void *
store(void *argument)
{
	long *count = argument;
	struct timespec now;
	char name[80];

	while (!atomic_load(&over)) {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		(void)snprintf(name, sizeof(name), "%lld.M%06ldP%dQ%lx%lx.host",
		    (long long)now.tv_sec, now.tv_nsec / 1000, (int)getpid(),
		    (unsigned long)pthread_self() >> 12, (unsigned long)*count);
		store_one(name);
		(*count)++;
	}
	return NULL;
}

static int
make_directory(int parent, const char *name)
{
	int fd;

	if (mkdirat(parent, name, 0770) < 0)
		fail(name);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		fail(name);
	return fd;
}

static double
seconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Runs the threads for that long; returns how many messages they stored. */
static long
run(int threads, double seconds)
{
	static pthread_t thread[MAX_THREADS];
	static struct {
		long count;
		char apart[64 - sizeof(long)]; /* a cache line each */
	} counts[MAX_THREADS];
	struct timespec pause = { (time_t)seconds,
		(long)((seconds - (double)(time_t)seconds) * 1e9) };
	long sum = 0;
	int i;

	for (i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, store, &counts[i].count) !=
		    0)
			fail("pthread_create");
	(void)nanosleep(&pause, NULL);
	atomic_store(&over, true);
	for (i = 0; i < threads; i++) {
		(void)pthread_join(thread[i], NULL);
		sum += counts[i].count;
	}
	return sum;
}

int
main(int argc, char **argv)
{
	double start;
	long sum;
	int root, threads;

	if (argc == 6)
		while (way < WAYS && strcmp(ways[way], argv[5]) != 0)
			way++;
	if (argc < 5 || argc > 6 || way == WAYS) {
		(void)fputs(
		    "usage: loop DIRECTORY THREADS BYTES SECONDS [WAY]\n",
		    stderr);
		return 2;
	}
	threads = (int)strtol(argv[2], NULL, 10);
	size = strtoul(argv[3], NULL, 10);
	if (threads < 1 || threads > MAX_THREADS || size < 1)
		return 2;
	root = open(argv[1], O_RDONLY | O_DIRECTORY);
	if (root < 0)
		fail(argv[1]);
	tmp = make_directory(root, "tmp");
	new_ = make_directory(root, "new");
	message = malloc(size);
	if (!message)
		fail("malloc");
	memset(message, 'x', size);
	start = seconds_now();
	sum = run(threads, strtod(argv[4], NULL));
	(void)printf("%ld %.6f\n", sum, seconds_now() - start);
	return 0;
}
