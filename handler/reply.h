/* SPDX-License-Identifier: MIT */
/*
 * reply - the one table from failure to status
 *
 * For a message, only reply_accept() sends 200. Never 500, never 202 or 204,
 * never a redirect: senders take those for delivered, or for hopeless.
 */
#ifndef HOOKDIR_REPLY_H
#define HOOKDIR_REPLY_H

#include <stdbool.h>

#include "request.h"

struct handshake_answer;

/*
 * The status of a failure: 400, 401, 403, 405, 413 or 503. refused: of a call
 * that does not verify; 0: by rule.
 */
int reply_status(enum error_code code, int refused);

/* How answers differ between endpoints. */
struct reply_manner {
	int refused;
	bool empty; /* no body */
};

/*
 * 200: the message is on stable storage, now or since it came before. All
 * of these answer 0, or -1 when the answer could not be sent; then the
 * sender does not know, and will send again if it ever does.
 */
int reply_accept(const struct request *rq, const struct reply_manner *manner,
    struct span id, bool duplicate);

/* 200: the call was a handshake, and nothing was stored. */
int reply_handshake(
    const struct request *rq, const struct handshake_answer *answer);

/* 200: a message could be stored. */
int reply_healthy(const struct request *rq);

/*
 * The failure as application/problem+json (RFC 9457), with the rule that
 * failed. methods goes into Allow where the method was at fault, challenge
 * into WWW-Authenticate where the credentials were.
 */
int reply_refuse(const struct request *rq, const struct reply_manner *manner,
    const struct error *failure, const char *methods, const char *challenge);

/*
 * The answer of the token endpoint: RFC 6749 5.1, or 5.2 where oauth_error
 * is not NULL.
 */
int reply_token(
    const struct request *rq, const char *json, const char *oauth_error);

/* The status of an error of RFC 6749 5.2; 200 for NULL. */
int reply_token_status(const char *oauth_error);

#endif
