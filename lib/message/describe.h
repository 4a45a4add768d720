/* SPDX-License-Identifier: MIT */
/*
 * describe - what a message is about: type, id, subject, reference, version
 *
 * Each is taken from the place that the endpoint names, else from what a
 * CloudEvent says of itself, else from where the sender's row says.
 */
#ifndef HOOKDIR_DESCRIBE_H
#define HOOKDIR_DESCRIBE_H

#include "message/message.h"

/* After the data is known. 0, or -1 on a local error. */
int message_describe(struct message *m, struct error *err);

/* The SHA-256 of a text, a newline and a digest. */
int message_digest_with(struct span text, const char *digest,
    char made[SHA256_HEX_SIZE], struct error *err);

#endif
