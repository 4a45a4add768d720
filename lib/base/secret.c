/* SPDX-License-Identifier: MIT */
/*
 * secret - the only compare and the only wipe of secrets
 */
#include "base/secret.h"

#include <openssl/crypto.h>

bool
secret_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void
secret_wipe(void *secret, size_t len)
{
	OPENSSL_cleanse(secret, len);
}
