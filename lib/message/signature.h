/* SPDX-License-Identifier: MIT */
/*
 * signature - an HMAC-SHA-256 in a header, in the ways that senders do it
 *
 * The sender's row says where it stands and what it is made of; see struct
 * sender_signature.
 */
#ifndef HOOKDIR_SIGNATURE_H
#define HOOKDIR_SIGNATURE_H

#include <stdbool.h>

#include "jose/keyring.h"
#include "message/message.h"

/*
 * 0: one of the signatures was made with one of the keys, *key_used is its
 * name, and the message is not too old or too new. -1: ERROR_FORM (no
 * signature, no id, or more than one way to cut what is signed),
 * ERROR_SIGNATURE, ERROR_EXPIRED and ERROR_NOT_YET_VALID are verdicts;
 * ERROR_CONFIGURATION (the key has not the form that this sender's keys
 * have) and others are local errors.
 */
int signature_verify(const struct message *m, const struct keyring *keys,
    const char **key_used, struct error *err);

/* Was one of the signatures made with one of the keys? No more is looked at. */
bool signature_matches(const struct message *m, const struct keyring *keys);

/*
 * The other direction: append to value what the header of the sender's
 * signature says of a call with this body. id and time are used where the
 * sender signs them. The key is as in signature_verify(). 0, or -1 on a local
 * error, such as ERROR_CONFIGURATION.
 */
struct signature_parts {
	struct span body, id, time;
};
int signature_make(const struct sender_signature *rule, const struct key *key,
    const struct signature_parts *parts, struct buf *value, struct error *err);

/* The time that the call says it was made at; a view of one of its headers. */
struct span signature_time(const struct message *m);

#endif
