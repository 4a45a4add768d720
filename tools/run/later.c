/* SPDX-License-Identifier: MIT */
/*
 * later - what waits for its next try
 */
#include "run/later.h"

#include <stdlib.h>

#include "base/clock.h"

struct wait {
	time_t due;
	void *thing;
};

static bool
is_sooner(const void *a, const void *b)
{
	const struct wait *first = a, *second = b;

	return first->due < second->due;
}

bool
later_is_due(const struct later *later, time_t due)
{
	time_t now = clock_now().tv_sec;

	return due <= (later->began ? later->began : now) ||
	    due - now > later->most;
}

int
later_add(struct later *later, time_t due, void *thing, struct error *err)
{
	struct wait *wait = malloc(sizeof(*wait));

	if (!wait)
		return error_set(err, ERROR_MEMORY, "no memory for names");
	*wait = (struct wait){ due, thing };
	if (heap_add(&later->waiting, wait, is_sooner, err) == 0)
		return 0;
	free(wait);
	return -1;
}

time_t
later_soonest(const struct later *later)
{
	const struct wait *first;

	if (later->waiting.count == 0)
		return 0;
	first = later->waiting.at[0];
	return first->due;
}

static void *
unpack(struct wait *wait)
{
	void *thing = wait->thing;

	free(wait);
	return thing;
}

void *
later_take(struct later *later)
{
	if (later->waiting.count == 0 ||
	    !later_is_due(later, later_soonest(later)))
		return NULL;
	return unpack(heap_take(&later->waiting, is_sooner));
}

void *
later_take_any(struct later *later)
{
	if (later->waiting.count > 0)
		return unpack(heap_take_any(&later->waiting));
	heap_free(&later->waiting);
	return NULL;
}
