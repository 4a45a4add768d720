/* SPDX-License-Identifier: MIT */
/*
 * later - what waits for its next try
 *
 * Known by the time at which it is due, so that nothing has to be read again
 * to find what has become due.
 */
#ifndef HOOKDIR_LATER_H
#define HOOKDIR_LATER_H

#include <time.h>

#include "run/heap.h"

struct later {
	/*
	 * A run that ends by itself takes what was due when it began: what it
	 * defers comes up in another run, however short the back-off. 0: the
	 * time is now.
	 */
	time_t began;
	/* Seconds: what lies further ahead was written by a wrong clock. */
	time_t most;
	struct heap waiting;
};

/* May what is due at that time be run? 0 is at any time. */
bool later_is_due(const struct later *later, time_t due);

/* -1: out of memory, and nothing was added. */
int later_add(struct later *later, time_t due, void *thing, struct error *err);

/* When the first of them is due; 0: there is none. */
time_t later_soonest(const struct later *later);

/* The first that is due, or NULL. */
void *later_take(struct later *later);

/* Any, due or not, to free them; NULL at the end. */
void *later_take_any(struct later *later);

#endif
