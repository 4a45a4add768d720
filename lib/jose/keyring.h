/* SPDX-License-Identifier: MIT */
/*
 * keyring - several keys, each with a name
 *
 * Holds views of keys that belong to the request; nothing to free.
 */
#ifndef HOOKDIR_KEYRING_H
#define HOOKDIR_KEYRING_H

#include "base/buf.h"

#define KEYRING_MAX 32

struct key {
	const char *name; /* "current", "previous": said in the event */
	struct span bytes;
};

struct keyring {
	struct key keys[KEYRING_MAX];
	size_t count;
};

/*
 * 0, or -1 and ERROR_CONFIGURATION when the key is empty or the ring full;
 * the ring is then unchanged. Name and bytes stay the caller's.
 */
int keyring_add(struct keyring *ring, const char *name, struct span bytes,
    struct error *err);

/*
 * The name of the key whose HMAC-SHA-256 of these bytes is mac. Every key
 * is tried whichever matches. NULL and ERROR_SIGNATURE when none does;
 * NULL and ERROR_CRYPTO when that could not be found out.
 */
const char *keyring_match_hmac(const struct keyring *ring, struct span bytes,
    struct span mac, struct error *err);

#endif
