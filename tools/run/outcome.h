/* SPDX-License-Identifier: MIT */
/*
 * outcome - what becomes of a message when its command has ended
 */
#ifndef HOOKDIR_OUTCOME_H
#define HOOKDIR_OUTCOME_H

#include "run/state.h"

/* How a try has ended. */
enum fate {
	FATE_STATUS,  /* as the status says, see the consumer contract */
	FATE_BACK,    /* back to new/, as if it had not been claimed */
	FATE_UNGIVEN, /* the same, and nothing is said of it */
	FATE_ALONE    /* the same, to be given to a command by itself */
};

struct outcome {
	enum fate fate;
	int status;	  /* an exit status; -1: none, which is a failed try */
	const char *what; /* the same in words */
	struct span output; /* the end of what was written; or the reason */
};

/* Do with a task's message what its outcome says. Ends the task. */
void run_settle(
    struct runner *runner, struct task *task, const struct outcome *outcome);

/* A dead letter, without having been given to a command. */
void run_refuse(struct runner *runner, struct claim *claim, const char *why);

/*
 * A message whose runner died: its name has how often it was tried. And one
 * whose outcome is in its name already, as there was no room for it.
 */
int run_settle_abandoned(
    struct runner *runner, struct claim *claim, struct error *err);
void run_settle_ended(struct runner *runner, struct claim *claim);

#endif
