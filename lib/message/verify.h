/* SPDX-License-Identifier: MIT */
/*
 * verify - from a body to a message, or to a verdict
 *
 * The sender's row says how. A payload with a good signature is never
 * refused for its shape: what is no JSON is kept as text or as bytes.
 */
#ifndef HOOKDIR_VERIFY_H
#define HOOKDIR_VERIFY_H

#include "jose/keyring.h"
#include "message/message.h"

/*
 * 0: the verified part of *m is filled in. -1: CLASS_VERDICT says that the
 * call does not verify, CLASS_FAULT that we could not find out. Then only
 * body_sha256 and id can be relied on, and not on a fault.
 */
int message_verify(
    struct message *m, const struct keyring *keys, struct error *err);

#endif
