/* SPDX-License-Identifier: MIT */
/*
 * order - which message is run next, where their order matters
 *
 * Messages about the same thing are a group; one of a group is run at a
 * time. In order: the oldest, and while that waits for its next try the
 * group waits. Latest: the newest, by the time that the sender says, else
 * by that of arrival; the others are superseded.
 *
 * Everything in new/ is known by name and group, some 250 bytes a message.
 * There is one runner that does this at a time, see order_lock().
 */
#ifndef HOOKDIR_ORDER_H
#define HOOKDIR_ORDER_H

#include <time.h>

#include "hmac.h"
#include "queue.h"

struct order_message {
	char file[NAME_MAX + 1]; /* in new/ */
	char group[SHA256_HEX_SIZE];
	struct timespec version; /* what the sender says, else arrival */
	bool superseded;	 /* not to be run, a newer one is known */
};

struct order {
	bool latest;
	const char *type; /* only these; NULL: all */
	struct group *groups, *last_group;
	struct group **table; /* by the digest */
	size_t table_size, group_count;
	struct group *ready, *last_ready;
	bool missed; /* a message could not be read, so its place is unknown */
	/* Messages that wait, for their next try or for one before them. */
	size_t waiting;
	time_t soonest; /* when the first try is due; 0: none is */
};

/*
 * Take the lock of runners that keep an order: a descriptor that holds it.
 * -2: another runner has it. -1: failed.
 */
int order_lock(const struct queue *queue, struct error *err);

/*
 * Read new/ and cur/ afresh. What is in cur/ is being run, by us or by a
 * command whose runner was killed; its group waits.
 */
int order_start(
    struct order *order, const struct queue *queue, struct error *err);

/* The next message; 1, or 0 when there is none now. Its group is busy. */
int order_next(struct order *order, const struct queue *queue,
    struct order_message *message);

/* A message has come to new/. */
int order_add(struct order *order, const struct queue *queue, const char *file,
    struct error *err);

/* The one that was run of this group has ended, or was not to be had. */
void order_done(struct order *order, const char *group);

/*
 * Latest: remember that this version is run, so that no older one is run
 * after it, in latest/GROUP of the spool.
 */
int order_remember(const struct queue *queue,
    const struct order_message *message, struct error *err);

void order_free(struct order *order);

#endif
