/* SPDX-License-Identifier: MIT */
/*
 * quarantine - keep calls that did not verify, within bounds
 *
 * Anybody on the network can fill it, so a call costs no look at every
 * file: the sum is remembered with the directory's time of change, and
 * counted again when that time is not the one that we left. A lock on the
 * directory keeps other processes away between the count and the rename;
 * the writing is done before it is taken.
 */
#include "quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "io.h"

/* A full directory is counted again after this time, in microseconds. */
#define RECOUNT_INTERVAL (INT64_C(10) * 1000000)

/* So long the lock is not waited for after it could not be had. */
#define RETRY_INTERVAL (INT64_C(2) * 1000000)

/* Two changes within this time, in microseconds, can look like one. */
#define TICK 20000

/* Counting that takes less than this, in microseconds, is always done. */
#define CHEAP 50

struct sum {
	dev_t device;
	ino_t inode;
	struct timespec changed;
	bool blurred;	 /* looked at within a tick of that change */
	int64_t counted; /* clock_monotonic() */
	int64_t cost;	 /* of counting, microseconds */
	uint64_t bytes;
};

/* One for each of the last few directories; see slot_of(). */
static struct sum sums[16];
static pthread_mutex_t sums_lock = PTHREAD_MUTEX_INITIALIZER;

static struct sum *
slot_of(const struct stat *st)
{
	return &sums[st->st_ino % (sizeof(sums) / sizeof(sums[0]))];
}

static int
look_at(int directory, struct stat *st, struct error *err)
{
	if (fstat(directory, st) < 0)
		return error_system(err, "cannot look at quarantine/");
	return 0;
}

static int
count_bytes(int directory, uint64_t *bytes, struct error *err)
{
	struct dirent *entry;
	struct stat st;
	uint64_t total = 0;
	int fd = io_open_dir(directory, ".", err);
	DIR *dir;

	if (fd < 0)
		return -1;
	dir = fdopendir(fd);
	if (!dir) {
		(void)error_system(err, "cannot read quarantine/");
		io_discard(&fd);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			total += (uint64_t)st.st_size;
	(void)closedir(dir);
	*bytes = total;
	return 0;
}

/* Remember what the directory looked like, and that it was looked at now. */
static void
look(struct sum *slot, const struct stat *st, struct timespec now)
{
	int64_t age = (int64_t)(now.tv_sec - st->st_mtim.tv_sec) * 1000000 +
	    (now.tv_nsec - st->st_mtim.tv_nsec) / 1000;

	slot->device = st->st_dev;
	slot->inode = st->st_ino;
	slot->changed = st->st_mtim;
	slot->blurred = age < TICK;
}

/*
 * Is the sum still right? Another process may have changed the directory
 * in the same tick as we; where that cannot be told it is counted again,
 * but never for more than a tenth of the time.
 */
static bool
is_current(const struct sum *slot, const struct stat *st, int64_t now)
{
	if (slot->device != st->st_dev || slot->inode != st->st_ino ||
	    slot->changed.tv_sec != st->st_mtim.tv_sec ||
	    slot->changed.tv_nsec != st->st_mtim.tv_nsec)
		return false;
	return !slot->blurred ||
	    (slot->cost > CHEAP && now - slot->counted < 10 * slot->cost);
}

static int
recount(
    int directory, struct sum *slot, const struct stat *st, struct error *err)
{
	struct timespec now = clock_now();
	int64_t start = clock_monotonic();

	slot->inode = 0;
	if (count_bytes(directory, &slot->bytes, err) < 0)
		return -1;
	look(slot, st, now);
	slot->counted = clock_monotonic();
	slot->cost = slot->counted - start;
	return 0;
}

/*
 * Are there size bytes left? 1, 0 or -1; *sum is then up to date. The
 * caller holds sums_lock.
 */
static int
has_room(int directory, uint64_t size, uint64_t limit, struct sum **sum,
    struct error *err)
{
	int64_t now = clock_monotonic();
	struct sum *slot;
	struct stat st;
	bool full;

	if (look_at(directory, &st, err) < 0)
		return -1;
	slot = *sum = slot_of(&st);
	full = size > limit || slot->bytes > limit - size;
	if (!is_current(slot, &st, now) ||
	    (full && now - slot->counted >= RECOUNT_INTERVAL)) {
		if (recount(directory, slot, &st, err) < 0)
			return -1;
		full = size > limit || slot->bytes > limit - size;
	}
	return full ? 0 : 1;
}

/* Move the written file over if there is room; under both locks. */
static int
place(const struct spool *spool, int directory, struct timespec received,
    uint64_t size, uint64_t limit, struct draft *draft, struct error *err)
{
	struct stat st;
	struct sum *sum;
	int room = has_room(directory, size, limit, &sum, err);

	if (room != 1) {
		spool_forget(spool, draft);
		return room;
	}
	if (spool_place(spool, directory, received, draft, err) < 0)
		return -1;
	sum->bytes += size;
	if (fstat(directory, &st) == 0)
		look(sum, &st, clock_now());
	return 1;
}

static int
peek(int directory, uint64_t size, uint64_t limit, struct error *err)
{
	struct sum *sum;
	int room;

	(void)pthread_mutex_lock(&sums_lock);
	room = has_room(directory, size, limit, &sum, err);
	(void)pthread_mutex_unlock(&sums_lock);
	return room;
}

/*
 * Wait for other processes, but not for long: some file systems have no
 * such lock, and somebody who holds it must not hold us. After a wait in
 * vain there is none for a while. Without the lock the bound can be overrun
 * by as many calls as there are processes. The caller holds sums_lock.
 */
static void
lock_directory(int directory)
{
	static int64_t hopeless_until; /* clock_monotonic() */
	const struct timespec pause = { 0, 2000000 };
	int64_t now = clock_monotonic();
	int tries = now < hopeless_until ? 1 : 50;

	while (tries-- > 0) {
		if (flock(directory, LOCK_EX | LOCK_NB) == 0 ||
		    (errno != EWOULDBLOCK && errno != EINTR))
			return;
		if (tries > 0)
			(void)nanosleep(&pause, NULL);
	}
	hopeless_until = now + RETRY_INTERVAL;
}

int
quarantine_keep(const struct spool *spool, struct timespec received,
    struct iovec *iov, int count, uint64_t limit, char name[SPOOL_NAME_SIZE],
    struct error *err)
{
	struct draft draft = DRAFT_INIT;
	uint64_t size = 0;
	int directory, i, kept;

	for (i = 0; i < count; i++)
		size += iov[i].iov_len;
	directory = spool_directory(spool->root, "quarantine", err);
	if (directory < 0)
		return -1;
	/* Nothing is written in vain while it is full. */
	kept = peek(directory, size, limit, err);
	if (kept == 1 &&
	    spool_write(spool, received, iov, count, &draft, err) < 0)
		kept = -1;
	if (kept == 1) {
		(void)pthread_mutex_lock(&sums_lock);
		lock_directory(directory);
		kept =
		    place(spool, directory, received, size, limit, &draft, err);
		(void)pthread_mutex_unlock(&sums_lock);
	}
	/* Closing it gives the lock back. */
	io_discard(&directory);
	if (kept == 1)
		memcpy(name, draft.name, sizeof(draft.name));
	return kept;
}
