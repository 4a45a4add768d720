/* SPDX-License-Identifier: MIT */
/*
 * notice - a call without a body, whose address says what happened
 *
 * "The order of this id is new or has changed": the receiver fetches it.
 * The id is the last part of the path or a parameter of the query; the
 * sender's row names the words.
 */
#ifndef HOOKDIR_NOTICE_H
#define HOOKDIR_NOTICE_H

#include "message/message.h"

/* Is the call one, by its method? */
bool notice_is(const struct message *m);

/*
 * Fill in the verified part of a message from its address; m->body_sha256
 * is there already. An address that says nothing we know makes an event of
 * the sender's fallback type. 0, or -1 on a fault of ours.
 *
 * The id is made from the address and the time: two notices of one order
 * are two changes of it, and never repeats of one message.
 */
int notice_read(struct message *m, struct error *err);

#endif
