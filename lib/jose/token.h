/* SPDX-License-Identifier: MIT */
/*
 * token - OAuth 2.0 access tokens (RFC 6749, RFC 9068)
 *
 * Our own are signed with HS256 and say so by their type, "at+jwt": no
 * other token that the same key may have signed is taken for one, nor one
 * of them for another. Those of another authorization server are verified
 * with its public keys.
 */
#ifndef HOOKDIR_TOKEN_H
#define HOOKDIR_TOKEN_H

#include "jose/jwk.h"
#include "jose/keyring.h"

#define TOKEN_MAX 16384 /* bytes of a token */

/* What a good token is, at one endpoint. */
struct token_rule {
	const char *issuer, *audience; /* required */
	const struct keyring *keys;    /* our own; may be empty */
	const struct jwk_set *others;  /* or NULL */
};

/*
 * Append a new token for a client, good for ttl seconds from now, signed
 * with the first key. scope may be empty. 0, or -1 on a fault of ours.
 */
int token_issue(const struct token_rule *rule, const char *client_id,
    struct span scope, double now, unsigned ttl, struct buf *token,
    struct error *err);

/*
 * 0: the token is good now. -1: ERROR_CREDENTIALS and a text that says why
 * it is not; ERROR_KEY_UNKNOWN where only its key is missing: all else in it
 * is good here, unverified; or a fault of ours.
 */
int token_check(const struct token_rule *rule, struct span token, double now,
    struct error *err);

#endif
