/* SPDX-License-Identifier: MIT */
/*
 * order - which message is run next, where their order matters
 *
 * A group is in the ready list when it has messages and none of it is
 * being run. It leaves the list when one is picked, or when all it has is
 * to be tried later; the next order_start() brings it up again.
 */
#include "order.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "subject.h"
#include "tool.h"

struct entry {
	struct entry *next; /* of its group, in order of arrival */
	struct timespec version;
	time_t due; /* 0: at any time */
	char file[];
};

struct group {
	struct group *next, *next_in_table, *next_ready;
	struct entry *entries;
	bool busy, ready;
	char digest[SHA256_HEX_SIZE];
};

static size_t
slot_of(const struct order *order, const char *digest)
{
	size_t sum = 0;
	int i;

	for (i = 0; i < 12; i++)
		sum = sum * 31 + (unsigned char)digest[i];
	return sum % order->table_size;
}

/* Twice the groups, so that few share a slot. */
static int
grow_table(struct order *order, struct error *err)
{
	size_t size = order->table_size ? order->table_size * 2 : 1024, slot;
	struct group **table = calloc(size, sizeof(struct group *)), *group;

	if (!table)
		return error_set(err, ERROR_MEMORY, "no memory for groups");
	free(order->table);
	order->table = table;
	order->table_size = size;
	for (group = order->groups; group; group = group->next) {
		slot = slot_of(order, group->digest);
		group->next_in_table = table[slot];
		table[slot] = group;
	}
	return 0;
}

static struct group *
find_group(const struct order *order, const char *digest)
{
	struct group *group = NULL;

	if (order->table_size)
		group = order->table[slot_of(order, digest)];
	while (group && strcmp(group->digest, digest) != 0)
		group = group->next_in_table;
	return group;
}

static struct group *
add_group(struct order *order, const char *digest, struct error *err)
{
	struct group *group = find_group(order, digest);
	size_t slot;

	if (group)
		return group;
	if (order->group_count >= order->table_size &&
	    grow_table(order, err) < 0)
		return NULL;
	group = calloc(1, sizeof(*group));
	if (!group) {
		(void)error_set(err, ERROR_MEMORY, "no memory for groups");
		return NULL;
	}
	memcpy(group->digest, digest, sizeof(group->digest));
	slot = slot_of(order, digest);
	group->next_in_table = order->table[slot];
	order->table[slot] = group;
	if (order->last_group)
		order->last_group->next = group;
	else
		order->groups = group;
	order->last_group = group;
	order->group_count++;
	return group;
}

static void
make_ready(struct order *order, struct group *group)
{
	if (group->ready || group->busy || !group->entries)
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

/* In its place by arrival, once. */
static int
add_entry(struct order *order, struct group *group, const char *file,
    const struct subject *subject, time_t due, struct error *err)
{
	struct entry **at = &group->entries, *entry;
	int compared = 1;

	while (*at && (compared = spool_name_compare(file, (*at)->file)) > 0)
		at = &(*at)->next;
	if (*at && compared == 0)
		return 0;
	entry = malloc(sizeof(*entry) + strlen(file) + 1);
	if (!entry)
		return error_set(err, ERROR_MEMORY, "no memory for names");
	memcpy(entry->file, file, strlen(file) + 1);
	entry->version = subject->version;
	entry->due = due;
	entry->next = *at;
	*at = entry;
	order->waiting++;
	make_ready(order, group);
	return 0;
}

/* One of the group goes out, into the message. */
static void
take_entry(struct order *order, struct entry **at, const struct group *group,
    struct order_message *message)
{
	struct entry *entry = *at;

	(void)snprintf(message->file, sizeof(message->file), "%s", entry->file);
	memcpy(message->group, group->digest, sizeof(message->group));
	message->version = entry->version;
	*at = entry->next;
	free(entry);
	order->waiting--;
}

static bool
is_older(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec ||
	    (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

/* The newest; of those that are equally new, the last that came. */
static struct entry *
newest(const struct group *group)
{
	struct entry *entry, *best = group->entries;

	for (entry = best; entry; entry = entry->next)
		if (!is_older(entry->version, best->version))
			best = entry;
	return best;
}

/* Has a newer one of this group been run before? */
static bool
is_outdated(const struct queue *queue, const struct group *group,
    const struct entry *entry)
{
	char path[sizeof("latest/") + SHA256_HEX_SIZE];
	struct stat st;

	(void)snprintf(path, sizeof(path), "latest/%s", group->digest);
	return fstatat(queue->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    is_older(entry->version, st.st_mtim);
}

/* One that is not the best, or else that one. */
static struct entry **
superfluous_or(struct group *group, const struct entry *best)
{
	struct entry **at;

	for (at = &group->entries; *at; at = &(*at)->next)
		if (*at != best)
			return at;
	return &group->entries;
}

/* What is to be done with this group now; 0 when it has to wait. */
static int
next_of_group(struct order *order, const struct queue *queue,
    struct group *group, struct order_message *message)
{
	struct entry **at = &group->entries, *best = *at;

	if (order->latest) {
		best = newest(group);
		at = superfluous_or(group, best);
	}
	message->superseded =
	    *at != best || (order->latest && is_outdated(queue, group, best));
	if (!message->superseded && best->due > clock_now().tv_sec) {
		if (!order->soonest || best->due < order->soonest)
			order->soonest = best->due;
		return 0;
	}
	take_entry(order, at, group, message);
	return 1;
}

/* What a newer one makes superfluous goes before that one. */
int
order_next(struct order *order, const struct queue *queue,
    struct order_message *message)
{
	struct group *group;

	while ((group = take_ready(order)) != NULL)
		if (next_of_group(order, queue, group, message)) {
			group->busy = true;
			return 1;
		}
	return 0;
}

struct scan {
	struct order *order;
	const struct queue *queue;
	char **files; /* sorted, so that groups come up by their oldest */
	size_t count, size;
};

static int
visit_new(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct scan *scan = context;
	size_t size = scan->size ? scan->size * 2 : 1024;
	char **grown, *copy;

	(void)state;
	(void)name;
	if (scan->count == scan->size) {
		grown = reallocarray(scan->files, size, sizeof(char *));
		if (!grown)
			return error_set(
			    err, ERROR_MEMORY, "no memory for names");
		scan->files = grown;
		scan->size = size;
	}
	copy = strdup(file);
	if (!copy)
		return error_set(err, ERROR_MEMORY, "no memory for names");
	scan->files[scan->count++] = copy;
	return 0;
}

/* One that cannot be read stays; the others are not to suffer. */
static int
read_subject(struct order *order, const struct queue *queue,
    enum queue_state state, const char *file, struct subject *subject,
    struct error *err)
{
	struct error failed = ERROR_INIT;
	struct subject_wanted wanted = {
		state == QUEUE_NEW ? order->type : NULL, order->latest
	};
	int rc = subject_read(queue, state, file, &wanted, subject, &failed);

	if (rc < 0 && failed.code == ERROR_SYSTEM) {
		tool_warn("%s", failed.text);
		order->missed = true;
		return 0;
	}
	if (rc < 0)
		*err = failed;
	return rc;
}

/* Being run by somebody: its group waits. */
static int
visit_cur(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct scan *scan = context;
	struct subject subject;
	struct group *group;
	int rc =
	    read_subject(scan->order, scan->queue, state, file, &subject, err);

	(void)name;
	if (rc != 1)
		return rc;
	group = add_group(scan->order, subject.group, err);
	if (!group)
		return -1;
	group->busy = true;
	return 0;
}

int
order_add(struct order *order, const struct queue *queue, const char *file,
    struct error *err)
{
	struct spool_name name;
	struct subject subject;
	struct group *group;
	int rc;

	if (!spool_name_parse(file, &name))
		return 0;
	rc = read_subject(order, queue, QUEUE_NEW, file, &subject, err);
	if (rc != 1)
		return rc;
	group = add_group(order, subject.group, err);
	if (!group)
		return -1;
	return add_entry(order, group, file, &subject,
	    spool_name_is_due(&name, clock_now().tv_sec) ? 0 : name.next, err);
}

int
order_start(struct order *order, const struct queue *queue, struct error *err)
{
	struct scan scan = { .order = order, .queue = queue };
	size_t i;
	int rc;

	order_free(order);
	rc = queue_each(queue, QUEUE_CUR, visit_cur, &scan, err);
	if (rc == 0)
		rc = queue_each(queue, QUEUE_NEW, visit_new, &scan, err);
	spool_name_sort(scan.files, scan.count);
	for (i = 0; i < scan.count; i++) {
		if (rc == 0)
			rc = order_add(order, queue, scan.files[i], err);
		free(scan.files[i]);
	}
	free(scan.files);
	return rc;
}

void
order_done(struct order *order, const char *digest)
{
	struct group *group = find_group(order, digest);

	if (!group)
		return;
	group->busy = false;
	make_ready(order, group);
}

void
order_free(struct order *order)
{
	struct group *group;
	struct entry *entry;

	while ((group = order->groups) != NULL) {
		order->groups = group->next;
		while ((entry = group->entries) != NULL) {
			group->entries = entry->next;
			free(entry);
		}
		free(group);
	}
	free(order->table);
	*order = (struct order){ .latest = order->latest, .type = order->type };
}
