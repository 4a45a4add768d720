/* SPDX-License-Identifier: MIT */
/*
 * budget - memory for large bodies, shared by all requests
 */
#include "budget.h"

#include <pthread.h>

static size_t budget = (size_t)64 << 20;
static size_t taken;	    /* the sum of all shares */
static const size_t *first; /* the share that is never refused; or NULL */
static pthread_mutex_t taken_lock = PTHREAD_MUTEX_INITIALIZER;

void
budget_set(size_t bytes)
{
	budget = bytes;
}

/* As a buffer grows: by doubling. */
static size_t
share_for(size_t len)
{
	size_t size = BUDGET_FREE;

	if (len <= BUDGET_FREE)
		return 0;
	while (size < len)
		size *= 2;
	return size;
}

bool
budget_take(size_t *share, size_t len)
{
	size_t wanted = share_for(len), others;
	bool room;

	if (wanted <= *share)
		return true;
	(void)pthread_mutex_lock(&taken_lock);
	others = taken - *share;
	/* Else two could refuse each other until both are gone. */
	if (!first)
		first = share;
	room =
	    share == first || (wanted <= budget && others <= budget - wanted);
	if (room) {
		taken = others + wanted;
		*share = wanted;
	}
	(void)pthread_mutex_unlock(&taken_lock);
	return room;
}

void
budget_give(size_t *share)
{
	if (*share == 0)
		return;
	(void)pthread_mutex_lock(&taken_lock);
	taken -= *share;
	if (first == share)
		first = NULL;
	(void)pthread_mutex_unlock(&taken_lock);
	*share = 0;
}
