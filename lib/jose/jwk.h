/* SPDX-License-Identifier: MIT */
/*
 * jwk - public keys of another authorization server (RFC 7517, RFC 7518,
 * RFC 8037), and tokens verified with them
 *
 * RS256, PS256, ES256 and EdDSA with Ed25519, on OpenSSL. A key has one
 * algorithm: its member alg, else RS256 for RSA, ES256 for P-256 and EdDSA
 * for Ed25519. A token never chooses (RFC 8725 3.1). "Ed25519" is another
 * name of that EdDSA (RFC 9864).
 */
#ifndef HOOKDIR_JWK_H
#define HOOKDIR_JWK_H

#include "jose/jwt.h"

#define JWK_SET_MAX   64	/* keys */
#define JWK_BYTES_MAX (1 << 20) /* of a key set */
#define JWK_RSA_BITS  2048	/* RFC 7518 3.3: at least */

struct jwk_set;

/*
 * Read a key set. Keys that are not for verifying signatures, or of a kind
 * that is not known here, are passed over (RFC 7517 section 5); there must
 * be one left. 0 and *set is the caller's, or -1 with ERROR_CONFIGURATION
 * or ERROR_MEMORY and *set untouched.
 */
int jwk_set_read(struct span json, struct jwk_set **set, struct error *err);

/* NULL is fine. */
void jwk_set_free(struct jwk_set *set);

/*
 * Verify a token's signature and append its payload. kid chooses the key;
 * a token without one is verified if the set has a single key. 0, or -1:
 * ERROR_ALGORITHM, ERROR_SIGNATURE and ERROR_TOKEN_FORM are verdicts;
 * ERROR_KEY_UNKNOWN means that the kid is not in the set, but may be in a
 * newer one; others are faults of ours.
 */
int jwk_verify(const struct jwk_set *set, const struct jwt *jwt,
    struct buf *payload, struct error *err);

#endif
