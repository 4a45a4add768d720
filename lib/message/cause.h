/* SPDX-License-Identifier: MIT */
/*
 * cause - why a signature may not have matched, for the operator alone
 *
 * A call that does not verify is tried again with what is often wrong: the
 * key as it was copied, the body as a proxy passed it on, the time in another
 * unit. What is found is a hint and never lets a call in. The sender must not
 * see it: how many MACs are made depends on the call and on the number of
 * keys, and neither on what a key is nor on what is found.
 */
#ifndef HOOKDIR_CAUSE_H
#define HOOKDIR_CAUSE_H

#include <stdbool.h>

#include "jose/keyring.h"
#include "message/message.h"

#define CAUSE_BODY_MAX (64 << 10) /* bytes; larger ones are not tried */

/*
 * Does cause_find() make trials after this verdict of message_verify()? These
 * are up to ten MACs for each key, and anybody can send calls that need them:
 * the caller of cause_find() must bound how often it calls.
 */
bool cause_is_sought(const struct message *m, const struct error *verdict);

/*
 * The likely cause of a verdict of message_verify(), a constant:
 * "key-white-space", "key-quotes", "key-base64", "key-hex", "key-text",
 * "body-newline" or "time-unit". NULL where none of these is it, or where
 * cause_is_sought() is false: after other verdicts than ERROR_SIGNATURE (and,
 * for the unit of the time, ERROR_FORM), and for large bodies.
 */
const char *cause_find(const struct message *m, const struct keyring *keys,
    const struct error *verdict);

#endif
