/* SPDX-License-Identifier: MIT */
/*
 * table - find a thing by its name
 *
 * A hash table of links that stand in the caller's own structs, which stay
 * the caller's.
 */
#ifndef HOOKDIR_TABLE_H
#define HOOKDIR_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct link {
	struct link *next;
	uint64_t hash;
	const char *name; /* of the struct that the link stands in */
};

/* All zeroes is an empty table. */
struct table {
	struct link **at;
	size_t count, size;
};

/* NULL: there is none of that name. */
struct link *table_find(const struct table *table, const char *name);

/* The link's name must be set, and not be in the table. -1: no memory. */
int table_add(struct table *table, struct link *link, struct error *err);

void table_remove(struct table *table, struct link *link);

/*
 * Call visit for each link, in no order. Where it returns true, the link is
 * taken out of the table, and may be freed by visit.
 */
void table_filter(
    struct table *table, bool (*visit)(void *, struct link *), void *context);

/* Frees the table, not what is in it. */
void table_free(struct table *table);

#endif
