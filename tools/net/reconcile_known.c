/* SPDX-License-Identifier: MIT */
/*
 * reconcile_known - a set of ids, each with a number
 *
 * A table with open addressing, at most half full.
 */
#include "net/reconcile_known.h"

#include <stdlib.h>

static uint64_t
key_of(enum reconcile_resource resource, uint64_t id)
{
	return ((uint64_t)resource + 1) << 61 | (id & RECONCILE_ID_MAX);
}

/* Its place, or the unused one where it would be. */
static struct reconcile_entry *
place_of(const struct reconcile_known *known, uint64_t key)
{
	/* Fibonacci hashing: ids that follow each other are spread. */
	uint64_t at = key * UINT64_C(11400714819323198485) >> 20;

	for (;; at++) {
		struct reconcile_entry *entry =
		    &known->at[at & (known->size - 1)];

		if (entry->key == key || entry->key == 0)
			return entry;
	}
}

static int
grow(struct reconcile_known *known, struct error *err)
{
	struct reconcile_known larger = { NULL, known->count,
		known->size ? known->size * 2 : 4096 };
	size_t i;

	larger.at = calloc(larger.size, sizeof(*larger.at));
	if (!larger.at)
		return error_set(err, ERROR_MEMORY, "no memory for ids");
	for (i = 0; i < known->size; i++)
		if (known->at[i].key)
			*place_of(&larger, known->at[i].key) = known->at[i];
	free(known->at);
	*known = larger;
	return 0;
}

struct reconcile_entry *
reconcile_known_find(const struct reconcile_known *known,
    enum reconcile_resource resource, uint64_t id)
{
	struct reconcile_entry *entry;

	if (known->count == 0)
		return NULL;
	entry = place_of(known, key_of(resource, id));
	return entry->key ? entry : NULL;
}

int
reconcile_known_add(struct reconcile_known *known,
    enum reconcile_resource resource, uint64_t id, int64_t number,
    struct error *err)
{
	uint64_t key = key_of(resource, id);
	struct reconcile_entry *entry;

	if (known->count * 2 >= known->size && grow(known, err) < 0)
		return -1;
	entry = place_of(known, key);
	if (entry->key == 0) {
		*entry = (struct reconcile_entry){ key, number };
		known->count++;
	} else if (entry->number < number) {
		entry->number = number;
	}
	return 0;
}

void
reconcile_known_free(struct reconcile_known *known)
{
	free(known->at);
	*known = (struct reconcile_known){ NULL, 0, 0 };
}
