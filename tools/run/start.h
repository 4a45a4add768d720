/* SPDX-License-Identifier: MIT */
/*
 * start - which messages are claimed and given to a command
 */
#ifndef HOOKDIR_START_H
#define HOOKDIR_START_H

#include "run/state.h"

/* Begin a pass. */
void run_start_pass(struct runner *runner);

/* May a message be claimed for this slot? */
bool run_has_room(const struct runner *runner, const struct slot *slot);

/* Start what can be started now. */
void run_fill_slots(struct runner *runner);

#endif
