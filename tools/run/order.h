/* SPDX-License-Identifier: MIT */
/*
 * order - which message is run next, where their order matters
 *
 * Messages about the same thing are a group; one of a group is run at a
 * time. In order: the oldest, and while that waits for its next try the
 * group waits. Latest: the newest, by the time that the sender says, else
 * by that of arrival; the others are superseded. Groups whose messages do
 * not hold the whole state of the thing are run in order then, too.
 *
 * Everything in new/ is known by name and group, some 300 bytes a message,
 * and is read once. There is one runner that does this at a time, see
 * order_lock().
 */
#ifndef HOOKDIR_ORDER_H
#define HOOKDIR_ORDER_H

#include <time.h>

#include "base/clock.h"
#include "base/hmac.h"
#include "run/later.h"
#include "queue/queue.h"
#include "hookdir/table.h"

struct order_message {
	char file[NAME_MAX + 1]; /* in new/ */
	char group[SHA256_HEX_SIZE];
	struct timespec version; /* what the sender says, else arrival */
	bool superseded;	 /* not to be run, a newer one is known */
	bool alone;		 /* no subject, and so no other of its group */
	bool mark;		 /* latest/ is to know that it was started */
};

struct order {
	bool latest, quiet;
	const char *type; /* only these; NULL: all */
	struct later later;
	struct table groups;  /* by the digest */
	struct table entries; /* by the name: what of new/ is known */
	struct group *ready, *last_ready;
	/* Names that are to be read yet, the oldest first, from at on. */
	char **unread;
	size_t unread_at, unread_count, unread_size;
	unsigned pass;
	bool part_said, alone_said;
	size_t waiting; /* messages that are known and were not taken */
};

/*
 * Take the lock of runners that keep an order: a descriptor that holds it.
 * -2: another runner has it. -1: failed.
 */
int order_lock(const struct queue *queue, struct error *err);

/*
 * Compare what is known with new/ and cur/: what is new there is to be read,
 * what is gone is forgotten. What is in cur/ is being run, by us or by a
 * command whose runner was killed; its group waits.
 */
int order_start(
    struct order *order, const struct queue *queue, struct error *err);

/*
 * The next message: 1, and its group is busy. 0: there is none now; or it is
 * not known yet, see order_is_reading(), as reading takes a few milliseconds
 * a call.
 */
int order_next(struct order *order, const struct queue *queue,
    struct order_message *message, struct error *err);
bool order_is_reading(const struct order *order);

/* A message has come to new/. */
int order_add(struct order *order, const struct queue *queue, const char *file,
    struct error *err);

/* Latest: what is older than this one is superseded from now on. */
int order_started(struct order *order, const struct order_message *message,
    struct error *err);

/* The one that was run of this group has ended, or was not to be had. */
void order_done(struct order *order, const char *group);

/* It is still there but cannot be had: its group waits for the next pass. */
int order_hold(struct order *order, const struct queue *queue,
    const struct order_message *message, struct error *err);

/*
 * Latest: remember that this version is run, so that no older one is run
 * after it, in latest/GROUP of the spool.
 */
int order_remember(const struct queue *queue,
    const struct order_message *message, struct error *err);

/*
 * Remember that this version was done, in latest/GROUP.seen; and the text of
 * the one that was done last, empty where none is remembered.
 */
int order_remember_done(const struct queue *queue,
    const struct order_message *message, struct error *err);
void order_seen(const struct queue *queue, const char *group,
    char text[CLOCK_RFC3339_SIZE]);

void order_free(struct order *order);

#endif
