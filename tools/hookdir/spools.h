/* SPDX-License-Identifier: MIT */
/*
 * spools - which spools a subcommand that only reads works on
 */
#ifndef HOOKDIR_SPOOLS_H
#define HOOKDIR_SPOOLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct spools {
	char **paths; /* owned, sorted */
	size_t count;
};

#define SPOOLS_INIT                                                            \
	{                                                                      \
		NULL, 0                                                        \
	}

/* The spools that were named, as tool_spool() takes them; none: all. */
int spools_read(
    struct spools *spools, char **called, int count, struct error *err);

/* All in this directory, but not those in except, which may be NULL. */
int spools_in(struct spools *spools, const char *directory,
    const struct spools *except, struct error *err);

/*
 * What a user calls a spool by its path: what is behind the directory of
 * spools, else the whole. A view of the path.
 */
const char *spools_name(const char *path);

void spools_free(struct spools *spools);

#endif
