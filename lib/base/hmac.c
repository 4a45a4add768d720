/* SPDX-License-Identifier: MIT */
/*
 * hmac - HMAC-SHA-256 (RFC 2104, RFC 4231) and SHA-256, on OpenSSL
 */
#include "base/hmac.h"

#include <limits.h>
#include <pthread.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

/* Looked up once: by itself libcrypto does that for each message. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void
fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

int
hmac_sha256(struct span key, struct span bytes, unsigned char mac[SHA256_SIZE],
    struct error *err)
{
	unsigned len = SHA256_SIZE;

	if (key.len == 0 || key.len > INT_MAX)
		return error_set(err, ERROR_CRYPTO, "HMAC: no usable key");
	if (!HMAC(EVP_sha256(), key.at, (int)key.len,
		(const unsigned char *)bytes.at, bytes.len, mac, &len) ||
	    len != SHA256_SIZE)
		return error_set(err, ERROR_CRYPTO, "HMAC failed");
	return 0;
}

int
sha256_hex(struct span bytes, char hex[SHA256_HEX_SIZE], struct error *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[SHA256_SIZE];
	unsigned i, len = sizeof(digest);

	(void)pthread_once(&sha256_once, fetch_sha256);
	if (EVP_Digest(bytes.at, bytes.len, digest, &len,
		sha256 ? sha256 : EVP_sha256(), NULL) != 1 ||
	    len != sizeof(digest))
		return error_set(err, ERROR_CRYPTO, "SHA-256 failed");
	for (i = 0; i < sizeof(digest); i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[2 * i] = '\0';
	return 0;
}
