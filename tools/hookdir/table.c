/* SPDX-License-Identifier: MIT */
/*
 * table - find a thing by its name
 */
#include "hookdir/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

static struct link **
slot_of(const struct table *table, uint64_t hash)
{
	return &table->at[hash % table->size];
}

struct link *
table_find(const struct table *table, const char *name)
{
	uint64_t hash = hash_text(0, name);
	struct link *link = table->size ? *slot_of(table, hash) : NULL;

	while (link && (link->hash != hash || strcmp(link->name, name) != 0))
		link = link->next;
	return link;
}

static void
put(struct table *table, struct link *link)
{
	struct link **slot = slot_of(table, link->hash);

	link->next = *slot;
	*slot = link;
}

static int
grow(struct table *table, struct error *err)
{
	struct table larger = { .size = table->size ? table->size * 2 : 1024 };
	struct link *link, *next;
	size_t i;

	larger.at = calloc(larger.size, sizeof(struct link *));
	if (!larger.at)
		return error_set(err, ERROR_MEMORY, "no memory for names");
	for (i = 0; i < table->size; i++)
		for (link = table->at[i]; link; link = next) {
			next = link->next;
			put(&larger, link);
		}
	larger.count = table->count;
	free((void *)table->at);
	*table = larger;
	return 0;
}

int
table_add(struct table *table, struct link *link, struct error *err)
{
	if (table->count >= table->size && grow(table, err) < 0)
		return -1;
	link->hash = hash_text(0, link->name);
	put(table, link);
	table->count++;
	return 0;
}

void
table_remove(struct table *table, struct link *link)
{
	struct link **at = slot_of(table, link->hash);

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	table->count--;
}

void
table_filter(
    struct table *table, bool (*visit)(void *, struct link *), void *context)
{
	struct link **at, *next;
	size_t i;

	for (i = 0; i < table->size; i++)
		for (at = &table->at[i]; *at;) {
			next = (*at)->next;
			if (visit(context, *at)) {
				*at = next;
				table->count--;
			} else {
				at = &(*at)->next;
			}
		}
}

void
table_free(struct table *table)
{
	free((void *)table->at);
	*table = (struct table){ NULL, 0, 0 };
}
