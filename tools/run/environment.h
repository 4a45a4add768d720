/* SPDX-License-Identifier: MIT */
/*
 * environment - what a command of hookdir run has in its environment
 *
 * PATH, HOME and LANG of the runner; and what is known of the message, as
 * values of CE_*. A sender can set nothing but these values.
 */
#ifndef HOOKDIR_ENVIRONMENT_H
#define HOOKDIR_ENVIRONMENT_H

#include "base/buf.h"

#define ENVIRONMENT_ENTRIES 24

/* Each entry is a text "NAME=VALUE" in room; NULL at the end. */
struct environment {
	char *entries[ENVIRONMENT_ENTRIES];
	size_t count;
	struct buf room;
	size_t offsets[ENVIRONMENT_ENTRIES];
};

#define ENVIRONMENT_INIT                                                       \
	{                                                                      \
		.room = BUF_INIT(1 << 20)                                      \
	}

/* PATH, HOME and LANG. */
void environment_add_own(struct environment *env);

/* A value that is empty, has a NUL or is over 4 KiB is left out. */
void environment_add(
    struct environment *env, const char *name, struct span value);
void environment_add_number(
    struct environment *env, const char *name, unsigned value);

/*
 * The attributes of the event in fd. What is no event, or cannot be read,
 * has none, and its command decides. -1: out of memory.
 */
int environment_add_event(struct environment *env, int fd, struct error *err);

/* Fill in entries, after the last one was added. -1: out of memory. */
int environment_finish(struct environment *env, struct error *err);

void environment_free(struct environment *env);

#endif
