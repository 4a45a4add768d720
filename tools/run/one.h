/* SPDX-License-Identifier: MIT */
/*
 * one - a command for one message
 *
 * It has the message on standard input, and with that the lock; the path as
 * its last argument; and CE_* in its environment. Its exit status is what
 * becomes of the message.
 */
#ifndef HOOKDIR_ONE_H
#define HOOKDIR_ONE_H

#include "run/state.h"

/* Start it; the task is the slot's then. -1: it could not be started. */
int one_give(struct runner *runner, struct slot *slot, const struct task *task,
    struct error *err);

/* It has ended with this status, as waitpid(2) has it. */
void one_ended(struct runner *runner, struct slot *slot, int status);

#endif
