/* SPDX-License-Identifier: MIT */
/*
 * child - run a program, and read what it says
 */
#ifndef HOOKDIR_CHILD_H
#define HOOKDIR_CHILD_H

#include <stdbool.h>

#include "base/buf.h"

#define CHILD_OUTPUT  ((size_t)8 << 20)
#define CHILD_SECONDS 30
#define CHILD_WORDS   15

struct child {
	struct buf output; /* standard output and error; owned */
	int status;	   /* its exit status; -1 for a signal */
	bool missing;	   /* there is no such program */
	struct error error;
};

#define CHILD_INIT                                                             \
	{                                                                      \
		.output = BUF_INIT(CHILD_OUTPUT)                               \
	}

/*
 * Run a program of PATH, or of the sbin directories, with no shell, no input
 * and LC_ALL=C, and wait for it; it is killed after CHILD_SECONDS. 0 or -1.
 */
int child_run(struct child *child, const char *const words[]);

void child_free(struct child *child);

#endif
