/* SPDX-License-Identifier: MIT */
/*
 * names - a set of messages by name
 *
 * For commands that take many names: one look at a directory finds them
 * all, where queue_find() would look at it once for each.
 */
#ifndef HOOKDIR_NAMES_H
#define HOOKDIR_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct name {
	const char *called; /* as it was given */
	char *base;	    /* owned; what struct spool_name calls it */
	bool found;	    /* the caller's, false at first */
};

struct names {
	struct name *all;
	size_t count, room;
};

#define NAMES_INIT                                                             \
	{                                                                      \
		NULL, 0, 0                                                     \
	}

/* Add what queue_find() takes for a name; called stays the caller's. */
int names_add(struct names *names, const char *called, struct error *err);

/* After the last names_add(): names that are there twice are there once. */
void names_sort(struct names *names);

/* NULL where it is not among them. */
struct name *names_find(const struct names *names, const char *base);

void names_free(struct names *names);

#endif
