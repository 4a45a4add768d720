/* SPDX-License-Identifier: MIT */
/*
 * hmac - HMAC-SHA-256 (RFC 2104, RFC 4231) and SHA-256, on OpenSSL
 */
#ifndef HOOKDIR_HMAC_H
#define HOOKDIR_HMAC_H

#include "base/buf.h"

#define SHA256_SIZE	32 /* bytes */
#define SHA256_HEX_SIZE 65 /* 64 lower-case digits and a NUL */

/*
 * The MAC of the bytes under a key of any length but 0. 0, or -1 and
 * ERROR_CRYPTO with mac undefined.
 */
int hmac_sha256(struct span key, struct span bytes,
    unsigned char mac[SHA256_SIZE], struct error *err);

/* 0, or -1 and ERROR_CRYPTO with hex undefined. */
int sha256_hex(struct span bytes, char hex[SHA256_HEX_SIZE], struct error *err);

#endif
