/* SPDX-License-Identifier: MIT */
/*
 * guard - end the commands of a runner that was killed
 *
 * Who is killed cannot clean up, so a process of its own waits for that: it
 * holds one end of a pipe, and when the other end is closed it kills the
 * process groups that stand in memory shared with the runner.
 */
#ifndef HOOKDIR_GUARD_H
#define HOOKDIR_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct guard {
	_Atomic pid_t *groups; /* shared; 0: none */
	unsigned count;
	pid_t pid;
	int pipe; /* closing it ends the guard */
};

#define GUARD_INIT                                                             \
	{                                                                      \
		.pipe = -1                                                     \
	}

/* Room for count groups. -1: there is no guard. */
int guard_start(struct guard *guard, unsigned count, struct error *err);

/* Was the guard itself killed? Then start another one. */
bool guard_has_ended(struct guard *guard);
int guard_restart(struct guard *guard, struct error *err);

/* Kills what stands in the slots; accepts GUARD_INIT. */
void guard_end(struct guard *guard);

#endif
