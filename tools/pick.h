/* SPDX-License-Identifier: MIT */
/*
 * pick - which message is run next, where their order does not matter
 *
 * The oldest first, as far as names know it, and in memory that does not
 * grow with the spool: a pass goes through new/ in batches, each the oldest
 * beyond the one before. In a pass no message comes up twice.
 */
#ifndef HOOKDIR_PICK_H
#define HOOKDIR_PICK_H

#include "queue.h"

struct pick {
	char **files; /* owned */
	size_t count, at;
	bool more;		 /* new/ has messages beyond the last one */
	char last[NAME_MAX + 1]; /* where the batch ends */
	/* Found by the pass: messages that wait for their next try. */
	size_t waiting;
	time_t soonest; /* when the first of them is due; 0: none is */
};

/* Begin a pass. The first call takes a struct of zeroes. */
int pick_start(struct pick *pick, const struct queue *queue, struct error *err);

/* The next file of new/, until pick_start(); 1, or 0 at the end, or -1. */
int pick_next(struct pick *pick, const struct queue *queue, const char **file,
    struct error *err);

/* A message has come to new/. Forgotten without memory: the next pass is. */
void pick_add(struct pick *pick, const char *file);

void pick_free(struct pick *pick);

#endif
