/* SPDX-License-Identifier: MIT */
/*
 * quarantine_sums - how much there is: in all, without form, of each caller
 */
#ifndef HOOKDIR_QUARANTINE_SUMS_H
#define HOOKDIR_QUARANTINE_SUMS_H

#include "spool/quarantine.h"

#define QUARANTINE_ROWS	 2
#define QUARANTINE_CELLS 256

/* A file in quarantine/, or one that is to be there. */
struct quarantine_item {
	uint64_t bytes; /* on the disk */
	bool full_form;
	const char *caller; /* "": not known */
};

/*
 * Of fixed size, however many callers there are. Callers share cells by a
 * secret hash, but hardly ever a cell of both rows.
 */
struct quarantine_sums {
	struct quarantine_amount all, formless;
	struct quarantine_amount callers[QUARANTINE_ROWS][QUARANTINE_CELLS];
};

/* The bytes on the disk of a file of this size, in whole blocks. */
uint64_t quarantine_blocks(uint64_t size);

/* Add the item, or take away one that was added. */
void quarantine_sums_add(
    struct quarantine_sums *sums, const struct quarantine_item *item);
void quarantine_sums_take(
    struct quarantine_sums *sums, const struct quarantine_item *item);
void quarantine_sums_join(
    struct quarantine_sums *sums, const struct quarantine_sums *more);

/* What a caller holds; very rarely more, never less. */
struct quarantine_amount quarantine_sums_of(
    const struct quarantine_sums *sums, const char *caller);

/*
 * Add all files of a directory, as their names and their inodes say. On -1
 * some of them may be missing.
 */
int quarantine_sums_count(
    struct quarantine_sums *sums, int directory, struct error *err);

#endif
