/* SPDX-License-Identifier: MIT */
/*
 * test_hex - lib/base/hex against RFC 4648 section 8, pair by pair
 *
 * What is decoded lies in a block of just its size, so that a read past the
 * end shows under the address sanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Decode a copy of exactly these bytes. */
static bool
decode(const char *at, size_t len, struct buf *out)
{
	char *copy = malloc(len ? len : 1);
	bool good;

	assert_non_null(copy);
	memcpy(copy, at, len);
	good = hex_decode((struct span){ copy, len }, out);
	free(copy);
	return good;
}

static void
test_rfc4648_section_8(void **state)
{
	static const struct {
		const char *digits;
		const char *want; /* NULL: refused */
		size_t len;
	} rows[] = {
		{ "", "", 0 }, { "00", "\0", 1 }, { "ff", "\xff", 1 },
		{ "FF", "\xff", 1 }, { "fF", "\xff", 1 },
		{ "666F6F626172", "foobar", 6 }, /* section 10 */
		{ "666f6f626172", "foobar", 6 }, { "0", NULL, 0 },
		{ "000", NULL, 0 }, { "666f6f62617", NULL, 0 },
		{ "0x", NULL, 0 }, { "0x00", NULL, 0 }, { "0 ", NULL, 0 },
		{ " 0", NULL, 0 }, { "00 11", NULL, 0 }, { "00 0", NULL, 0 },
		{ "00\n", NULL, 0 }, { "00\n\n", NULL, 0 }, { "+1", NULL, 0 },
		{ "-1", NULL, 0 }, { "0g", NULL, 0 }, { "g0", NULL, 0 },
		{ "00:1", NULL, 0 }, { "aaaaaaaaaaaaaaag", NULL, 0 },
		{ "\xef\xbc\x91\xef\xbc\x92", NULL, 0 }, /* full-width 12 */
	};
	struct buf out = BUF_INIT(64);
	size_t i;
	bool good;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&out);
		buf_append_text(&out, "kept");
		good = decode(rows[i].digits, strlen(rows[i].digits), &out);
		if (good != (rows[i].want != NULL) ||
		    out.len != 4 + rows[i].len || out.failed ||
		    memcmp(out.at, "kept", 4) != 0 ||
		    (good && memcmp(out.at + 4, rows[i].want, rows[i].len)))
			fail_msg("\"%s\": got %d, %zu bytes", rows[i].digits,
			    good, out.len - 4);
	}
	buf_free(&out);
}

static int
digit_of(int c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) % 16 : -1;
}

static void
test_every_pair_of_bytes(void **state)
{
	struct buf out = BUF_INIT(8);
	int high, low, want;
	char pair[2];
	bool good;

	(void)state;
	for (high = 0; high < 256; high++)
		for (low = 0; low < 256; low++) {
			pair[0] = (char)high;
			pair[1] = (char)low;
			buf_reset(&out);
			good = decode(pair, 2, &out);
			want = digit_of(high) < 0 || digit_of(low) < 0
			    ? -1
			    : digit_of(high) * 16 + digit_of(low);
			if (good != (want >= 0) || out.len != good ||
			    (good && (unsigned char)out.at[0] != want))
				fail_msg("%02x %02x: got %d, want %d", high,
				    low, good, want);
		}
	buf_free(&out);
}

/* More than the buffer may hold is a fault of memory, not of the digits. */
static void
test_ceiling(void **state)
{
	struct buf out = BUF_INIT(2);
	struct error err = ERROR_INIT;

	(void)state;
	assert_true(decode("0102", 4, &out));
	assert_int_equal(buf_check(&out, &err), 0);
	assert_int_equal(out.len, 2);
	buf_reset(&out);
	assert_true(decode("010203", 6, &out));
	assert_int_equal(buf_check(&out, &err), -1);
	assert_int_equal(err.code, ERROR_MEMORY);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

static void
test_long(void **state)
{
	struct buf out = BUF_INIT(65536);
	char digits[2 * 4096];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(digits); i++)
		digits[i] = "0123456789abcdefABCDEF"[i * 7 % 22];
	assert_true(decode(digits, sizeof(digits), &out));
	assert_int_equal(out.len, 4096);
	for (i = 0; i < out.len; i++)
		assert_int_equal((unsigned char)out.at[i],
		    digit_of(digits[2 * i]) * 16 + digit_of(digits[2 * i + 1]));
	for (i = 0; i < sizeof(digits); i += 97) {
		digits[i] = '.';
		buf_reset(&out);
		assert_false(decode(digits, sizeof(digits), &out));
		assert_int_equal(out.len, 0);
		digits[i] = '0';
	}
	buf_free(&out);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc4648_section_8),
		cmocka_unit_test(test_every_pair_of_bytes),
		cmocka_unit_test(test_ceiling),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
