/* SPDX-License-Identifier: MIT */
/*
 * find_hits - the messages that hookdir find has found in a spool
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hookdir/find.h"

#define TEXT_MAX ((size_t)1 << 20)

static struct find_hit *
make_hit(struct find *find, const char *key)
{
	struct find_hit *hit = calloc(1, sizeof(*hit)), **more;
	struct error failed = ERROR_INIT;

	if (!hit)
		return NULL;
	(void)snprintf(hit->key, sizeof(hit->key), "%s", key);
	hit->link.name = hit->key;
	hit->named = !span_begins(span_of(key), "id:");
	hit->id.max = hit->type.max = hit->subject.max = TEXT_MAX;
	hit->reference.max = hit->why.max = TEXT_MAX;
	hit->steps.max = FIND_STEPS_MAX;
	more = realloc(find->all, (find->count + 1) * sizeof(find->all[0]));
	if (more)
		find->all = more;
	if (!more || table_add(&find->by_key, &hit->link, &failed) < 0) {
		free(hit);
		return NULL;
	}
	find->all[find->count++] = hit;
	return hit;
}

struct find_hit *
find_hit(struct find *find, const char *key, bool make)
{
	struct link *link;

	if (strlen(key) >= sizeof(((struct find_hit *)0)->key))
		return NULL;
	link = table_find(&find->by_key, key);
	if (link || !make)
		return (struct find_hit *)link;
	find->too_many |= find->count >= FIND_HITS_MAX;
	return find->too_many ? NULL : make_hit(find, key);
}

void
find_hits_free(struct find *find)
{
	struct find_hit *hit;
	size_t i;

	for (i = 0; i < find->count; i++) {
		hit = find->all[i];
		buf_free(&hit->id);
		buf_free(&hit->type);
		buf_free(&hit->subject);
		buf_free(&hit->reference);
		buf_free(&hit->why);
		buf_free(&hit->steps);
		free(hit->file);
		free(hit);
	}
	free(find->all);
	find->all = NULL;
	find->count = 0;
	find->too_many = false;
	table_free(&find->by_key);
	table_free(&find->by_id);
	buf_free(&find->last);
}
