/* SPDX-License-Identifier: MIT */
/*
 * order - which message is run next, where their order matters
 *
 * A group is in the ready list when it has messages and none of it is being
 * run. It leaves the list when one is taken, or when all it has is to be
 * tried later; then order->later brings it up again.
 */
#include "run/order_groups.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
is_older(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec ||
	    (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static bool
arrived_before(const void *a, const void *b)
{
	const struct entry *first = a, *second = b;

	return spool_name_compare(first->file, second->file) < 0;
}

/* The newest first; of those that are equally new, the last that came. */
static bool
is_newer(const void *a, const void *b)
{
	const struct entry *first = a, *second = b;

	if (is_older(second->version, first->version))
		return true;
	return !is_older(first->version, second->version) &&
	    arrived_before(second, first);
}

static heap_before *
before_in(const struct group *group)
{
	return group->by_version ? is_newer : arrived_before;
}

struct group *
order_find_group(const struct order *order, const char *digest)
{
	/* The link is the first member. */
	return (struct group *)(void *)table_find(&order->groups, digest);
}

struct group *
order_group(
    struct order *order, const struct subject *subject, struct error *err)
{
	struct group *group = order_find_group(order, subject->group);

	if (group)
		return group;
	group = calloc(1, sizeof(*group));
	if (!group) {
		(void)error_set(err, ERROR_MEMORY, "no memory for groups");
		return NULL;
	}
	memcpy(group->digest, subject->group, sizeof(group->digest));
	group->link.name = group->digest;
	group->by_version = order->latest && subject->whole;
	group->alone = subject->alone;
	if (table_add(&order->groups, &group->link, err) == 0)
		return group;
	free(group);
	return NULL;
}

static void
free_group(struct group *group)
{
	while (group->entries.count > 0)
		free(heap_take_any(&group->entries));
	heap_free(&group->entries);
	free(group->run_file);
	free(group);
}

/* One that nothing refers to is made again when a message comes. */
static void
free_if_unused(struct order *order, struct group *group)
{
	if (group->entries.count > 0 || group->busy || group->held ||
	    group->ready || group->waits > 0)
		return;
	table_remove(&order->groups, &group->link);
	free_group(group);
}

void
order_make_ready(struct order *order, struct group *group)
{
	if (group->ready || group->busy || group->held ||
	    group->entries.count == 0)
		return;
	group->ready = true;
	group->next_ready = NULL;
	if (order->last_ready)
		order->last_ready->next_ready = group;
	else
		order->ready = group;
	order->last_ready = group;
}

static struct group *
take_ready(struct order *order)
{
	struct group *group = order->ready;

	if (group) {
		order->ready = group->next_ready;
		if (!order->ready)
			order->last_ready = NULL;
		group->ready = false;
	}
	return group;
}

int
order_join(struct order *order, struct group *group, struct entry *entry,
    struct error *err)
{
	if (heap_add(&group->entries, entry, before_in(group), err) < 0)
		return -1;
	entry->group = group;
	order->waiting++;
	order_make_ready(order, group);
	return 0;
}

void
order_forget(struct order *order, struct entry *entry)
{
	table_remove(&order->entries, &entry->link);
	order_drop(order, entry);
}

void
order_drop(struct order *order, struct entry *entry)
{
	entry->gone = true;
	if (entry->group)
		order->waiting--;
	else
		free(entry);
}

/* What is gone from new/ is not the first of its group any more. */
static struct entry *
first_of(struct group *group)
{
	struct entry *first;

	while (group->entries.count > 0) {
		first = group->entries.at[0];
		if (!first->gone)
			return first;
		free(heap_take(&group->entries, before_in(group)));
	}
	return NULL;
}

/* The entry goes out, into the message. */
static void
hand_out(struct order *order, struct group *group, struct entry *entry,
    struct order_message *message)
{
	if (entry->gone) {
		message->file[0] = '\0';
	} else {
		(void)snprintf(
		    message->file, sizeof(message->file), "%s", entry->file);
		/* As order_forget() does, but it is in no group any more. */
		table_remove(&order->entries, &entry->link);
		order->waiting--;
	}
	memcpy(message->group, group->digest, sizeof(message->group));
	message->version = entry->version;
	message->alone = group->alone;
	message->mark = group->by_version && !group->alone;
	free(entry);
}

/* Did it arrive before the one that was run last? By the names' bases. */
static bool
arrived_before_run(const struct group *group, const struct entry *entry)
{
	struct spool_name a, b;

	return spool_name_parse(entry->file, &a) &&
	    spool_name_parse(group->run_file, &b) &&
	    spool_name_compare(a.base, b.base) < 0;
}

/* Has a newer one of this group been run before, by us or by another run? */
static bool
is_outdated(const struct queue *queue, const struct group *group,
    const struct entry *entry)
{
	char path[sizeof("latest/") + SHA256_HEX_SIZE];
	struct stat st;

	if (group->run_file)
		return is_older(entry->version, group->run_version) ||
		    (!is_older(group->run_version, entry->version) &&
			arrived_before_run(group, entry));
	(void)snprintf(path, sizeof(path), "latest/%s", group->digest);
	return fstatat(queue->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    is_older(entry->version, st.st_mtim);
}

int
order_started(
    struct order *order, const struct order_message *message, struct error *err)
{
	struct group *group = order_find_group(order, message->group);
	char *file = strdup(message->file);

	if (!file)
		return error_set(err, ERROR_MEMORY, "no memory for names");
	free(group->run_file);
	group->run_file = file;
	group->run_version = message->version;
	return 0;
}

/*
 * All that it has waits until then. A later time that it waits for already
 * stays in order->later; when that comes, the group is looked at in vain.
 */
static int
park(struct order *order, struct group *group, time_t due, struct error *err)
{
	if (group->parked && group->parked <= due)
		return 0;
	if (later_add(&order->later, due, group, err) < 0)
		return -1;
	group->parked = due;
	group->waits++;
	return 0;
}

/*
 * What is to be done with this group now. The newest is run first and the
 * others are dropped after it, so that their number delays nothing; while
 * the newest waits, they are dropped at once.
 */
static int
next_of_group(struct order *order, const struct queue *queue,
    struct group *group, struct order_message *message, struct error *err)
{
	struct entry *first = first_of(group);

	if (!first)
		return 0;
	message->superseded =
	    group->by_version && is_outdated(queue, group, first);
	if (!message->superseded && !later_is_due(&order->later, first->next)) {
		if (!group->by_version || group->entries.count == 1)
			return park(order, group, first->next, err);
		message->superseded = true;
		first = heap_take_any(&group->entries);
	} else {
		first = heap_take(&group->entries, before_in(group));
	}
	hand_out(order, group, first, message);
	return 1;
}

static void
take_due(struct order *order)
{
	struct group *group;

	while ((group = later_take(&order->later)) != NULL) {
		group->parked = 0;
		group->waits--;
		order_make_ready(order, group);
		free_if_unused(order, group);
	}
}

bool
order_is_reading(const struct order *order)
{
	return order->unread_at < order->unread_count;
}

/*
 * Of a part of the messages the newest cannot be told, and the oldest only
 * where all that is older was read.
 */
bool
order_must_read(const struct order *order)
{
	const struct entry *first;

	if (!order_is_reading(order))
		return false;
	if (order->latest || !order->ready)
		return true;
	first = first_of(order->ready);
	return !first ||
	    spool_name_compare(first->file, order->unread[order->unread_at]) >
	    0;
}

int
order_next(struct order *order, const struct queue *queue,
    struct order_message *message, struct error *err)
{
	struct group *group;
	int rc;

	take_due(order);
	if (order_read_some(order, queue, err) < 0)
		return -1;
	while (order->ready && !order_must_read(order)) {
		group = take_ready(order);
		rc = next_of_group(order, queue, group, message, err);
		if (rc < 0)
			return -1;
		group->busy = rc == 1;
		if (rc == 1)
			return 1;
		free_if_unused(order, group);
	}
	return 0;
}

void
order_done(struct order *order, const char *digest)
{
	struct group *group = order_find_group(order, digest);

	if (!group)
		return;
	group->busy = false;
	order_make_ready(order, group);
	free_if_unused(order, group);
}

static bool
visit_entry(void *context, struct link *link)
{
	struct entry *entry = (struct entry *)(void *)link;

	(void)context;
	if (!entry->group)
		free(entry);
	return true;
}

static bool
visit_group(void *context, struct link *link)
{
	(void)context;
	free_group((struct group *)(void *)link);
	return true;
}

void
order_free(struct order *order)
{
	while (later_take_any(&order->later))
		;
	table_filter(&order->entries, visit_entry, NULL);
	table_filter(&order->groups, visit_group, NULL);
	table_free(&order->entries);
	table_free(&order->groups);
	order_drop_unread(order);
	order->ready = order->last_ready = NULL;
	order->waiting = 0;
}
