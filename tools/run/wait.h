/* SPDX-License-Identifier: MIT */
/*
 * wait - wait until something happens, and take it in
 */
#ifndef HOOKDIR_WAIT_H
#define HOOKDIR_WAIT_H

#include "run/state.h"

void run_wait(struct runner *runner);

/* A second of waiting; true when a signal says stop. */
bool run_pause(struct runner *runner);

#endif
