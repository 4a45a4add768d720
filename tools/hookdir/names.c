/* SPDX-License-Identifier: MIT */
/*
 * names - a set of messages by name
 */
#include "hookdir/names.h"

#include <stdlib.h>
#include <string.h>

#include "spool/spool_name.h"

static int
no_memory(struct error *err)
{
	return error_set(err, ERROR_MEMORY, "no memory for so many names");
}

static int
make_room(struct names *names, struct error *err)
{
	size_t room = names->room ? names->room * 2 : 64;
	struct name *all;

	if (names->count < names->room)
		return 0;
	all = reallocarray(names->all, room, sizeof(*all));
	if (!all)
		return no_memory(err);
	names->all = all;
	names->room = room;
	return 0;
}

int
names_add(struct names *names, const char *called, struct error *err)
{
	const char *slash = strrchr(called, '/');
	struct spool_name parsed;
	char *base;

	if (make_room(names, err) < 0)
		return -1;
	/* What can be no name is found nowhere, like any wrong one. */
	if (!spool_name_parse(slash ? slash + 1 : called, &parsed))
		parsed.base[0] = '\0';
	base = strdup(parsed.base);
	if (!base)
		return no_memory(err);
	names->all[names->count].called = called;
	names->all[names->count].base = base;
	names->all[names->count++].found = false;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct name *first = a, *second = b;

	return strcmp(first->base, second->base);
}

void
names_sort(struct names *names)
{
	size_t i, kept = 0;

	if (names->count == 0)
		return;
	qsort(names->all, names->count, sizeof(names->all[0]), compare);
	for (i = 1; i < names->count; i++)
		if (names->all[i].base[0] != '\0' &&
		    compare(&names->all[i], &names->all[kept]) == 0)
			free(names->all[i].base);
		else
			names->all[++kept] = names->all[i];
	names->count = kept + 1;
}

struct name *
names_find(const struct names *names, const char *base)
{
	size_t low = 0, high = names->count, middle;
	int order;

	while (low < high) {
		middle = low + (high - low) / 2;
		order = strcmp(base, names->all[middle].base);
		if (order == 0)
			return &names->all[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void
names_free(struct names *names)
{
	while (names->count > 0)
		free(names->all[--names->count].base);
	free(names->all);
	*names = (struct names)NAMES_INIT;
}
