/* SPDX-License-Identifier: MIT */
/*
 * test_hmac - lib/base/hmac against RFC 4231, FIPS 180-4 and libcrypto's
 * EVP_MAC
 */
#include "support.h"

#include "base/hmac.h"

static void
assert_hex(
    const char *what, const unsigned char *got, size_t len, const char *want)
{
	char hex[2 * SHA256_SIZE + 1];
	size_t i;

	for (i = 0; i < len; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", got[i]);
	if (strcmp(hex, want) != 0)
		fail_msg("%s: got %s, want %s", what, hex, want);
}

/*
 * RFC 4231 sections 4.2 to 4.8. Case 5 says only the first 16 bytes: it is
 * about shortened MACs, which are never accepted here.
 */
static void
test_rfc4231(void **state)
{
	static const struct {
		const char *name;
		int key_byte; /* repeated, or -1 for the text */
		size_t key_len;
		const char *key;
		int data_byte;
		size_t data_len;
		const char *data, *mac;
		size_t mac_len;
	} rows[] = {
		{ "case 1", 0x0b, 20, NULL, -1, 0, "Hi There",
		    "b0344c61d8db38535ca8afceaf0bf12b"
		    "881dc200c9833da726e9376c2e32cff7",
		    32 },
		{ "case 2", -1, 0, "Jefe", -1, 0,
		    "what do ya want for nothing?",
		    "5bdcc146bf60754e6a042426089575c7"
		    "5a003f089d2739839dec58b964ec3843",
		    32 },
		{ "case 3", 0xaa, 20, NULL, 0xdd, 50, NULL,
		    "773ea91e36800e46854db8ebd09181a7"
		    "2959098b3ef8c122d9635514ced565fe",
		    32 },
		{ "case 4", -1, 0,
		    "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"
		    "\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19",
		    0xcd, 50, NULL,
		    "82558a389a443c0ea4cc819899f2083a"
		    "85f0faa3e578f8077a2e3ff46729665b",
		    32 },
		{ "case 5", 0x0c, 20, NULL, -1, 0, "Test With Truncation",
		    "a3b6167473100ee06e0c796c2955552b", 16 },
		{ "case 6", 0xaa, 131, NULL, -1, 0,
		    "Test Using Larger Than Block-Size Key - Hash Key First",
		    "60e431591ee0b67f0d8a26aacbf5b77f"
		    "8e0bc6213728c5140546040f0ee37f54",
		    32 },
		{ "case 7", 0xaa, 131, NULL, -1, 0,
		    "This is a test using a larger than block-size key and a "
		    "larger than block-size data. The key needs to be hashed "
		    "before being used by the HMAC algorithm.",
		    "9b09ffa71b942fcb27635fbcd5b0e944"
		    "bfdc63644f0713938a7f51535c3a35e2",
		    32 },
	};
	unsigned char mac[SHA256_SIZE];
	char key[131], data[50];
	struct error err = ERROR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		struct span k = { key, rows[i].key_len };
		struct span d = { data, rows[i].data_len };

		if (rows[i].key_byte < 0)
			k = span_of(rows[i].key);
		else
			memset(key, rows[i].key_byte, rows[i].key_len);
		if (rows[i].data_byte < 0)
			d = span_of(rows[i].data);
		else
			memset(data, rows[i].data_byte, rows[i].data_len);
		assert_int_equal(hmac_sha256(k, d, mac, &err), 0);
		assert_hex(rows[i].name, mac, rows[i].mac_len, rows[i].mac);
	}
}

/* RFC 2104 section 3: keys of any length, around the block of 64 bytes */
static void
test_rfc2104_key_lengths(void **state)
{
	unsigned char got[SHA256_SIZE], want[SHA256_SIZE];
	char key[130], data[200];
	struct error err = ERROR_INIT;
	size_t len, i;

	(void)state;
	for (i = 0; i < sizeof(key); i++)
		key[i] = (char)(i * 11 + 1);
	for (i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 13);
	for (len = 1; len <= sizeof(key); len++)
		for (i = 0; i <= sizeof(data); i += 40) {
			struct span k = exact((struct span){ key, len });
			struct span d = exact((struct span){ data, i });

			assert_int_equal(hmac_sha256(k, d, got, &err), 0);
			mac_of(k, d, want);
			assert_memory_equal(got, want, sizeof(want));
			let_go(k);
			let_go(d);
		}
}

static void
test_unusable_keys(void **state)
{
	static const struct span keys[] = { { NULL, 0 }, { "x", 0 },
		{ "x", (size_t)INT32_MAX + 1 } };
	unsigned char mac[SHA256_SIZE];
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(keys); i++) {
		err = (struct error)ERROR_INIT;
		assert_int_equal(
		    hmac_sha256(keys[i], span_of("x"), mac, &err), -1);
		assert_int_equal(err.code, ERROR_CRYPTO);
	}
}

/* FIPS 180-4; NIST's examples */
static void
test_fips180_sha256(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "",
		    "e3b0c44298fc1c149afbf4c8996fb924"
		    "27ae41e4649b934ca495991b7852b855" },
		{ "abc",
		    "ba7816bf8f01cfea414140de5dae2223"
		    "b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    "248d6a61d20638b8e5c026930c3e6039"
		    "a33ce45964ff2167f6ecedd419db06c1" },
	};
	char hex[SHA256_HEX_SIZE];
	struct error err = ERROR_INIT;
	struct buf million = BUF_INIT(ROOM);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(
		    sha256_hex(span_of(rows[i].text), hex, &err), 0);
		assert_string_equal(hex, rows[i].want);
	}
	assert_int_equal(sha256_hex((struct span){ NULL, 0 }, hex, &err), 0);
	assert_string_equal(hex, rows[0].want);
	append_times(&million, "a", 1000000);
	assert_int_equal(sha256_hex(buf_span(&million), hex, &err), 0);
	assert_string_equal(hex,
	    "cdc76e5c9914fb9281a1c7e284d73e67"
	    "f1809a48a497200e046d39ccc7112cd0");
	buf_free(&million);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc4231),
		cmocka_unit_test(test_rfc2104_key_lengths),
		cmocka_unit_test(test_unusable_keys),
		cmocka_unit_test(test_fips180_sha256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
