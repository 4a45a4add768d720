/* SPDX-License-Identifier: MIT */
/*
 * throttle - tell what is rare from what comes in floods
 *
 * The generic cell rate algorithm: each one that passes makes its slot busy
 * for an interval more, and one passes unless the slot is busy for more than
 * a burst less one.
 *
 * A slot is one number, so that it changes at once: until when it is busy,
 * and above that a tag, the part of the kind that does not choose the slot.
 * A slot that is no longer busy is free for any kind. A kind looks for its
 * slot among WINDOW neighbours; where all of them are busy with other kinds,
 * it shares the one that will be free first.
 */
#include "throttle.h"

#include <stddef.h>

#include "base/clock.h"
#include "base/hash.h"

#define WINDOW	  16
#define TIME_BITS 40 /* milliseconds of the monotonic clock: 34 years */
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)

/* How much passes, in milliseconds */
struct limit {
	int64_t burst, interval;
};

static int64_t
until_of(uint64_t slot)
{
	return (int64_t)(slot & TIME_MASK);
}

/* The slot of this kind, and in *value what it holds. */
static _Atomic uint64_t *
find_slot(_Atomic uint64_t slots[], uint64_t kind, int64_t now, uint64_t *value)
{
	_Atomic uint64_t *slot, *best = NULL;
	int64_t until, first = INT64_MAX;
	uint64_t held;
	size_t i;

	for (i = 0; i < WINDOW; i++) {
		slot = &slots[(kind + i) % THROTTLE_SLOTS];
		held = atomic_load(slot);
		until = until_of(held) > now ? until_of(held) : now;
		if (until > now && (held ^ kind) >> TIME_BITS == 0) {
			*value = held;
			return slot;
		}
		if (until < first) {
			first = until;
			best = slot;
			*value = held;
		}
	}
	return best;
}

/* Take one, if less than a burst was taken. */
static bool
take(_Atomic uint64_t slots[], uint64_t kind, struct limit limit)
{
	int64_t now = clock_monotonic() / 1000, start;
	_Atomic uint64_t *slot;
	uint64_t value = 0, tag;

	do {
		slot = find_slot(slots, kind, now, &value);
		start = until_of(value) > now ? until_of(value) : now;
		if (start - now > (limit.burst - 1) * limit.interval)
			return false;
		tag = (start > now ? value : kind) & ~TIME_MASK;
	} while (!atomic_compare_exchange_weak(
	    slot, &value, tag | (uint64_t)(start + limit.interval)));
	return true;
}

/* For how long the slot of this kind is busy */
static int64_t
busy_for(_Atomic uint64_t slots[], uint64_t kind)
{
	int64_t now = clock_monotonic() / 1000, until;
	uint64_t value = 0;

	(void)find_slot(slots, kind, now, &value);
	until = until_of(value);
	return until > now ? until - now : 0;
}

bool
throttle_pass(struct throttle *t, uint64_t kind, const char *caller)
{
	struct limit all = { t->burst, t->interval / 1000 };
	/* At least one; the bursts of all together are the other half. */
	struct limit part = { (all.burst + 2 * THROTTLE_CALLERS - 1) /
		    (2 * THROTTLE_CALLERS),
		all.interval * THROTTLE_CALLERS };
	int64_t busy = caller ? busy_for(t->kinds, kind) : 0;

	/*
	 * A caller has no slot before there is room for its kind: so the number
	 * of callers that pass fills the table, and not of those that call.
	 */
	if (busy > (all.burst - 1) * all.interval)
		return false;
	if (caller && busy >= all.burst / 2 * all.interval &&
	    !take(t->callers, hash_text(kind, caller), part))
		return false;
	return take(t->kinds, kind, all);
}
