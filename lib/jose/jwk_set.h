/* SPDX-License-Identifier: MIT */
/*
 * jwk_set - what the two halves of jwk share
 *
 * The keys as they are kept. Not for others: their header is jwk.h.
 */
#ifndef HOOKDIR_JWK_SET_H
#define HOOKDIR_JWK_SET_H

#include <openssl/evp.h>

#include "jose/jwk.h"

#define JWK_ES256_HALF 32 /* RFC 7518 3.4: R and S, 32 bytes each */

enum jwk_algorithm {
	RS256,
	PS256,
	ES256,
	EDDSA
};

struct jwk {
	char *kid; /* NULL: none */
	enum jwk_algorithm algorithm;
	EVP_PKEY *key;
};

struct jwk_set {
	struct jwk keys[JWK_SET_MAX];
	size_t count;
};

/* Is it this algorithm that a key's or a token's alg names? */
bool jwk_algorithm_is(enum jwk_algorithm algorithm, const char *name);

/* Does alg name one of them? */
bool jwk_algorithm_known(const char *name);

#endif
