/* SPDX-License-Identifier: MIT */
/*
 * issue - the role that hands out access tokens: OAuth 2.0 Client
 * Credentials (RFC 6749 section 4.4)
 */
#ifndef HOOKDIR_ISSUE_H
#define HOOKDIR_ISSUE_H

#include "exchange.h"

/* Most bytes of a request for a token: a form of a few fields. */
#define ISSUE_BODY_MAX 65536

/*
 * 0: x->answer is the JSON text to send; x->oauth_error is NULL where it
 * has a token, and else an error of RFC 6749 5.2. -1: x->error, for
 * requests that are broken or wrong before OAuth begins, and for faults of
 * ours.
 */
int issue(struct exchange *x);

#endif
