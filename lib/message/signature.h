/* SPDX-License-Identifier: MIT */
/*
 * signature - an HMAC in a header, in the ways that senders do it
 *
 * The message's schemes say where it is and what it is made of.
 */
#ifndef HOOKDIR_SIGNATURE_H
#define HOOKDIR_SIGNATURE_H

#include <stdbool.h>

#include "jose/keyring.h"
#include "message/message.h"
#include "message/signed.h"

/*
 * Which of the message's schemes a call has: the first one of which a header
 * is there, else the first.
 */
size_t signature_variant(const struct message *m);

/*
 * 0: one of the signatures was made with one of the keys, *key_used is its
 * name, and the message is not too old or too new; where it is, *key_used is
 * set, too. -1: ERROR_FORM (no
 * signature, no time, no value of a signed header, or more than one way to
 * cut what is signed),
 * ERROR_SIGNATURE, ERROR_EXPIRED and ERROR_NOT_YET_VALID are verdicts;
 * ERROR_CONFIGURATION (the key has not the form that this sender's keys
 * have) and others are local errors.
 */
int signature_verify(const struct message *m, const struct keyring *keys,
    const char **key_used, struct error *err);

/* Was one of the signatures made with one of the keys? No more is looked at. */
bool signature_matches(const struct message *m, const struct keyring *keys);

/*
 * SCHEME_TOKEN: the header that the row names holds one of the keys itself.
 * 0; -1: ERROR_FORM (there is none), ERROR_SIGNATURE, or a local error.
 */
int token_verify(const struct message *m, const struct keyring *keys,
    const char **key_used, struct error *err);

/*
 * The other direction: append the value of the header that signs, in base64
 * or in hexadecimal digits. 0, or -1 on a local error, such as
 * ERROR_CONFIGURATION.
 */
int signature_make(const struct scheme *scheme, bool base64,
    const struct key *key, const struct signature_parts *parts,
    struct buf *value, struct error *err);

/* Append a time as a scheme has it. 0, or -1 and ERROR_MEMORY. */
int signature_make_time(
    enum time_format format, time_t now, struct buf *text, struct error *err);

/* The time that the call says it was made at; a view of one of its headers. */
struct span signature_time(const struct message *m);

#endif
