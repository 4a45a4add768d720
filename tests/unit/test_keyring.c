/* SPDX-License-Identifier: MIT */
/*
 * test_keyring - lib/jose/keyring: several keys, each with a name
 */
#include "support.h"

#include "jose/keyring.h"

static const struct span bytes = LITERAL("what was signed");

static struct keyring
ring_of(const char *current, const char *previous)
{
	struct keyring ring = { .count = 0 };
	struct error err = ERROR_INIT;

	assert_int_equal(
	    keyring_add(&ring, "current", span_of(current), &err), 0);
	if (previous)
		assert_int_equal(
		    keyring_add(&ring, "previous", span_of(previous), &err), 0);
	return ring;
}

static void
test_name_of_the_key(void **state)
{
	static const struct {
		const char *current, *previous, *signer, *want;
	} rows[] = {
		{ "new", NULL, "new", "current" },
		{ "new", NULL, "old", NULL },
		{ "new", "old", "new", "current" },
		{ "new", "old", "old", "previous" },
		{ "new", "old", "other", NULL },
		{ "new", "old", "", NULL },
		/* the same key twice: the first */
		{ "same", "same", "same", "current" },
		{ "x", "X", "X", "previous" },
	};
	unsigned char mac[64];
	struct keyring ring;
	struct error err;
	const char *got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		err = (struct error)ERROR_INIT;
		ring = ring_of(rows[i].current, rows[i].previous);
		mac_of(span_of(rows[i].signer), bytes, mac);
		got = keyring_match_hmac(
		    &ring, bytes, (struct span){ (char *)mac, 32 }, &err);
		if ((got == NULL) != (rows[i].want == NULL))
			fail_msg("row %zu: got %s", i, got ? got : "none");
		if (got)
			assert_string_equal(got, rows[i].want);
		assert_int_equal(err.code, got ? ERROR_NONE : ERROR_SIGNATURE);
	}
}

/* RFC 7518 3.2: 32 bytes, neither fewer nor more */
static void
test_mac_lengths(void **state)
{
	unsigned char mac[64];
	struct keyring ring = ring_of("new", "old");
	struct error err;
	size_t len;

	(void)state;
	mac_of(span_of("old"), bytes, mac);
	memcpy(mac + 32, mac, 32);
	for (len = 0; len <= sizeof(mac); len++) {
		struct span copy = exact((struct span){ (char *)mac, len });

		err = (struct error)ERROR_INIT;
		if ((keyring_match_hmac(&ring, bytes, copy, &err) != NULL) !=
		    (len == 32))
			fail_msg("a MAC of %zu bytes", len);
		let_go(copy);
	}
}

/* Every bit of the MAC counts, under either key. */
static void
test_every_bit(void **state)
{
	struct keyring ring = ring_of("new", "old");
	unsigned char mac[32];
	struct span span = { (char *)mac, sizeof(mac) };
	struct error err;
	size_t i;
	int bit;

	(void)state;
	mac_of(span_of("old"), bytes, mac);
	for (i = 0; i < sizeof(mac); i++)
		for (bit = 0; bit < 8; bit++) {
			err = (struct error)ERROR_INIT;
			mac[i] ^= (unsigned char)(1 << bit);
			assert_null(
			    keyring_match_hmac(&ring, bytes, span, &err));
			assert_int_equal(err.code, ERROR_SIGNATURE);
			mac[i] ^= (unsigned char)(1 << bit);
		}
	err = (struct error)ERROR_INIT;
	assert_non_null(keyring_match_hmac(&ring, bytes, span, &err));
}

static void
test_empty_key(void **state)
{
	struct keyring ring = ring_of("new", NULL), before = ring;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(keyring_add(&ring, "previous", span_of(""), &err), -1);
	assert_int_equal(err.code, ERROR_CONFIGURATION);
	assert_non_null(strstr(err.text, "previous"));
	assert_int_equal(ring.count, before.count);
	err = (struct error)ERROR_INIT;
	assert_int_equal(
	    keyring_add(&ring, "x", (struct span){ NULL, 0 }, &err), -1);
	assert_int_equal(ring.count, before.count);
}

static void
test_full(void **state)
{
	struct keyring ring = { .count = 0 };
	struct error err = ERROR_INIT;
	unsigned char mac[32];
	size_t i;

	(void)state;
	for (i = 0; i < KEYRING_MAX; i++)
		assert_int_equal(
		    keyring_add(&ring, "name", span_of("key"), &err), 0);
	ring.keys[KEYRING_MAX - 1].name = "last";
	ring.keys[KEYRING_MAX - 1].bytes = span_of("last key");
	assert_int_equal(keyring_add(&ring, "x", span_of("x"), &err), -1);
	assert_int_equal(err.code, ERROR_CONFIGURATION);
	assert_int_equal(ring.count, KEYRING_MAX);
	err = (struct error)ERROR_INIT;
	mac_of(span_of("last key"), bytes, mac);
	assert_string_equal(keyring_match_hmac(&ring, bytes,
				(struct span){ (char *)mac, 32 }, &err),
	    "last");
}

static void
test_no_key_at_all(void **state)
{
	struct keyring ring = { .count = 0 };
	struct error err = ERROR_INIT;
	unsigned char mac[32];

	(void)state;
	mac_of(span_of(""), bytes, mac);
	assert_null(keyring_match_hmac(
	    &ring, bytes, (struct span){ (char *)mac, 32 }, &err));
	assert_int_equal(err.code, ERROR_SIGNATURE);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_of_the_key),
		cmocka_unit_test(test_mac_lengths),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_empty_key),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_no_key_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
