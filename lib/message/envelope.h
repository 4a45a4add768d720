/* SPDX-License-Identifier: MIT */
/*
 * envelope - a message as a CloudEvents 1.0 event in JSON format
 *
 * CloudEvents v1.0.2, "JSON Event Format". The data stands in the file as
 * the sender wrote it, so an envelope is a list of pieces and the data is
 * one of them, not copied.
 */
#ifndef HOOKDIR_ENVELOPE_H
#define HOOKDIR_ENVELOPE_H

#include <stdbool.h>
#include <sys/uio.h>

#include "message/message.h"

#define ENVELOPE_PIECES 3

struct envelope {
	struct buf head; /* owned: all up to the data, or all of it */
	/* Good as long as the envelope and the message are unchanged. */
	struct iovec pieces[ENVELOPE_PIECES];
	int count;
};

/*
 * The event of a verified message. 0, or -1 and ERROR_MEMORY; in both
 * cases envelope_free() is due. The pieces end in a newline.
 */
int envelope_write(
    struct envelope *envelope, const struct message *m, struct error *err);

/*
 * The event of a call that failed verification: type
 * "hookdir.quarantined", the rule as "reason", what it says as "detail",
 * the body as it came, in data_base64, and the head of the message, if there
 * is one, in base64 as "request". Headers that carry secrets are in neither
 * kind of member as they came; see lib/message/head.
 */
int envelope_write_rejected(struct envelope *envelope, const struct message *m,
    const struct error *verdict, struct error *err);

void envelope_free(struct envelope *envelope);

/*
 * Append the event's source, a URI-reference: the endpoint's, or our own
 * address without the query. Look at buf_check() for memory.
 */
void envelope_source(const struct message *m, struct buf *out);

/*
 * The name that a header's value has in an event: CloudEvents 1.0 "Naming
 * Conventions" allows lower-case letters and digits, the rest is left out.
 * False when nothing is left, it does not fit, or an event has a member of
 * that name anyway.
 */
#define ENVELOPE_NAME_SIZE 64
bool envelope_attribute(const char *header, char name[ENVELOPE_NAME_SIZE]);

#endif
