/* SPDX-License-Identifier: MIT */
/*
 * reply - the one table from failure to status
 *
 * 200 is said by reply_accept() alone. Never 500, never 202 or 204, never
 * a redirect: senders take those for delivered, or for hopeless.
 */
#ifndef HOOKDIR_REPLY_H
#define HOOKDIR_REPLY_H

#include "request.h"

/* The status of a failure: 400, 401, 403, 405, 413 or 503. */
int reply_status(enum error_code code);

/*
 * 200: the message is on stable storage. Both answer 0, or -1 when the
 * answer could not be sent; then the sender does not know, and will send
 * again if it ever does.
 */
int reply_accept(const struct request *rq, const char *id);

/*
 * The failure as application/problem+json (RFC 9457), with the rule that
 * failed. methods goes into Allow where the method was at fault.
 */
int reply_refuse(
    const struct request *rq, const struct error *failure, const char *methods);

#endif
