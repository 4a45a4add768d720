/* SPDX-License-Identifier: MIT */
/*
 * order_groups - what the parts of order share
 *
 * Not for others: their header is order.h.
 */
#ifndef HOOKDIR_ORDER_GROUPS_H
#define HOOKDIR_ORDER_GROUPS_H

#include "run/order.h"
#include "hookdir/subject.h"

/* A message in new/. */
struct entry {
	struct link link;    /* first; its name is the file's */
	struct group *group; /* NULL: of another type */
	struct timespec version;
	time_t next; /* not to be run before */
	unsigned pass;
	bool gone; /* not in new/ any more; its group frees it */
	char file[];
};

struct group {
	struct link link; /* first; its name is the digest */
	struct group *next_ready;
	struct heap entries; /* the next one to run is the first */
	bool by_version;     /* latest, and its messages are whole */
	bool alone;	     /* of one message, which has no subject */
	bool busy;	     /* one of it was taken by order_next() */
	unsigned held;	     /* the pass that has seen one in cur/ */
	bool ready;
	time_t parked;	/* the soonest of its times in order->later, or 0 */
	unsigned waits; /* how often it is in order->later */
	/* Latest: what was run last; what is below that is superseded. */
	struct timespec run_version;
	char *run_file;
	char digest[SHA256_HEX_SIZE];
};

struct group *order_group(
    struct order *order, const struct subject *subject, struct error *err);
struct group *order_find_group(const struct order *order, const char *digest);

/* The entry is the group's from then on. */
int order_join(struct order *order, struct group *group, struct entry *entry,
    struct error *err);

void order_make_ready(struct order *order, struct group *group);

/* Not in new/ any more. */
void order_forget(struct order *order, struct entry *entry);

/*
 * The same, where the table has no part in it. An entry without a group is
 * freed; that of a group stays until the group comes to it.
 */
void order_drop(struct order *order, struct entry *entry);

/* Is something to be read before the next message can be told? */
bool order_must_read(const struct order *order);

/* order_scan.c: read that, for a few milliseconds. */
int order_read_some(
    struct order *order, const struct queue *queue, struct error *err);

/* Nothing is to be read. */
void order_drop_unread(struct order *order);

#endif
