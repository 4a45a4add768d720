/* SPDX-License-Identifier: MIT */
/*
 * budget - memory for large bodies, shared by all requests
 *
 * The list of shares is walked only while memory is short.
 */
#include "budget.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"

/* Bodies become older while one waits: look again after this time, in ns. */
#define LOOK_AGAIN 20000000

static size_t budget = (size_t)64 << 20;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for the rest */
static pthread_cond_t given = PTHREAD_COND_INITIALIZER;
static struct budget_share *shares;  /* those that have asked for room */
static struct budget_share *extra;   /* the one on top of the budget */
static struct budget_share *leaving; /* was cut off, has not yet given back */
static size_t taken;		     /* the sum of all but the extra one */
static size_t large;		     /* of these, the sum of those over SMALL */
static bool stopped;		     /* nobody waits any more */

void
budget_set(size_t bytes)
{
	budget = bytes;
}

void
budget_join(struct budget_share *share, void (*cut)(void *peer), void *peer)
{
	*share = (struct budget_share){ .cut = cut, .peer = peer };
}

static size_t
large_part(size_t len)
{
	return len > BUDGET_SMALL ? len : 0;
}

/* The extra one is in no sum. */
static void
count(struct budget_share *share, size_t len)
{
	if (share != extra) {
		taken += len - share->taken;
		large += large_part(len) - large_part(share->taken);
	}
	share->taken = len;
}

static bool
fits(const struct budget_share *share, size_t len)
{
	size_t others = taken - share->taken;
	size_t large_others = large - large_part(share->taken);

	if (share == extra)
		return true;
	if (len > BUDGET_SMALL && large_others + len > budget / 2)
		return false;
	return others + len <= budget;
}

static bool
find_room(struct budget_share *share, size_t len)
{
	if (!fits(share, len)) {
		if (extra)
			return false;
		count(share, 0);
		extra = share;
	}
	count(share, len);
	return true;
}

static int64_t
age_of(const struct budget_share *share, int64_t now)
{
	return (share->waiting ? share->asked : now) - share->since;
}

/* How much it has held for how long: KiB times milliseconds. */
static int64_t
burden_of(const struct budget_share *share, int64_t now)
{
	return (int64_t)(share->taken >> 10) * (age_of(share, now) / 1000);
}

static bool
may_be_cut(const struct budget_share *share, int64_t now, bool for_large)
{
	if (share->settled || age_of(share, now) < BUDGET_GRACE)
		return false;
	return !for_large || share == extra || share->taken > BUDGET_SMALL;
}

/* The one that is more of a burden than this one and than all others. */
static struct budget_share *
find_worse(const struct budget_share *than, int64_t now, bool for_large)
{
	int64_t burden, most = burden_of(than, now);
	struct budget_share *share, *worst = NULL;

	for (share = shares; share; share = share->next) {
		burden = burden_of(share, now);
		if (burden > most && may_be_cut(share, now, for_large)) {
			most = burden;
			worst = share;
		}
	}
	return worst;
}

/* Again and again, until it leaves: its peer may just have begun to wait. */
static void
cut(struct budget_share *share)
{
	share->was_cut = true;
	if (share->waiting)
		(void)pthread_cond_broadcast(&given);
	else if (!share->settled)
		share->cut(share->peer);
}

static void
wait_a_little(void)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_AGAIN;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)pthread_cond_clockwait(&given, &lock, CLOCK_MONOTONIC, &until);
}

/* The caller holds the lock. Is there room now? */
static bool
wait_for_room(struct budget_share *share, size_t len)
{
	int64_t now = share->asked;
	bool room = false;

	share->waiting = true;
	while (!share->was_cut && !(room = find_room(share, len)) && !stopped &&
	    share->waited + now - share->asked < BUDGET_WAIT) {
		if (!leaving)
			leaving = find_worse(share, now, len > BUDGET_SMALL);
		if (leaving)
			cut(leaving);
		wait_a_little();
		now = clock_monotonic();
	}
	share->waiting = false;
	share->waited += now - share->asked;
	share->since += now - share->asked;
	return room;
}

bool
budget_take(struct budget_share *share, size_t len)
{
	bool room;

	if (len <= BUDGET_FREE)
		return true;
	(void)pthread_mutex_lock(&lock);
	share->asked = clock_monotonic();
	if (!share->listed) {
		share->since = share->asked;
		share->next = shares;
		shares = share;
		share->listed = true;
	}
	room = wait_for_room(share, len);
	(void)pthread_mutex_unlock(&lock);
	return room;
}

void
budget_stop(void)
{
	(void)pthread_mutex_lock(&lock);
	stopped = true;
	(void)pthread_cond_broadcast(&given);
	(void)pthread_mutex_unlock(&lock);
}

void
budget_settle(struct budget_share *share)
{
	if (!share->listed)
		return;
	(void)pthread_mutex_lock(&lock);
	share->settled = true;
	(void)pthread_mutex_unlock(&lock);
}

bool
budget_was_cut(const struct budget_share *share)
{
	bool was_cut;

	(void)pthread_mutex_lock(&lock);
	was_cut = share->was_cut;
	(void)pthread_mutex_unlock(&lock);
	return was_cut;
}

void
budget_give(struct budget_share *share)
{
	struct budget_share **at;

	if (!share->listed)
		return;
	(void)pthread_mutex_lock(&lock);
	for (at = &shares; *at != share; at = &(*at)->next)
		;
	*at = share->next;
	count(share, 0);
	if (extra == share)
		extra = NULL;
	if (leaving == share)
		leaving = NULL;
	share->listed = false;
	(void)pthread_cond_broadcast(&given);
	(void)pthread_mutex_unlock(&lock);
}
