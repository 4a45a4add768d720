/* SPDX-License-Identifier: MIT */
/*
 * pick - which message is run next, where their order does not matter
 */
#include "run/pick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 32768 /* some 3 MB of names */

static void
drop_from(struct pick *pick, size_t first)
{
	for (; pick->count > first; pick->count--)
		free(pick->files[pick->count - 1]);
}

/* Sort what was found, and keep no more than a batch of it. */
static void
settle(struct pick *pick)
{
	spool_name_sort(pick->files, pick->count);
	if (pick->count > BATCH) {
		drop_from(pick, BATCH);
		pick->more = true;
	}
}

static int
keep(struct pick *pick, const char *file, struct error *err)
{
	char *copy = strdup(file);

	if (!copy)
		return error_set(err, ERROR_MEMORY, "no memory for names");
	pick->files[pick->count++] = copy;
	if (pick->count == (size_t)2 * BATCH)
		settle(pick);
	return 0;
}

/* No more names than a batch has; the others are found by a pass. */
static void
wait_for(struct pick *pick, const char *file, time_t due)
{
	struct error ignored = ERROR_INIT;
	char *copy;

	pick->waiting++;
	copy = pick->later.waiting.count < BATCH ? strdup(file) : NULL;
	if (copy && later_add(&pick->later, due, copy, &ignored) == 0)
		return;
	free(copy);
	if (!pick->others || due < pick->others)
		pick->others = due;
}

static int
take_entry(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct pick *pick = context;

	(void)state;
	if (!later_is_due(&pick->later, name->next)) {
		/* The first batch of a pass has seen them all. */
		if (!pick->last[0])
			wait_for(pick, file, name->next);
		return 0;
	}
	if (pick->last[0] && spool_name_compare(file, pick->last) <= 0)
		return 0;
	return keep(pick, file, err);
}

/* Read the directory once, for the oldest beyond the last batch. */
static int
fill(struct pick *pick, const struct queue *queue, struct error *err)
{
	drop_from(pick, 0);
	pick->at = 0;
	pick->more = false;
	if (queue_each(queue, QUEUE_NEW, take_entry, pick, err) < 0)
		return -1;
	settle(pick);
	if (pick->count)
		(void)snprintf(pick->last, sizeof(pick->last), "%s",
		    pick->files[pick->count - 1]);
	return 0;
}

static void
drop_waiting(struct pick *pick)
{
	char *file;

	while ((file = later_take_any(&pick->later)) != NULL)
		free(file);
	pick->waiting = 0;
	pick->others = 0;
}

int
pick_start(struct pick *pick, const struct queue *queue, struct error *err)
{
	if (!pick->files) {
		pick->files = calloc((size_t)2 * BATCH, sizeof(char *));
		if (!pick->files)
			return error_set(
			    err, ERROR_MEMORY, "no memory for names");
	}
	pick->last[0] = '\0';
	drop_waiting(pick);
	return fill(pick, queue, err);
}

int
pick_next(struct pick *pick, const struct queue *queue, const char **file,
    struct error *err)
{
	free(pick->taken);
	pick->taken = later_take(&pick->later);
	if (pick->taken) {
		pick->waiting--;
		*file = pick->taken;
		return 1;
	}
	if (pick->at == pick->count && pick->more && fill(pick, queue, err) < 0)
		return -1;
	if (pick->at == pick->count)
		return 0;
	*file = pick->files[pick->at++];
	return 1;
}

void
pick_add(struct pick *pick, const char *file)
{
	struct error ignored = ERROR_INIT;
	struct spool_name name;

	if (!spool_name_parse(file, &name))
		return;
	if (!later_is_due(&pick->later, name.next)) {
		wait_for(pick, file, name.next);
		return;
	}
	/* What a later batch, or the first pass, will find is left to it. */
	if (pick->more || !pick->files)
		return;
	if (pick->at == pick->count) {
		drop_from(pick, 0);
		pick->at = 0;
	}
	pick->last[0] = '\0';
	pick->more = pick->count + 1 == (size_t)2 * BATCH;
	if (!pick->more)
		(void)keep(pick, file, &ignored);
}

void
pick_free(struct pick *pick)
{
	drop_from(pick, 0);
	drop_waiting(pick);
	free((void *)pick->files);
	free(pick->taken);
	*pick = (struct pick){ 0 };
}
