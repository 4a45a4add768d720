/* SPDX-License-Identifier: MIT */
/*
 * keyring - several keys, each with a name
 */
#include "jose/keyring.h"
#include "base/hmac.h"
#include "base/secret.h"

int
keyring_add(struct keyring *ring, const char *name, struct span bytes,
    struct error *err)
{
	/* Anybody can make an HMAC under the empty key. */
	if (bytes.len == 0)
		return error_set(
		    err, ERROR_CONFIGURATION, "the %s key is empty", name);
	if (ring->count == KEYRING_MAX)
		return error_set(err, ERROR_CONFIGURATION, "too many keys");
	ring->keys[ring->count].name = name;
	ring->keys[ring->count].bytes = bytes;
	ring->count++;
	return 0;
}

const char *
keyring_match_hmac(const struct keyring *ring, struct span bytes,
    struct span mac, struct error *err)
{
	unsigned char ours[SHA256_SIZE];
	const char *match = NULL;
	size_t i;

	for (i = 0; i < ring->count; i++) {
		if (hmac_sha256(ring->keys[i].bytes, bytes, ours, err) < 0) {
			match = NULL;
			break;
		}
		/* RFC 7518 3.2: all 32 bytes, a shortened MAC is none. */
		if (mac.len == sizeof(ours) &&
		    secret_equal(mac.at, ours, sizeof(ours)) && !match)
			match = ring->keys[i].name;
	}
	secret_wipe(ours, sizeof(ours));
	if (!match)
		(void)error_set(err, ERROR_SIGNATURE,
		    "the signature was not made with a key of this endpoint");
	return match;
}
