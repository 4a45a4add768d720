/* SPDX-License-Identifier: MIT */
/*
 * budget - memory for large bodies, shared by all requests
 *
 * Any thread may hold a body of BUDGET_FREE bytes; larger bodies come out of
 * one budget, each with as many bytes as have arrived. So a body that is
 * announced and never sent takes nothing.
 *
 * When the budget is short, a body waits for room, and the slowest body is
 * cut off for it: at once where it arrives more slowly than BUDGET_PACE, and
 * after BUDGET_PATIENCE also where the one that waits came BUDGET_FASTER times
 * as fast. So callers who send slowly on purpose cannot keep the memory from
 * those who do not, and bodies that come equally fast take turns.
 *
 * One body, the first that asked, always gets what it needs, so that two
 * cannot refuse each other; when it is done, the next that asks is the first.
 * All shares together come to no more than the budget and one largest body.
 */
#ifndef HOOKDIR_BUDGET_H
#define HOOKDIR_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUDGET_FREE ((size_t)64 << 10)

/* A body should arrive at so many bytes a second. */
#define BUDGET_PACE 65536

/* Microseconds that a body waits before a fast one is cut off for it. */
#define BUDGET_PATIENCE 500000
#define BUDGET_FASTER	4

/* Microseconds that a body waits in all; senders give up after 3 s. */
#define BUDGET_WAIT 2000000

struct budget_share {
	struct budget_share *next;
	void (*cut)(void *peer);
	void *peer;
	size_t len;   /* bytes asked for; all but the last piece arrived */
	size_t taken; /* bytes of the budget; 0 up to BUDGET_FREE */
	/* How much there was and when, twice: its pace is that since the first
	 * of these, which is up to two seconds ago. */
	struct {
		int64_t at; /* clock_monotonic() */
		size_t len;
	} marks[2];
	int64_t asked;	/* clock_monotonic(): for room */
	int64_t waited; /* microseconds spent waiting for it */
	bool listed, waiting, settled, was_cut;
};

/* Bytes for all shares together; before any thread runs. */
void budget_set(size_t bytes);

/*
 * A share for a body that begins to arrive now, from clock_monotonic(). cut
 * ends the sending of that peer; another thread calls it while it holds the
 * budget's lock, so it must not call back. The share stays where it is until
 * budget_give().
 */
void budget_join(struct budget_share *share, int64_t now,
    void (*cut)(void *peer), void *peer);

/*
 * Make the share enough for len bytes of body; call it before each piece is
 * read. Waits up to BUDGET_WAIT in all. False, and the share as it was, when
 * there is no room for that, or when this body was cut off.
 */
bool budget_take(struct budget_share *share, size_t len);

/* The body is there, or no more of it is read: it is not cut off any more. */
void budget_settle(struct budget_share *share);

/* Was it cut off to make room? For the body's own thread. */
bool budget_was_cut(const struct budget_share *share);

/* Give it back; accepts one that is zeroed or was given back. */
void budget_give(struct budget_share *share);

#endif
