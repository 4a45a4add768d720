/* SPDX-License-Identifier: MIT */
/*
 * living - which commands of run --pipe still live, also without their run
 *
 * The lock on a message is its runner's, and goes with it. A command that
 * outlives its runner may still work on what it was given, so each command
 * inherits a lock of its own. They are locks of bytes of the spool's .pipe: one
 * range of bytes for each runner, the first byte for itself and the others for
 * its commands. That file stays, and nothing is written to it.
 */
#ifndef HOOKDIR_LIVING_H
#define HOOKDIR_LIVING_H

#include "queue/claim.h"

struct living {
	int fd;
	unsigned range;
};

#define LIVING_INIT                                                            \
	{                                                                      \
		.fd = -1                                                       \
	}

/* Take a range for this runner. */
int living_begin(
    struct living *living, const struct queue *queue, struct error *err);

/* Accepts LIVING_INIT. */
void living_end(struct living *living);

/* The lock of a command, for it to inherit: a descriptor, or -1. */
int living_lock(const struct living *living, const struct queue *queue,
    unsigned slot, struct error *err);

/* The command has ended: unlocked for all who have inherited it. */
void living_unlock(int *lock);

/* 1: a command lives whose runner has died. 0: none does. */
int living_orphans(const struct queue *queue, struct error *err);

/* As claim_take_over(); held, too, while such a command may have it. */
enum claim_result living_take_over(struct queue *queue, const char *file,
    struct claim *claim, struct error *err);

#endif
