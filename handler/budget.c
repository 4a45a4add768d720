/* SPDX-License-Identifier: MIT */
/*
 * budget - memory for large bodies, shared by all requests
 *
 * The shares stand in a list, which is walked only while memory is short.
 */
#include "budget.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"

/* The time between two marks of a body, in microseconds. */
#define MARK_TIME 1000000

/* Others get slower while one waits: look again after this time, in ns. */
#define LOOK_AGAIN 20000000

static size_t budget = (size_t)64 << 20;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for the rest */
static pthread_cond_t given = PTHREAD_COND_INITIALIZER;
static struct budget_share *shares; /* those that have taken something */
static struct budget_share *first;  /* the one that is never refused */
static size_t taken;		    /* the sum of all shares */

void
budget_set(size_t bytes)
{
	budget = bytes;
}

void
budget_join(struct budget_share *share, int64_t now, void (*cut)(void *peer),
    void *peer)
{
	*share = (struct budget_share){ .cut = cut, .peer = peer };
	share->marks[0].at = share->marks[1].at = now;
}

/* All that was asked for before has arrived. */
static void
mark(struct budget_share *share, int64_t now)
{
	if (now - share->marks[1].at < MARK_TIME)
		return;
	share->marks[0] = share->marks[1];
	share->marks[1].at = now;
	share->marks[1].len = share->len;
}

/* Bytes a second, lately. The time that a body waits for room is not its. */
static int64_t
pace_of(const struct budget_share *share, int64_t now)
{
	int64_t end = share->waiting ? share->asked : now;
	size_t arrived = share->len - share->marks[0].len;

	return (int64_t)arrived * 1000000 / (end - share->marks[0].at + 1);
}

/* The slowest body that can still be cut off, or NULL. */
static struct budget_share *
find_slowest(int64_t now)
{
	struct budget_share *share, *slowest = NULL;

	for (share = shares; share; share = share->next) {
		/* One that is silent takes nothing: its marks would be old. */
		if (!share->waiting)
			mark(share, now);
		if (!share->settled && !share->was_cut &&
		    (!slowest || pace_of(share, now) < pace_of(slowest, now)))
			slowest = share;
	}
	return slowest;
}

/* What those that were cut off still hold. */
static size_t
sum_of_cut(void)
{
	const struct budget_share *share;
	size_t sum = 0;

	for (share = shares; share; share = share->next)
		if (share->was_cut)
			sum += share->taken;
	return sum;
}

static bool
fits(const struct budget_share *share, size_t len, size_t leaving)
{
	size_t others = taken - share->taken - leaving;

	return share == first || (len <= budget && others <= budget - len);
}

static bool
may_cut(const struct budget_share *slowest, const struct budget_share *share,
    int64_t now)
{
	int64_t pace = pace_of(slowest, now);

	if (slowest == share)
		return false;
	if (pace < BUDGET_PACE)
		return true;
	return share->waited + now - share->asked >= BUDGET_PATIENCE &&
	    pace_of(share, now) / BUDGET_FASTER > pace;
}

static void
cut_slowest(const struct budget_share *share, int64_t now)
{
	struct budget_share *slowest = find_slowest(now);

	if (!slowest || !may_cut(slowest, share, now))
		return;
	slowest->was_cut = true;
	if (slowest->waiting)
		(void)pthread_cond_broadcast(&given);
	else
		slowest->cut(slowest->peer);
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

/* The caller holds the lock. */
static void
wait_for_room(struct budget_share *share, size_t len)
{
	int64_t now = share->asked;

	share->waiting = true;
	while (!fits(share, len, 0) && !share->was_cut &&
	    share->waited + now - share->asked < BUDGET_WAIT) {
		if (!fits(share, len, sum_of_cut()))
			cut_slowest(share, now);
		wait_a_little();
		now = clock_monotonic();
	}
	share->waiting = false;
	share->waited += now - share->asked;
	share->marks[0].at += now - share->asked;
	share->marks[1].at += now - share->asked;
}

static void
enlist(struct budget_share *share)
{
	if (!share->listed) {
		share->next = shares;
		shares = share;
		share->listed = true;
	}
	if (!first)
		first = share;
}

bool
budget_take(struct budget_share *share, size_t len)
{
	bool room = true;

	if (len > BUDGET_FREE) {
		(void)pthread_mutex_lock(&lock);
		share->asked = clock_monotonic();
		mark(share, share->asked);
		enlist(share);
		wait_for_room(share, len);
		room = fits(share, len, 0) && !share->was_cut;
		if (room) {
			taken += len - share->taken;
			share->taken = share->len = len;
		}
		(void)pthread_mutex_unlock(&lock);
	} else {
		share->len = len;
	}
	return room;
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
	return share->was_cut;
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
	taken -= share->taken;
	if (first == share)
		first = NULL;
	share->taken = 0;
	share->listed = false;
	(void)pthread_cond_broadcast(&given);
	(void)pthread_mutex_unlock(&lock);
}
