/* SPDX-License-Identifier: MIT */
/*
 * fetch_event - write the event of what was fetched
 *
 * A head of attributes, and the data behind it byte for byte as it came.
 */
#ifndef HOOKDIR_FETCH_EVENT_H
#define HOOKDIR_FETCH_EVENT_H

#include "net/fetch_job.h"

/* Room for the attributes; the data is not among them. */
#define FETCH_HEAD_MAX ((size_t)16 << 20)

struct fetch_context {
	struct span id, source, subject; /* no subject: empty */
	const char *type;
	struct span data_type;
};

/* What every event begins with; look at buf_check() for memory. */
void fetch_event_begin(struct buf *head, const struct fetch_job *job,
    const struct fetch_context *context);

/* Another attribute: text of any bytes. An empty one is left out. */
void fetch_event_add(struct buf *head, const char *name, struct span text);

/* End it with the data, a JSON text or nothing, and put it into the outbox. */
int fetch_event_write(const struct fetch_job *job,
    const struct fetch_item *item, struct buf *head, struct span data,
    struct error *err);

#endif
