/* SPDX-License-Identifier: MIT */
/*
 * spool_known - the spools whose directories this process has flushed
 *
 * A hash table with chains. To forget the one that was not used for the
 * longest time, all are looked at: with more spools than the table has room
 * for, each call flushes directories anyway, which takes far longer.
 */
#include "spool/spool_known.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define BUCKETS	       1024
#define SWEEP_INTERVAL (INT64_C(3600) * 1000000) /* microseconds */

/* The time of birth is part of it because inode numbers are used again. */
struct known {
	uint32_t major, minor;
	uint64_t inode;
	struct statx_timestamp birth; /* 0 where it is not known */
	int64_t last[SPOOL_SWEEPS];   /* clock_monotonic() */
	uint64_t used;		      /* the highest was used last */
	struct known *next;	      /* in the bucket */
};

static struct known table[KNOWN_MOST];
static struct known *buckets[BUCKETS];
static size_t table_count;
static uint64_t uses;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

static struct known **
bucket_of(uint64_t inode)
{
	/* Fibonacci hashing: inodes of directories come in steps. */
	return &buckets[(inode * UINT64_C(11400714819323198485)) >> 54];
}

/* The caller holds table_lock. */
static struct known *
find(const struct statx *st)
{
	struct known *known;

	for (known = *bucket_of(st->stx_ino); known; known = known->next)
		if (known->inode == st->stx_ino &&
		    known->major == st->stx_dev_major &&
		    known->minor == st->stx_dev_minor &&
		    known->birth.tv_sec == st->stx_btime.tv_sec &&
		    known->birth.tv_nsec == st->stx_btime.tv_nsec) {
			known->used = ++uses;
			return known;
		}
	return NULL;
}

/* A free entry; if there is none, that which was used the longest ago. */
static struct known *
take_entry(void)
{
	struct known *oldest = &table[0], **link;
	size_t i;

	if (table_count < KNOWN_MOST)
		return &table[table_count++];
	for (i = 1; i < KNOWN_MOST; i++)
		if (table[i].used < oldest->used)
			oldest = &table[i];
	link = bucket_of(oldest->inode);
	while (*link != oldest)
		link = &(*link)->next;
	*link = oldest->next;
	return oldest;
}

bool
spool_is_known(const struct statx *st)
{
	bool found;

	(void)pthread_mutex_lock(&table_lock);
	found = find(st) != NULL;
	(void)pthread_mutex_unlock(&table_lock);
	return found;
}

void
spool_remember(const struct statx *st)
{
	struct known *known, **bucket = bucket_of(st->stx_ino);

	(void)pthread_mutex_lock(&table_lock);
	if (!find(st)) {
		known = take_entry();
		*known = (struct known){ st->stx_dev_major, st->stx_dev_minor,
			st->stx_ino, st->stx_btime, { INT64_MIN, INT64_MIN },
			++uses, *bucket };
		*bucket = known;
	}
	(void)pthread_mutex_unlock(&table_lock);
}

bool
spool_known_sweep(const struct statx *st, enum spool_sweep sweep, int64_t now)
{
	struct known *known;
	bool due = false;

	(void)pthread_mutex_lock(&table_lock);
	known = find(st);
	if (known &&
	    (known->last[sweep] == INT64_MIN ||
		now - known->last[sweep] >= SWEEP_INTERVAL)) {
		known->last[sweep] = now;
		due = true;
	}
	(void)pthread_mutex_unlock(&table_lock);
	return due;
}
