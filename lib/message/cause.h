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

#include "jose/keyring.h"
#include "message/message.h"

#define CAUSE_BODY_MAX	  (64 << 10) /* bytes; larger ones are not tried */
#define CAUSE_EACH_SECOND 10	     /* calls, for the process */

/*
 * The likely cause of a verdict of message_verify(), a constant:
 * "key-white-space", "key-quotes", "key-base64", "key-hex", "key-text",
 * "body-newline" or "time-unit". NULL where none of these is it, or where it
 * was not looked for: after other verdicts than ERROR_SIGNATURE (and, for the
 * unit of the time, ERROR_FORM), beyond the limits above.
 */
const char *cause_find(const struct message *m, const struct keyring *keys,
    const struct error *verdict);

#endif
