/* SPDX-License-Identifier: MIT */
/*
 * cloudevent - calls that are CloudEvents themselves
 *
 * CloudEvents 1.0, HTTP protocol binding: in binary mode the attributes are
 * headers, in structured mode the body is the event. What the sender says of
 * id, type, source, time and subject is kept.
 */
#ifndef HOOKDIR_CLOUDEVENT_H
#define HOOKDIR_CLOUDEVENT_H

#include "message/message.h"

/* The headers of binary mode, with spaces between. */
extern const char cloudevent_headers[];

/*
 * Is the call one? If so m->own is filled in, and in structured mode m->data
 * is what the event holds, with m->data_kind DATA_JSON where it is JSON and
 * m->data_type what the event says of it. Look at buf_check() of
 * m->unwrapped and m->own_text for memory.
 */
bool cloudevent_read(struct message *m);

#endif
