/* SPDX-License-Identifier: MIT */
/*
 * throttle - tell what is rare from what comes in floods
 *
 * The generic cell rate algorithm: each one that passes makes its slot busy
 * for an interval more, and one passes unless the slot is busy for more than
 * a burst less one.
 */
#include "throttle.h"

#include "base/clock.h"

bool
throttle_pass(struct throttle *throttle, uint64_t kind)
{
	_Atomic int64_t *slot = &throttle->busy_until[kind % THROTTLE_SLOTS];
	int64_t now = clock_monotonic(), until = atomic_load(slot), start;

	do {
		start = until > now ? until : now;
		if (start - now > (throttle->burst - 1) * throttle->interval)
			return false;
	} while (!atomic_compare_exchange_weak(
	    slot, &until, start + throttle->interval));
	return true;
}

uint64_t
throttle_hash(uint64_t hash, const char *text)
{
	/* FNV-1a, with a NUL at the end that tells "a" "b" from "ab" */
	hash ^= 14695981039346656037u;
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211u;
	return hash * 1099511628211u;
}
