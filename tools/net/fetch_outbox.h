/* SPDX-License-Identifier: MIT */
/*
 * fetch_outbox - several events and their documents, delivered together
 *
 * Everything waits in tmp/ until all of it is there. Then documents go to
 * documents/ and are flushed, and only then their events to new/: an event
 * never stands there without its document. Each document is named after the
 * event that it belongs to; nothing from outside is part of a name.
 */
#ifndef HOOKDIR_FETCH_OUTBOX_H
#define HOOKDIR_FETCH_OUTBOX_H

#include <stdint.h>

#include "base/hmac.h"
#include "spool/spool.h"

struct fetch_item {
	struct timespec received;
	struct draft event;
	char document[SPOOL_NAME_SIZE]; /* "" where there is none */
	char key[SHA256_HEX_SIZE];	/* of its tries; "" for none */
	char delivered[SHA256_HEX_SIZE];
	bool kept; /* complete: it stays in tmp/ for another try */
	bool moved, published;
};

struct fetch_outbox {
	const struct spool *spool;
	struct fetch_item *items; /* owned */
	size_t count, size;
};

#define FETCH_OUTBOX_INIT                                                      \
	{                                                                      \
		NULL, NULL, 0, 0                                               \
	}

/* Room for so many items. fetch_outbox_close() is due in both cases. */
int fetch_outbox_open(struct fetch_outbox *outbox, const struct spool *spool,
    size_t size, struct error *err);

/* Another item, with a name that is its own from now on; NULL: failed. */
struct fetch_item *fetch_outbox_add(
    struct fetch_outbox *outbox, struct error *err);

/*
 * Begin its document: the descriptor to write to, or -1. Keep it: flushed
 * and closed. Drop it: removed and closed.
 */
int fetch_outbox_begin(const struct fetch_outbox *outbox,
    struct fetch_item *item, struct error *err);
int fetch_outbox_keep(int *fd, struct error *err);
void fetch_outbox_drop(
    const struct fetch_outbox *outbox, struct fetch_item *item, int *fd);

/*
 * Take over an item that an earlier process left complete in tmp/, by the
 * name of its event; *size is that of its document, which must be want, or
 * -1 for an event without one. NULL: one of them is not there, or not whole.
 */
struct fetch_item *fetch_outbox_adopt(struct fetch_outbox *outbox,
    const char *name, int64_t want, uint64_t *size);

/* Write its event. Changes iov. */
int fetch_outbox_write(const struct fetch_outbox *outbox,
    const struct fetch_item *item, struct iovec *iov, int count,
    struct error *err);

/*
 * Deliver all of it, the first item last. 0: durable. -1: what was delivered
 * until then is taken back, as far as no consumer has it.
 */
int fetch_outbox_publish(struct fetch_outbox *outbox, struct error *err);

/* Remove what was not published and is not kept. */
void fetch_outbox_close(struct fetch_outbox *outbox);

#endif
