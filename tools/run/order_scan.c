/* SPDX-License-Identifier: MIT */
/*
 * order_scan - what of new/ an order knows, and how it comes to know it
 *
 * A pass reads the directory alone, and of the messages only those that were
 * not there before. They are read oldest first and a few at a time, so that
 * the first of a group is run while the others are being read.
 */
#include "run/order_groups.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "hookdir/subject.h"
#include "hookdir/tool.h"

#define SLICE INT64_C(10000) /* microseconds of reading at a time */
#define BATCH 256	     /* messages that two threads read */

/* Add it behind the others; sorting is the caller's. */
static int
add_unread(struct order *order, const char *file, struct error *err)
{
	size_t size = order->unread_size ? order->unread_size * 2 : 1024;
	char **grown, *copy;

	if (order->unread_count == order->unread_size) {
		grown = reallocarray(order->unread, size, sizeof(char *));
		if (!grown)
			return error_set(
			    err, ERROR_MEMORY, "no memory for names");
		order->unread = grown;
		order->unread_size = size;
	}
	copy = strdup(file);
	if (!copy)
		return error_set(err, ERROR_MEMORY, "no memory for names");
	order->unread[order->unread_count++] = copy;
	return 0;
}

/* A message that comes while others are unread has its place among them. */
static int
insert_unread(struct order *order, const char *file, struct error *err)
{
	size_t i;
	char *added;

	if (add_unread(order, file, err) < 0)
		return -1;
	i = order->unread_count - 1;
	added = order->unread[i];
	for (; i > order->unread_at &&
	     spool_name_compare(added, order->unread[i - 1]) < 0;
	     i--)
		order->unread[i] = order->unread[i - 1];
	order->unread[i] = added;
	return 0;
}

void
order_drop_unread(struct order *order)
{
	while (order_is_reading(order))
		free(order->unread[order->unread_at++]);
	free((void *)order->unread);
	order->unread = NULL;
	order->unread_at = order->unread_count = order->unread_size = 0;
}

static void
warn_once(
    const struct order *order, bool *said, const char *file, const char *text)
{
	if (!*said && !order->quiet)
		tool_note("%s: %s", file, text);
	*said = true;
}

/* What an order cannot do for a message, said once. */
static void
warn_of(struct order *order, const char *file, const struct subject *subject)
{
	if (subject->alone)
		warn_once(order, &order->alone_said, file,
		    "has no subject, like perhaps others: no order is kept "
		    "between such messages");
	else if (order->latest && !subject->whole)
		warn_once(order, &order->part_said, file,
		    "holds only a part of the thing's state: such messages "
		    "are all run, one by one and in order");
}

/*
 * One that cannot be read is a group by itself: the others are not to wait
 * for it, and whoever claims it sees why.
 */
static int
read_subject(const struct order *order, const struct queue *queue,
    enum queue_state state, const char *file, struct subject *subject,
    struct error *err)
{
	struct error failed = ERROR_INIT;
	const char *type = state == QUEUE_NEW ? order->type : NULL;
	int rc = subject_read(queue, state, file, type, subject, &failed);

	if (rc >= 0 || failed.code != ERROR_SYSTEM) {
		if (rc < 0)
			*err = failed;
		return rc;
	}
	memset(subject, 0, sizeof(*subject));
	subject->alone = true;
	return sha256_hex(span_of(file), subject->group, err) < 0 ? -1 : 1;
}

static struct entry *
new_entry(const char *file, unsigned pass, struct error *err)
{
	struct entry *entry = calloc(1, sizeof(*entry) + strlen(file) + 1);

	if (!entry) {
		(void)error_set(err, ERROR_MEMORY, "no memory for names");
		return NULL;
	}
	memcpy(entry->file, file, strlen(file) + 1);
	entry->link.name = entry->file;
	entry->pass = pass;
	return entry;
}

/* What is of another type is known, too, or each pass would read it. */
static int
enter(struct order *order, struct entry *entry, const struct subject *subject,
    struct error *err)
{
	struct group *group = NULL;

	if (table_add(&order->entries, &entry->link, err) < 0) {
		free(entry);
		return -1;
	}
	if (!subject)
		return 0;
	group = order_group(order, subject, err);
	entry->version = subject->version;
	if (group && order_join(order, group, entry, err) == 0)
		return 0;
	order_forget(order, entry);
	return -1;
}

/* subject: what was read of it; NULL where it is of another type, or gone. */
static int
take_in(struct order *order, const struct queue *queue, const char *file,
    const struct subject *subject, struct error *err)
{
	struct spool_name name;
	struct entry *entry;
	struct stat st;

	if (!spool_name_parse(file, &name) ||
	    table_find(&order->entries, file) != NULL)
		return 0;
	if (!subject &&
	    fstatat(queue->states[QUEUE_NEW], file, &st, AT_SYMLINK_NOFOLLOW) <
		0)
		return 0;
	if (subject)
		warn_of(order, file, subject);
	entry = new_entry(file, order->pass, err);
	if (!entry)
		return -1;
	entry->next = name.next;
	return enter(order, entry, subject, err);
}

static int
read_one(struct order *order, const struct queue *queue, const char *file,
    struct error *err)
{
	struct subject subject;
	int rc;

	if (table_find(&order->entries, file) != NULL)
		return 0;
	rc = read_subject(order, queue, QUEUE_NEW, file, &subject, err);
	if (rc < 0)
		return -1;
	return take_in(order, queue, file, rc == 1 ? &subject : NULL, err);
}

/* The next few of those unread, and what two threads read of them. */
struct batch {
	const struct order *order;
	const struct queue *queue;
	size_t count;
	atomic_size_t next;
	struct {
		int rc;
		struct subject subject;
		struct error failed;
	} read[BATCH];
};

/* Only reads the order. */
static void *
read_batch(void *context)
{
	struct batch *batch = context;
	const struct order *order = batch->order;
	size_t i;

	while ((i = atomic_fetch_add(&batch->next, 1)) < batch->count)
		batch->read[i].rc = read_subject(order, batch->queue, QUEUE_NEW,
		    order->unread[order->unread_at + i],
		    &batch->read[i].subject, &batch->read[i].failed);
	return NULL;
}

/*
 * Latest: nothing is run before all is read. A second thread halves the time,
 * where there is one.
 */
static int
read_some_together(
    struct order *order, const struct queue *queue, struct error *err)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	pthread_t helper;
	bool helped;
	size_t i;
	char *file;
	int rc = 0;

	if (!batch)
		return error_set(err, ERROR_MEMORY, "no memory for names");
	batch->order = order;
	batch->queue = queue;
	batch->count = order->unread_count - order->unread_at;
	if (batch->count > BATCH)
		batch->count = BATCH;
	helped = batch->count == BATCH &&
	    pthread_create(&helper, NULL, read_batch, batch) == 0;
	(void)read_batch(batch);
	if (helped)
		(void)pthread_join(helper, NULL);
	for (i = 0; rc == 0 && i < batch->count; i++) {
		file = order->unread[order->unread_at++];
		rc = batch->read[i].rc;
		if (rc < 0)
			*err = batch->read[i].failed;
		else
			rc = take_in(order, queue, file,
			    rc == 1 ? &batch->read[i].subject : NULL, err);
		free(file);
	}
	free(batch);
	return rc;
}

static int
read_next(struct order *order, const struct queue *queue, struct error *err)
{
	char *file;
	int rc;

	if (order->latest)
		return read_some_together(order, queue, err);
	file = order->unread[order->unread_at++];
	rc = read_one(order, queue, file, err);
	free(file);
	return rc;
}

int
order_read_some(
    struct order *order, const struct queue *queue, struct error *err)
{
	int64_t end = clock_monotonic() + SLICE;
	int rc = 0;

	while (rc == 0 && order_must_read(order) && clock_monotonic() < end)
		rc = read_next(order, queue, err);
	if (!order_is_reading(order))
		order_drop_unread(order);
	return rc;
}

int
order_add(struct order *order, const struct queue *queue, const char *file,
    struct error *err)
{
	/* What is older than all that is unread has its place at once. */
	if (order_is_reading(order) &&
	    spool_name_compare(file, order->unread[order->unread_at]) > 0)
		return insert_unread(order, file, err);
	return read_one(order, queue, file, err);
}

int
order_hold(struct order *order, const struct queue *queue,
    const struct order_message *message, struct error *err)
{
	struct group *group = order_find_group(order, message->group);

	if (group) {
		group->busy = false;
		group->held = order->pass;
	}
	return order_add(order, queue, message->file, err);
}

struct pass {
	struct order *order;
	const struct queue *queue;
};

static int
visit_new(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct order *order = ((struct pass *)context)->order;
	/* The link is the first member. */
	struct entry *entry =
	    (struct entry *)(void *)table_find(&order->entries, file);

	(void)state;
	(void)name;
	if (!entry)
		return add_unread(order, file, err);
	entry->pass = order->pass;
	return 0;
}

/* Being run by another runner's command: its group waits. */
static int
visit_cur(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct pass *pass = context;
	struct order *order = pass->order;
	struct subject subject;
	struct group *group;
	int rc;

	/* Its command has ended: what is left to do holds nothing back. */
	if (name->end)
		return 0;
	rc = read_subject(order, pass->queue, state, file, &subject, err);
	if (rc != 1)
		return rc;
	group = order_group(order, &subject, err);
	if (!group)
		return -1;
	if (!group->busy)
		group->held = order->pass;
	return 0;
}

static bool
visit_entry(void *context, struct link *link)
{
	struct order *order = context;
	struct entry *entry = (struct entry *)(void *)link;

	if (entry->pass == order->pass)
		return false;
	order_drop(order, entry); /* and the table's walk takes it out */
	return true;
}

static bool
visit_group(void *context, struct link *link)
{
	struct order *order = context;
	struct group *group = (struct group *)(void *)link;

	if (group->held && group->held != order->pass) {
		group->held = 0;
		order_make_ready(order, group);
	}
	return false;
}

int
order_start(struct order *order, const struct queue *queue, struct error *err)
{
	struct pass pass = { order, queue };
	int rc;

	order_drop_unread(order);
	order->pass++;
	rc = queue_each(queue, QUEUE_CUR, visit_cur, &pass, err);
	if (rc == 0)
		rc = queue_each(queue, QUEUE_NEW, visit_new, &pass, err);
	if (rc < 0)
		return -1;
	spool_name_sort(order->unread, order->unread_count);
	table_filter(&order->entries, visit_entry, order);
	table_filter(&order->groups, visit_group, order);
	return 0;
}
