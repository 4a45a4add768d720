/* SPDX-License-Identifier: MIT */
/*
 * budget - memory for large bodies, shared by all requests
 *
 * Any thread may hold a body of BUDGET_FREE bytes; larger bodies come out of
 * one budget, each with as many bytes as have arrived. A body that is
 * announced and never sent takes nothing.
 *
 * Bodies over BUDGET_SMALL have half of the budget, so that a few of them do
 * not take the room of ordinary ones. One body at a time, which found no
 * room, comes on top of the budget: two bodies never refuse each other, and
 * a body may be larger than the budget. All shares together come to no more
 * than the budget and one largest body.
 *
 * A body that finds no room waits for it. Meanwhile the body that has held
 * the most for the longest, bytes times seconds, is cut off, unless that is
 * the one that waits. No body is cut off in its first BUDGET_GRACE, and none
 * of up to BUDGET_SMALL for a larger one. To keep the memory from others,
 * callers must send all of it again and again.
 */
#ifndef HOOKDIR_BUDGET_H
#define HOOKDIR_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUDGET_FREE  ((size_t)64 << 10)
#define BUDGET_SMALL ((size_t)1 << 20)

/* Microseconds for which no body is cut off. */
#define BUDGET_GRACE 1000000

/* Microseconds that a body waits in all; senders give up after 3 s. */
#define BUDGET_WAIT 2000000

struct budget_share {
	struct budget_share *next;
	void (*cut)(void *peer);
	void *peer;
	size_t taken; /* bytes; 0 up to BUDGET_FREE */
	/* clock_monotonic(): when it took the first bytes; the time that it
	 * waited for room is not counted. */
	int64_t since;
	int64_t asked;	/* clock_monotonic(): for room */
	int64_t waited; /* microseconds spent waiting for it */
	bool listed, waiting, settled, was_cut;
};

/* Bytes for all shares together; before any thread runs. */
void budget_set(size_t bytes);

/*
 * A share for a body. cut ends the sending of that peer; another thread calls
 * it while it holds the budget's lock, so it must not call back. The share
 * stays where it is until budget_give().
 */
void budget_join(
    struct budget_share *share, void (*cut)(void *peer), void *peer);

/*
 * Make the share enough for len bytes of body; call it before each piece is
 * read. Waits up to BUDGET_WAIT in all. False, and the share as it was, when
 * there is no room for that, or when this body was cut off.
 */
bool budget_take(struct budget_share *share, size_t len);

/* From now on no body waits: what has no room is refused at once. */
void budget_stop(void);

/* The body is there, or no more of it is read: it is not cut off any more. */
void budget_settle(struct budget_share *share);

/* Was it cut off to make room? For the body's own thread. */
bool budget_was_cut(const struct budget_share *share);

/* Give it back; accepts one that is zeroed or was given back. */
void budget_give(struct budget_share *share);

#endif
