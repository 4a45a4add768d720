/* SPDX-License-Identifier: MIT */
/*
 * jwt - a signed token in compact form, HS256 alone
 *
 * RFC 7515 (JWS), RFC 7519 (JWT) and RFC 8725 (their best practice). The
 * algorithm and the keys come from the configuration; nothing the token
 * says about keys (kid, jku, jwk, x5u, x5c) is ever looked at.
 */
#ifndef HOOKDIR_JWT_H
#define HOOKDIR_JWT_H

#include "buf.h"
#include "json.h"
#include "keyring.h"

/* Seconds that a sender's clock may differ from ours. */
#define JWT_LEEWAY 60

/* Most bytes of a token's header, encoded. */
#define JWT_HEADER_MAX 8192

/*
 * Verify a token and append its payload's bytes to payload; *key_used is
 * then the name of the key that made the signature.
 *
 * 0, or -1: ERROR_TOKEN_FORM, ERROR_ALGORITHM, ERROR_CRITICAL and
 * ERROR_SIGNATURE are verdicts on the token, others faults of ours. On -1
 * payload may hold bytes that mean nothing; *key_used is untouched.
 */
int jwt_verify(struct span token, const struct keyring *keys,
    struct buf *payload, const char **key_used, struct error *err);

/*
 * RFC 7519 4.1.4 and 4.1.5: exp and nbf, where the claims are a JSON object
 * that has them as numbers; now is in seconds since 1970. Claims of
 * another shape set no bounds. 0, or -1 with ERROR_EXPIRED or
 * ERROR_NOT_YET_VALID.
 */
int jwt_check_times(struct json_value claims, double now, struct error *err);

#endif
