/* SPDX-License-Identifier: MIT */
/*
 * list - what the parts of hookdir list share
 */
#ifndef HOOKDIR_LIST_H
#define HOOKDIR_LIST_H

#include <stdint.h>

#include "hookdir/look.h"
#include "hookdir/terminal.h"

struct listing {
	struct queue queue;
	unsigned states;
	const char *type; /* a glob, or NULL */
	time_t since;	  /* or 0 */
	bool json, unsorted;
	struct timespec now;
	struct terminal terminal;
	struct look look;
	struct buf log, row;
	uint64_t count;
};

/* What a row says beside what the look tells. */
struct row {
	enum queue_state state;
	const char *file;
	const struct spool_name *name;
	struct span error;  /* what happened; empty: nothing */
	struct span output; /* the last line that the command wrote; or empty */
};

/* list_row.c: for people */
void list_header(const struct listing *listing);
void list_row(const struct listing *listing, const struct row *row);

/* list_json.c */
void list_json(struct listing *listing, const struct row *row);

#endif
