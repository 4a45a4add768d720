/* SPDX-License-Identifier: MIT */
/*
 * test_utf8 - lib/base/utf8 against RFC 3629
 *
 * What is well-formed is worked out a second time here, by decoding and
 * looking at the number, and compared over every one-, two- and three-byte
 * sequence and every code point.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Decode by the lead byte's ones alone, then ask if the number may be. */
static size_t
want_length(const unsigned char *at, size_t len)
{
	static const unsigned long smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned long number;
	size_t ones = 0, i;

	while (ones < 8 && (at[0] << ones & 0x80))
		ones++;
	if (ones == 0)
		return 1;
	if (ones == 1 || ones > 4 || ones > len)
		return 0;
	number = at[0] & (0x7FU >> ones);
	for (i = 1; i < ones; i++) {
		if ((at[i] & 0xC0) != 0x80)
			return 0;
		number = number << 6 | (at[i] & 0x3F);
	}
	if (number < smallest[ones] || number > 0x10FFFF)
		return 0;
	return number >= 0xD800 && number <= 0xDFFF ? 0 : ones;
}

static bool
want_valid(const unsigned char *at, size_t len)
{
	size_t step;

	for (; len > 0; at += step, len -= step) {
		step = want_length(at, len);
		if (step == 0)
			return false;
	}
	return true;
}

static struct span
bytes_of(const unsigned char *at, size_t len)
{
	return (struct span){ (const char *)at, len };
}

static void
assert_agree(const unsigned char *at, size_t len)
{
	struct span bytes = bytes_of(at, len);

	if (utf8_length(bytes) != want_length(at, len) ||
	    utf8_valid(bytes) != want_valid(at, len))
		fail_msg("%zu bytes %02x %02x %02x %02x: got length %zu, "
			 "valid %d; want %zu, %d",
		    len, at[0], at[1], at[2], at[3], utf8_length(bytes),
		    utf8_valid(bytes), want_length(at, len),
		    want_valid(at, len));
}

static void
test_every_short_sequence(void **state)
{
	unsigned char at[4] = { 0 };
	uint32_t i;

	(void)state;
	for (i = 0; i < 1U << 24; i++) {
		at[0] = (unsigned char)(i >> 16);
		at[1] = (unsigned char)(i >> 8);
		at[2] = (unsigned char)i;
		if (i % 65536 == 0)
			assert_agree(at, 1);
		if (i % 256 == 0)
			assert_agree(at, 2);
		if (at[0] >= 0x80)
			assert_agree(at, 3);
	}
}

/* RFC 3629 section 4: each row of UTF8-4 and what lies beside it */
static void
test_four_byte_edges(void **state)
{
	static const unsigned char edges[] = { 0x00, 0x7F, 0x80, 0x8F, 0x90,
		0x9F, 0xA0, 0xBF, 0xC0, 0xFF };
	unsigned char at[4];
	size_t i, j, k;
	unsigned first;

	(void)state;
	for (first = 0xEF; first <= 0xFF; first++)
		for (i = 0; i < COUNT(edges); i++)
			for (j = 0; j < COUNT(edges); j++)
				for (k = 0; k < COUNT(edges); k++) {
					at[0] = (unsigned char)first;
					at[1] = edges[i];
					at[2] = edges[j];
					at[3] = edges[k];
					assert_agree(at, 4);
				}
}

static void
test_every_code_point(void **state)
{
	struct buf got = BUF_INIT(8);
	unsigned long c;
	size_t cut;

	(void)state;
	for (c = 0; c <= 0x10FFFF; c++) {
		if (c == 0xD800)
			c = 0xE000;
		buf_reset(&got);
		utf8_append(&got, c);
		assert_int_equal(utf8_length(buf_span(&got)), got.len);
		assert_int_equal(
		    want_length((unsigned char *)got.at, got.len), got.len);
		for (cut = 1; cut < got.len; cut++)
			assert_int_equal(
			    utf8_length((struct span){ got.at, cut }), 0);
	}
	buf_free(&got);
}

static void
test_encode_boundaries(void **state)
{
	static const struct {
		unsigned long code_point;
		const char *want;
		size_t len;
	} rows[] = {
		{ 0x00, "\x00", 1 },
		{ 0x7F, "\x7F", 1 },
		{ 0x80, "\xC2\x80", 2 },
		{ 0x7FF, "\xDF\xBF", 2 },
		{ 0x800, "\xE0\xA0\x80", 3 },
		{ 0xD7FF, "\xED\x9F\xBF", 3 },
		{ 0xE000, "\xEE\x80\x80", 3 },
		{ 0xFFFF, "\xEF\xBF\xBF", 3 },
		{ 0x10000, "\xF0\x90\x80\x80", 4 },
		{ 0x10FFFF, "\xF4\x8F\xBF\xBF", 4 },
	};
	char got[4];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(
		    utf8_encode(rows[i].code_point, got), rows[i].len);
		assert_memory_equal(got, rows[i].want, rows[i].len);
	}
}

static void
test_refused(void **state)
{
	static const char *const rows[] = {
		"\xC0\x80",		/* overlong NUL */
		"\xC1\xBF",		/* overlong 0x7f */
		"\xE0\x9F\xBF",		/* overlong 0x7ff */
		"\xED\xA0\x80",		/* surrogate 0xd800 */
		"\xED\xBF\xBF",		/* surrogate 0xdfff */
		"\xF0\x8F\xBF\xBF",	/* overlong 0xffff */
		"\xF4\x90\x80\x80",	/* 0x110000 */
		"\xF8\x88\x80\x80\x80", /* five bytes */
		"\xC3",			/* cut off */
		"\xE2\x82",
		"\xF0\x9F\x93",
		"\x80",
		"\xFE",
		"\xFF",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(utf8_length(span_of(rows[i])), 0);
		assert_false(utf8_valid(span_of(rows[i])));
	}
}

/* The fast path takes eight bytes at once: a bad one at every place. */
static void
test_valid_at_every_offset(void **state)
{
	char text[40];
	size_t len, at;

	(void)state;
	for (len = 0; len <= sizeof(text); len++) {
		memset(text, 'x', sizeof(text));
		assert_true(utf8_valid((struct span){ text, len }));
		for (at = 0; at < len; at++) {
			text[at] = '\xFF';
			assert_false(utf8_valid((struct span){ text, len }));
			text[at] = 'x';
		}
	}
}

static void
test_nothing(void **state)
{
	struct span nothing = { NULL, 0 };
	struct buf out = BUF_INIT(8);

	(void)state;
	assert_int_equal(utf8_length(nothing), 0);
	assert_true(utf8_valid(nothing));
	utf8_append_latin1(&out, nothing);
	assert_int_equal(out.len, 0);
	assert_true(utf8_valid((struct span){ "\0", 1 }));
	buf_free(&out);
}

static void
test_latin1(void **state)
{
	static const struct {
		const char *given;
		const char *want;
	} rows[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "S\xC3\xB8ren", "S\xC3\xB8ren" },
		{ "S\xF8ren", "S\xC3\xB8ren" },
		{ "\xE2\x82\xAC", "\xE2\x82\xAC" },
		{ "\x80\xFF", "\xC2\x80\xC3\xBF" },
		/* one byte that is not UTF-8 makes all of it Latin-1 */
		{ "\xC3\xB8 \xF8", "\xC3\x83\xC2\xB8 \xC3\xB8" },
	};
	struct buf got = BUF_INIT(64);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&got);
		utf8_append_latin1(&got, span_of(rows[i].given));
		assert_true(span_is(buf_span(&got), rows[i].want));
	}
	buf_free(&got);
}

static void
test_latin1_every_byte(void **state)
{
	struct buf got = BUF_INIT(64);
	unsigned byte;
	char given[2];

	(void)state;
	for (byte = 0x80; byte <= 0xFF; byte++) {
		given[0] = (char)byte;
		given[1] = 'x';
		buf_reset(&got);
		utf8_append_latin1(&got, (struct span){ given, 2 });
		assert_int_equal(got.len, 3);
		assert_int_equal((unsigned char)got.at[0], 0xC0 | byte >> 6);
		assert_int_equal((unsigned char)got.at[1], 0x80 | (byte & 63));
		assert_int_equal(got.at[2], 'x');
	}
	buf_free(&got);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_short_sequence),
		cmocka_unit_test(test_four_byte_edges),
		cmocka_unit_test(test_every_code_point),
		cmocka_unit_test(test_encode_boundaries),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_valid_at_every_offset),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_latin1),
		cmocka_unit_test(test_latin1_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
