/* SPDX-License-Identifier: MIT */
/*
 * call - a quarantined event as the call that it was
 *
 * The other direction of envelope_write_rejected(). Text that was no UTF-8
 * when it came is UTF-8 now; all else is as it was.
 */
#ifndef HOOKDIR_CALL_H
#define HOOKDIR_CALL_H

#include "event.h"
#include "message.h"

/* Which headers of a call are kept, as an endpoint has it. */
struct call_headers {
	const char *names[MESSAGE_HEADERS_MAX];
	size_t count;
	char *text; /* owned; some of the names stand in it */
};

/*
 * Those of the sender and those of HOOKDIR_HEADERS, which may be NULL. -1:
 * ERROR_CONFIGURATION or ERROR_MEMORY; in both cases call_headers_free()
 * is due.
 */
int call_headers_read(struct call_headers *headers, const struct sender *sender,
    const char *further, struct error *err);
void call_headers_free(struct call_headers *headers);

struct call {
	struct event event;
	struct message message;
	/* Owned, NUL-terminated; the message has views of them. */
	struct buf method, source, path, query, content_type;
};

void call_init(struct call *call);

/*
 * Fill in what was received. sender and event of the message are the
 * caller's to set. -1: ERROR_FORM says that it is no quarantined call, or
 * that it was altered. call_free() is due in any case.
 */
int call_read(struct call *call, int fd, const struct call_headers *headers,
    struct error *err);
void call_free(struct call *call);

#endif
