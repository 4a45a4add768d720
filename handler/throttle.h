/* SPDX-License-Identifier: MIT */
/*
 * throttle - tell what is rare from what comes in floods
 *
 * Each kind of thing has a number, which a hash makes. Of each kind a burst
 * passes, and then one an interval. Takes no lock, no memory and never waits.
 * Two kinds whose numbers share a slot share what passes.
 */
#ifndef HOOKDIR_THROTTLE_H
#define HOOKDIR_THROTTLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_SLOTS 256

struct throttle {
	int64_t burst;
	int64_t interval;			    /* microseconds */
	_Atomic int64_t busy_until[THROTTLE_SLOTS]; /* of the monotonic clock */
};

/* True if this one passes. Of several threads at once, no more do. */
bool throttle_pass(struct throttle *throttle, uint64_t kind);

/* A hash of two is throttle_hash(throttle_hash(0, a), b); NULL is "". */
uint64_t throttle_hash(uint64_t hash, const char *text);

#endif
