/* SPDX-License-Identifier: MIT */
/*
 * stats - what hookdir stats has counted of a spool
 */
#ifndef HOOKDIR_STATS_H
#define HOOKDIR_STATS_H

#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "hookdir/last.h"
#include "hookdir/look.h"

#define STATS_TYPES 1000

struct sum {
	uint64_t count, bytes;
	time_t oldest; /* when it arrived; 0: none, or not known */
};

struct type {
	char *name; /* owned */
	struct sum sums[QUEUE_STATES];
};

struct stats {
	struct queue queue;
	struct look look;
	struct sum sums[QUEUE_STATES];
	/* One more than counts by itself, for all others. */
	struct type types[STATS_TYPES + 1];
	size_t type_count;
	struct hsearch_data index;
	time_t newest; /* when a message arrived last; 0: not known */
	struct last last;
};

/* The metrics of so many spools, in Prometheus' text format. */
void stats_metrics(struct buf *out, struct stats *const *all, size_t count);

#endif
