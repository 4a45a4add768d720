/* SPDX-License-Identifier: MIT */
/*
 * reconcile_known - a set of ids, each with a number
 *
 * Ids of Shipmondo are integers, so that an entry takes 16 bytes: 100,000 of
 * them fit into 4 MiB.
 */
#ifndef HOOKDIR_RECONCILE_KNOWN_H
#define HOOKDIR_RECONCILE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum reconcile_resource {
	RECONCILE_ORDERS,
	RECONCILE_SHIPMENTS,
	RECONCILE_DRAFTS,
	RECONCILE_UNKNOWN /* messages whose type does not say which */
};
#define RECONCILE_RESOURCES 3

#define RECONCILE_ID_MAX ((UINT64_C(1) << 61) - 1)

struct reconcile_entry {
	uint64_t key; /* 0: unused */
	int64_t number;
};

/* All zeroes is an empty set. */
struct reconcile_known {
	struct reconcile_entry *at;
	size_t count, size;
};

/* NULL where there is none. Good until the next reconcile_known_add(). */
struct reconcile_entry *reconcile_known_find(
    const struct reconcile_known *known, enum reconcile_resource resource,
    uint64_t id);

/* Add it, or raise the number of what is there. 0, or -1: no memory. */
int reconcile_known_add(struct reconcile_known *known,
    enum reconcile_resource resource, uint64_t id, int64_t number,
    struct error *err);

void reconcile_known_free(struct reconcile_known *known);

#endif
