/* SPDX-License-Identifier: MIT */
/*
 * jwt - a signed token in compact form
 *
 * RFC 7515 (JWS), RFC 7519 (JWT) and RFC 8725 (their best practice). The
 * algorithms and the keys come from the configuration: of what a token
 * says about keys only kid is looked at, and only to choose among those
 * (see lib/jose/jwk); jku, jwk, x5u and x5c never are.
 */
#ifndef HOOKDIR_JWT_H
#define HOOKDIR_JWT_H

#include "base/buf.h"
#include "json/json.h"
#include "jose/keyring.h"

/* Seconds that a sender's clock may differ from ours. */
#define JWT_LEEWAY 60

/* Most bytes of a token's header, encoded. */
#define JWT_HEADER_MAX 8192

/* A token taken apart; the spans are views of it. */
struct jwt {
	struct span signed_bytes; /* header, dot, payload */
	struct span payload;	  /* encoded */
	struct span signature;	  /* encoded */
	char alg[16]; /* these are "" when there is none, and "?" when */
	char typ[64]; /* it is no string or longer than it can be */
	char kid[1024];
	bool has_kid;
};

/*
 * Look at the form and the header, and at nothing else: 0, or -1 with
 * ERROR_TOKEN_FORM, ERROR_ALGORITHM (there is no alg), ERROR_CRITICAL or a
 * fault of ours.
 */
int jwt_parse(struct span token, struct jwt *jwt, struct error *err);

#define JWT_ACCESS_TOKEN "at+jwt" /* RFC 9068 2.1 */

/*
 * Is a token's typ this type? RFC 7519 5.1: "application/" may stand in
 * front, and case does not matter.
 */
bool jwt_type_is(const char *typ, const char *type);

/* Append the decoded payload; for when the signature has been verified. */
int jwt_payload(const struct jwt *jwt, struct buf *payload, struct error *err);

/*
 * Verify a token with HS256 and append its payload's bytes to payload;
 * *key_used is then the name of the key that made the signature. An access
 * token is refused: it is no message, whoever signed it.
 *
 * 0, or -1: ERROR_TOKEN_FORM, ERROR_ALGORITHM, ERROR_CRITICAL and
 * ERROR_SIGNATURE are verdicts on the token, others faults of ours. On -1
 * payload may hold bytes that mean nothing; *key_used is untouched.
 */
int jwt_verify(struct span token, const struct keyring *keys,
    struct buf *payload, const char **key_used, struct error *err);

/* The same for a token that jwt_parse() has taken apart, of any type. */
int jwt_verify_parsed(const struct jwt *jwt, const struct keyring *keys,
    struct buf *payload, const char **key_used, struct error *err);

/*
 * The other direction: append a token with this header and this payload,
 * signed with HS256. header is the text of a JSON object that says so. 0, or
 * -1 on a local error; *token may then have grown.
 */
int jwt_sign(struct span key, const char *header, struct span payload,
    struct buf *token, struct error *err);

/*
 * RFC 7519 4.1.4 and 4.1.5: exp and nbf, where the claims are a JSON object
 * that has them as numbers; now is in seconds since 1970. Claims of
 * another shape set no bounds. 0, or -1 with ERROR_EXPIRED or
 * ERROR_NOT_YET_VALID.
 */
int jwt_check_times(
    const struct json_members *claims, double now, struct error *err);

#endif
