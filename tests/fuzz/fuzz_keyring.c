/* SPDX-License-Identifier: MIT */
/*
 * fuzz_keyring - a MAC passes for the key that made it, and no other does
 *
 * Two keys, a NUL behind each, and the bytes. What is changed, and where,
 * comes from the bytes as well.
 */
#include "fuzz.h"
#include "jose/keyring.h"

static void
check_mac(const struct keyring *ring, struct span bytes, struct span mac,
    const char *want)
{
	struct error err = ERROR_INIT;
	const char *got = keyring_match_hmac(ring, bytes, mac, &err);

	CHECK(got == want);
	CHECK(got ? err.code == ERROR_NONE : err.code == ERROR_SIGNATURE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keyring ring = { .count = 0 };
	struct error err = ERROR_INIT;
	unsigned char mac[33] = { 0 };
	struct span keys[2], bytes, whole = { (char *)mac, 32 };
	const char *names[2] = { "current", "previous" };
	struct input in;
	size_t i, place;

	input_start(&in, data, size);
	for (i = 0; i < 2; i++) {
		keys[i] = input_field(&in);
		CHECK(keyring_add(&ring, names[i], keys[i], &err) ==
		    (keys[i].len ? 0 : -1));
		err = (struct error)ERROR_INIT;
	}
	bytes = input_rest(&in);
	/* A key that HMAC fills up with zeros is the same key. */
	for (i = 0; i < ring.count; i++) {
		fuzz_mac(ring.keys[i].bytes, bytes, mac);
		check_mac(&ring, bytes, whole,
		    i && fuzz_same(ring.keys[0].bytes, ring.keys[1].bytes)
			? ring.keys[0].name
			: ring.keys[i].name);
		place = fuzz_number(data, size, 256);
		mac[place / 8] ^= (unsigned char)(1u << place % 8);
		check_mac(&ring, bytes, whole, NULL);
		mac[place / 8] ^= (unsigned char)(1u << place % 8);
		mac[31] ^= 0x80;
		check_mac(&ring, bytes, whole, NULL);
		mac[31] ^= 0x80;
		check_mac(&ring, bytes,
		    (struct span){ (char *)mac, place % 32 }, NULL);
		check_mac(&ring, bytes, (struct span){ (char *)mac, 33 }, NULL);
	}
	input_end(&in);
	return 0;
}
