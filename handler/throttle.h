/* SPDX-License-Identifier: MIT */
/*
 * throttle - tell what is rare from what comes in floods
 *
 * Each kind of thing has a number, which hash_text() makes. Of each kind a
 * burst passes, and then one an interval. Once half of the burst is used up,
 * each caller gets a tenth of the other half and of the rate: nine callers
 * that send a flood leave room for a tenth caller. Takes no lock, no memory
 * and never waits.
 */
#ifndef HOOKDIR_THROTTLE_H
#define HOOKDIR_THROTTLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Most kinds, and callers, that can be told from each other at a time. With
 * nearly as many, some share what passes.
 */
#define THROTTLE_SLOTS 4096

/* So many callers share what passes of a kind. */
#define THROTTLE_CALLERS 10

struct throttle {
	int64_t burst;
	int64_t interval; /* microseconds; whole milliseconds count */
	_Atomic uint64_t kinds[THROTTLE_SLOTS], callers[THROTTLE_SLOTS];
};

#define THROTTLE_INIT(burst, interval)                                         \
	{                                                                      \
		burst, interval, { 0 },                                        \
		{                                                              \
			0                                                      \
		}                                                              \
	}

/*
 * True if this one passes. Of several threads at once, no more do. caller is
 * the text that callers are told apart by; NULL: all get the whole.
 */
bool throttle_pass(
    struct throttle *throttle, uint64_t kind, const char *caller);

#endif
