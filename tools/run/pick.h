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

#include "run/later.h"
#include "queue/queue.h"

struct pick {
	char **files; /* owned */
	size_t count, at;
	bool more;		 /* new/ has messages beyond the last one */
	char last[NAME_MAX + 1]; /* where the batch ends */
	/* Messages that wait for their next try: how many, and the names. */
	struct later later;
	size_t waiting;
	time_t others; /* when the first is due that is not in later; 0: none */
	char *taken;   /* owned: the last that came from later */
};

/* Begin a pass. The first call takes a struct of zeroes but for later. */
int pick_start(struct pick *pick, const struct queue *queue, struct error *err);

/*
 * The next file of new/, until the next call; 1, or 0 at the end, or -1.
 * Those whose next try has become due come first.
 */
int pick_next(struct pick *pick, const struct queue *queue, const char **file,
    struct error *err);

/* A message has come to new/. Without memory, the next pass finds it. */
void pick_add(struct pick *pick, const char *file);

void pick_free(struct pick *pick);

#endif
