/* SPDX-License-Identifier: MIT */
/*
 * hmac - HMAC (RFC 2104, RFC 4231, RFC 2202) and SHA-256, on OpenSSL
 */
#ifndef HOOKDIR_HMAC_H
#define HOOKDIR_HMAC_H

#include "base/buf.h"

#define SHA256_SIZE	32 /* bytes */
#define SHA256_HEX_SIZE 65 /* 64 lower-case digits and a NUL */
#define HMAC_SIZE_MAX	64 /* bytes */

enum hmac_algorithm {
	HMAC_SHA256,
	HMAC_SHA1,
	HMAC_SHA512
};

/* The size of a MAC in bytes. */
size_t hmac_size(enum hmac_algorithm algorithm);

/*
 * The MAC of the bytes under a key of any length but 0. 0, or -1 and
 * ERROR_CRYPTO with mac undefined.
 */
int hmac_make(enum hmac_algorithm algorithm, struct span key, struct span bytes,
    unsigned char mac[HMAC_SIZE_MAX], struct error *err);

/* The same with HMAC_SHA256. */
int hmac_sha256(struct span key, struct span bytes,
    unsigned char mac[SHA256_SIZE], struct error *err);

/* 0, or -1 and ERROR_CRYPTO with hex undefined. */
int sha256_hex(struct span bytes, char hex[SHA256_HEX_SIZE], struct error *err);

#endif
