/* SPDX-License-Identifier: MIT */
/*
 * suspects - messages that were alone when the command died
 *
 * Such a message is at fault, or the command is. If any message is answered
 * after it, the command works, and the try counts. If three different ones in
 * a row have ended the command without an answer in between, the command is at
 * fault: the run stops and none of them counts. Meanwhile they stay claimed.
 */
#ifndef HOOKDIR_SUSPECTS_H
#define HOOKDIR_SUSPECTS_H

#include "run/state.h"

/* The task is the suspects' from then on. */
void suspects_add(struct runner *runner, struct task *task, const char *what,
    struct span output);

/* A message was answered: the command works. */
void suspects_clear(struct runner *runner);

/* No other message is left that could tell: their tries count. */
void suspects_settle(struct runner *runner);

/* Back, as if they had not been tried. */
void suspects_return(struct runner *runner);

#endif
