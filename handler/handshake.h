/* SPDX-License-Identifier: MIT */
/*
 * handshake - calls by which a sender asks whether an endpoint is there
 *
 * Some senders call an endpoint before they send messages, and want back what
 * they said. Such a call is answered and nothing else: it is no message. What
 * is sent back is never made with a key, and a value that would have to be
 * escaped is refused.
 */
#ifndef HOOKDIR_HANDSHAKE_H
#define HOOKDIR_HANDSHAKE_H

#include <stdbool.h>

#include "base/buf.h"

struct endpoint;
struct exchange;
struct handshake;
struct request;

/* What is sent back: the value as text, or in one of these, or nothing. */
struct handshake_answer {
	const char *name; /* of the handshake; NULL: the call is none */
	bool text;
	const char *member; /* of a JSON object, or NULL */
	const char *header; /* or NULL */
	struct buf value;   /* owned; of characters that need no escaping */
};

/* The handshake of that name; NULL when there is none. */
const struct handshake *handshake_find(const char *name);

/*
 * Fits what the endpoint says of handshakes together? The row's own is filled
 * in. 0, or -1 and ERROR_CONFIGURATION.
 */
int handshake_check(struct endpoint *ep, struct error *err);

/* Does the endpoint take calls by this method, for a handshake alone? */
bool handshake_takes(const struct endpoint *ep, const struct request *rq);

/*
 * The three moments at which a call can turn out to be a handshake: before its
 * body is read, before it is verified, and after that. 1: it is one, and
 * x->handshake is filled in. 0: it is none. -1: it is one and has not the form
 * of it, or a local error; x->error says which.
 */
int handshake_without_body(struct exchange *x);
int handshake_unverified(struct exchange *x);
int handshake_verified(struct exchange *x);

/*
 * Is this the name of a header in which the sender gives its key? Only the
 * operator can take it over, so it is kept as it is.
 */
bool handshake_gives_key(const struct exchange *x, struct span name);

/* Is the call to be kept in quarantine/, for the key that is in it? */
bool handshake_is_kept(const struct exchange *x);

#endif
