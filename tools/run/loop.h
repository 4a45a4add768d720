/* SPDX-License-Identifier: MIT */
/*
 * loop - claim and start while there is room, wait, see what has ended
 */
#ifndef HOOKDIR_LOOP_H
#define HOOKDIR_LOOP_H

#include "run/state.h"

/* Until there is nothing to do, or something says stop: an exit code. */
int runner_work(struct runner *runner);

#endif
