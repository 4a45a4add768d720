/* SPDX-License-Identifier: MIT */
/*
 * quarantine_tally - what is in each quarantine/, by this process's count
 *
 * Anybody on the network can ask for room here, with any number of calls at
 * once. So no lock is held while a file system works: one thread counts, and
 * the others go by the count before plus what they have added since. Only
 * where there is no count yet do they get QUARANTINE_BUSY.
 *
 * The directory is counted again when it has changed, but for at most a
 * twentieth of the time. A change of another process or of the operator is
 * so noticed within a fraction of a second, and a full quarantine, which
 * does not change, costs three system calls a call.
 */
#include "spool/quarantine_tally.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/clock.h"

/* Between two counts, in microseconds: so many times what one took. */
#define PAUSE_COSTS 20
#define PAUSE_LEAST 200000
#define PAUSE_MOST  10000000

/* Seconds within which two changes can have the same time. */
#define TICK 2

/* At least this is left free, or a tenth where that is less. */
#define FREE_BYTES (UINT64_C(1) << 30)

/*
 * Most files of one quarantine that are being written, so that the threads
 * and the disk are there for messages.
 */
#define AT_ONCE 64

/* Most directories that are remembered; each takes 17 KiB. */
#define TALLIES 1024

struct quarantine_tally {
	/* Inode numbers are used again; the time of birth tells, if known. */
	uint32_t major, minor;
	uint64_t inode;
	struct statx_timestamp birth;
	int64_t used; /* clock_monotonic(), here and below */

	bool known; /* it was counted */
	int64_t counted, cost;
	struct statx_timestamp changed; /* the directory, when counted */
	bool blurred; /* a later change may have the same time */

	/* As counted and with what came since; of that, what is reserved. */
	struct quarantine_sums there, pending;
	/* What the count under way may miss; NULL: none is under way. */
	struct quarantine_sums *since;
};

static struct quarantine_tally *tallies[TALLIES];
static size_t tally_count;
/* Guards all of these. Held for a few microseconds, and for no I/O. */
static pthread_mutex_t tallies_lock = PTHREAD_MUTEX_INITIALIZER;

/* Is there room for one more file within a part of the bounds? */
static bool
fits(struct quarantine_amount held, uint64_t bytes,
    struct quarantine_amount bounds, unsigned part)
{
	uint64_t most = bounds.bytes / part;

	/* Of very few files each part is one at least. */
	return bytes <= most && held.bytes <= most - bytes &&
	    held.files < bounds.files / part + (bounds.files % part != 0);
}

/* The shares are the same whatever the sums and the bounds are of. */
static enum quarantined
judge(const struct quarantine_sums *sums,
    const struct quarantine_amount *bounds, const struct quarantine_item *item)
{
	struct quarantine_amount held = quarantine_sums_of(sums, item->caller);

	if (!fits(sums->all, item->bytes, *bounds, 1))
		return QUARANTINE_FULL;
	if (!fits(held, item->bytes, *bounds, 4))
		return QUARANTINE_CALLER_FULL;
	if (!item->full_form && !fits(sums->formless, item->bytes, *bounds, 2))
		return QUARANTINE_FORM_FULL;
	return QUARANTINE_KEPT;
}

static enum quarantined
judge_all(const struct quarantine_tally *t, struct quarantine_amount spare,
    const struct quarantine_amount *bounds, const struct quarantine_item *item)
{
	static const struct quarantine_amount at_once = { UINT64_MAX, AT_ONCE };
	enum quarantined outcome;

	if (!t->known)
		return QUARANTINE_BUSY;
	outcome = judge(&t->there, bounds, item);
	if (outcome != QUARANTINE_KEPT)
		return outcome;
	if (!fits(t->pending.all, item->bytes, spare, 1))
		return QUARANTINE_DISK_LOW;
	if (judge(&t->pending, &at_once, item) != QUARANTINE_KEPT)
		return QUARANTINE_BUSY;
	return QUARANTINE_KEPT;
}

/* What may be taken until the file system has too little left. */
static int
find_spare(int directory, struct quarantine_amount *spare, struct error *err)
{
	struct statvfs vfs;
	uint64_t all, left, floor;

	if (fstatvfs(directory, &vfs) < 0)
		return error_system(err, "cannot look at the file system");
	all = (uint64_t)vfs.f_blocks * vfs.f_frsize;
	left = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	floor = all / 10 < FREE_BYTES ? all / 10 : FREE_BYTES;
	/* 0 in all: the file system has no such bound, or does not tell. */
	spare->bytes = spare->files = UINT64_MAX;
	if (all)
		spare->bytes = left > floor ? left - floor : 0;
	if (vfs.f_files)
		spare->files = vfs.f_favail > vfs.f_files / 10
		    ? vfs.f_favail - vfs.f_files / 10
		    : 0;
	return 0;
}

/* The caller holds the lock, as for all static functions that follow. */
static void
take_count(struct quarantine_tally *t, const struct quarantine_sums *found,
    int64_t cost)
{
	t->there = *t->since;
	quarantine_sums_join(&t->there, found);
	t->known = true;
	t->counted = clock_monotonic();
	t->cost = cost;
}

/*
 * Gives the lock up while it counts. What other threads reserve meanwhile
 * and what is pending at the start may be missed, so it is added; what was
 * not missed is then there twice, until the next count.
 */
static int
count(struct quarantine_tally *t, int directory, const struct statx *st,
    struct error *err)
{
	int64_t age = (int64_t)clock_now().tv_sec - st->stx_mtime.tv_sec;
	int64_t started = clock_monotonic();
	struct quarantine_sums found;
	int rc;

	t->since = malloc(sizeof(*t->since));
	if (!t->since)
		return error_set(err, ERROR_MEMORY, "no memory to count");
	*t->since = t->pending;
	(void)pthread_mutex_unlock(&tallies_lock);
	memset(&found, 0, sizeof(found));
	rc = quarantine_sums_count(&found, directory, err);
	(void)pthread_mutex_lock(&tallies_lock);
	if (rc == 0) {
		take_count(t, &found, clock_monotonic() - started);
		t->changed = st->stx_mtime;
		t->blurred = age >= -TICK && age <= TICK;
	}
	free(t->since);
	t->since = NULL;
	return rc;
}

static bool
is_count_due(
    const struct quarantine_tally *t, const struct statx *st, int64_t now)
{
	int64_t pause = t->cost * PAUSE_COSTS;

	if (pause < PAUSE_LEAST)
		pause = PAUSE_LEAST;
	if (pause > PAUSE_MOST)
		pause = PAUSE_MOST;
	if (t->since || (t->known && now - t->counted < pause))
		return false;
	return !t->known || t->blurred ||
	    t->changed.tv_sec != st->stx_mtime.tv_sec ||
	    t->changed.tv_nsec != st->stx_mtime.tv_nsec;
}

/* A new one; else the one that was not used for longest. NULL: none. */
static struct quarantine_tally *
free_tally(void)
{
	struct quarantine_tally *t, *oldest = NULL;
	size_t i;

	if (tally_count < TALLIES) {
		t = malloc(sizeof(*t));
		if (t)
			tallies[tally_count++] = t;
		return t;
	}
	for (i = 0; i < tally_count; i++) {
		t = tallies[i];
		if (!t->since && t->pending.all.files == 0 &&
		    (!oldest || t->used < oldest->used))
			oldest = t;
	}
	return oldest;
}

static bool
is_tally_of(const struct quarantine_tally *t, const struct statx *st)
{
	return t->inode == st->stx_ino && t->major == st->stx_dev_major &&
	    t->minor == st->stx_dev_minor &&
	    t->birth.tv_sec == st->stx_btime.tv_sec &&
	    t->birth.tv_nsec == st->stx_btime.tv_nsec;
}

static struct quarantine_tally *
find_tally(const struct statx *st, int64_t now)
{
	struct quarantine_tally *t;
	size_t i;

	for (i = 0; i < tally_count; i++) {
		t = tallies[i];
		if (is_tally_of(t, st)) {
			t->used = now;
			return t;
		}
	}
	t = free_tally();
	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->major = st->stx_dev_major;
	t->minor = st->stx_dev_minor;
	t->inode = st->stx_ino;
	t->birth = st->stx_btime;
	t->used = now;
	return t;
}

static void
reserve(struct quarantine_tally *t, const struct quarantine_item *item)
{
	quarantine_sums_add(&t->there, item);
	quarantine_sums_add(&t->pending, item);
	if (t->since)
		quarantine_sums_add(t->since, item);
}

enum quarantined
quarantine_reserve(int directory, const struct quarantine_amount *bounds,
    const struct quarantine_item *item, struct quarantine_tally **tally,
    struct error *err)
{
	enum quarantined outcome = QUARANTINE_FAILED;
	int64_t now = clock_monotonic();
	struct quarantine_tally *t;
	struct quarantine_amount spare = { 0, 0 };
	struct statx st;

	if (find_spare(directory, &spare, err) < 0)
		return QUARANTINE_FAILED;
	if (statx(directory, "", AT_EMPTY_PATH,
		STATX_INO | STATX_MTIME | STATX_BTIME, &st) < 0) {
		(void)error_system(err, "cannot look at quarantine/");
		return QUARANTINE_FAILED;
	}
	(void)pthread_mutex_lock(&tallies_lock);
	t = find_tally(&st, now);
	if (!t)
		(void)error_set(err, ERROR_MEMORY, "no memory to count");
	else if (!is_count_due(t, &st, now) ||
	    count(t, directory, &st, err) == 0)
		outcome = judge_all(t, spare, bounds, item);
	if (outcome == QUARANTINE_KEPT && tally) {
		reserve(t, item);
		*tally = t;
	}
	(void)pthread_mutex_unlock(&tallies_lock);
	return outcome;
}

void
quarantine_settle(struct quarantine_tally *tally,
    const struct quarantine_item *item, bool kept)
{
	(void)pthread_mutex_lock(&tallies_lock);
	quarantine_sums_take(&tally->pending, item);
	if (!kept) {
		quarantine_sums_take(&tally->there, item);
		if (tally->since)
			quarantine_sums_take(tally->since, item);
	}
	(void)pthread_mutex_unlock(&tallies_lock);
}
