/* SPDX-License-Identifier: MIT */
/*
 * hmac - HMAC (RFC 2104, RFC 4231, RFC 2202) and SHA-256, on OpenSSL
 */
#include "base/hmac.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/secret.h"

/* Looked up once: by itself libcrypto does that for each message. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void
fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

size_t
hmac_size(enum hmac_algorithm algorithm)
{
	static const size_t sizes[] = { [HMAC_SHA256] = SHA256_SIZE,
		[HMAC_SHA1] = 20,
		[HMAC_SHA512] = 64 };

	return sizes[algorithm];
}

int
hmac_make(enum hmac_algorithm algorithm, struct span key, struct span bytes,
    unsigned char mac[HMAC_SIZE_MAX], struct error *err)
{
	const EVP_MD *digest = algorithm == HMAC_SHA1 ? EVP_sha1()
	    : algorithm == HMAC_SHA512		      ? EVP_sha512()
						      : EVP_sha256();
	unsigned len = 0;

	if (key.len == 0 || key.len > INT_MAX)
		return error_set(err, ERROR_CRYPTO, "HMAC: no usable key");
	if (!HMAC(digest, key.at, (int)key.len, (const unsigned char *)bytes.at,
		bytes.len, mac, &len) ||
	    len != hmac_size(algorithm))
		return error_set(err, ERROR_CRYPTO, "HMAC failed");
	return 0;
}

int
hmac_sha256(struct span key, struct span bytes, unsigned char mac[SHA256_SIZE],
    struct error *err)
{
	unsigned char made[HMAC_SIZE_MAX];
	int rc = hmac_make(HMAC_SHA256, key, bytes, made, err);

	if (rc == 0)
		memcpy(mac, made, SHA256_SIZE);
	secret_wipe(made, sizeof(made));
	return rc;
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
