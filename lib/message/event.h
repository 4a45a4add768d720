/* SPDX-License-Identifier: MIT */
/*
 * event - read a CloudEvents 1.0 event in JSON format
 *
 * The other direction of lib/message/envelope: what stands in a file of the
 * spool, ours or anybody's. A file is hostile until read: it may be no event,
 * be cut off, or as large as it likes.
 */
#ifndef HOOKDIR_EVENT_H
#define HOOKDIR_EVENT_H

#include <stdbool.h>

#include "base/buf.h"
#include "json/json.h"
#include "message/sender.h"

/* The largest event that is read whole: 16 MiB as text, all of it escaped. */
#define EVENT_MAX ((size_t)128 << 20)

/* The attributes that are of use without knowing the data. */
enum event_attribute {
	EVENT_ID,
	EVENT_SOURCE,
	EVENT_TYPE,
	EVENT_SUBJECT,
	EVENT_TIME,
	EVENT_DATACONTENTTYPE,
	EVENT_SENDER,
	EVENT_REASON,
	EVENT_REFERENCE,
	EVENT_KEYUSED,
	EVENT_ATTRIBUTES
};

struct event {
	struct buf text; /* owned: the file, or its front */
	/* Owned; what they say, in UTF-8; empty where there is none. */
	struct buf attributes[EVENT_ATTRIBUTES];
	struct json_value root; /* after event_read(); a view of the text */
};

void event_init(struct event *event);

/* Accepts what event_init() left, and may be followed by another read. */
void event_free(struct event *event);

/*
 * Read the attributes, and of the file no more than what is in front of its
 * data. The position of the descriptor is neither used nor moved. 0, or -1:
 * ERROR_FORM says that this is no event, and what is known of it until then
 * stands in the attributes. The memory of an earlier read is used again.
 */
int event_peek(struct event *event, int fd, struct error *err);

/* The same, and the whole file: ERROR_FORM where it is no JSON object. */
int event_read(struct event *event, int fd, struct error *err);

/*
 * The sender that an event names: its row, that of "generic" where it names
 * none, or NULL where there is no such row.
 */
const struct sender *event_sender(const struct event *event);

/*
 * After event_peek() or event_read(): set EVENT_REFERENCE from the data of an
 * event that was stored before the member existed. Reads the whole file where
 * event_read() has not, but none of more than EVENT_REFERENCE_MAX bytes, and
 * then the attributes are as event_read() leaves them. Where it fails there
 * is no reference.
 */
#define EVENT_REFERENCE_MAX ((size_t)1 << 20)
void event_find_reference(struct event *event, int fd);

/* What an attribute says; an empty span where there is none. */
struct span event_get(const struct event *event, enum event_attribute which);

/*
 * Append the bytes that a member of the event says in base64. 1, or 0 where
 * there is no such member. After event_read(). -1: ERROR_FORM or
 * ERROR_MEMORY, *out may have grown.
 */
int event_bytes(const struct event *event, const char *name, struct buf *out,
    struct error *err);

/*
 * Append the payload as the sender sent it: the JSON value, the text that a
 * string of another media type says, or the bytes of data_base64. Nothing
 * where there is no data. After event_read(). -1: ERROR_FORM or
 * ERROR_MEMORY, *out may have grown.
 */
int event_payload(
    const struct event *event, struct buf *out, struct error *err);

#endif
