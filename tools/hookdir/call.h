/* SPDX-License-Identifier: MIT */
/*
 * call - a quarantined event as the call that it was
 *
 * The other direction of envelope_write_rejected(). Where the event has the
 * head of the call (lib/message/head) all is as it came. Events of hookdir 0.1
 * have the headers of one sender alone, in which text that was no UTF-8 is
 * UTF-8.
 */
#ifndef HOOKDIR_CALL_H
#define HOOKDIR_CALL_H

#include "message/event.h"
#include "message/header_list.h"
#include "message/message.h"

struct call {
	struct event event;
	struct message message;
	/* Owned, NUL-terminated; the message has views of them. */
	struct buf method, source, path, query, content_type;
};

void call_init(struct call *call);

/*
 * Fill in what was received, and those headers that an endpoint keeps.
 * sender and event of the message are the caller's to set. -1: ERROR_FORM
 * says that it is no quarantined call, or that it was altered. call_free()
 * is due in any case.
 */
int call_read(struct call *call, int fd, const struct header_list *kept,
    struct error *err);
void call_free(struct call *call);

#endif
