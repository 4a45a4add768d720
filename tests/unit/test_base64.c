/* SPDX-License-Identifier: MIT */
/*
 * test_base64 - lib/base/base64 against RFC 4648, as strict as it can be
 */
#include "support.h"

#include "base/base64.h"

static const char standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The two encodings; a row for each test to go through. */
static const struct encoding {
	const char *name, *alphabet;
	bool padded;
	bool (*decode)(struct span text, struct buf *out);
	void (*encode)(struct span bytes, struct buf *out);
} encodings[] = {
	{ "section 4", standard, true, base64_decode, base64_encode },
	{ "section 5", url_safe, false, base64url_decode, base64url_encode },
};

/* Decode a copy of just this size; nothing is appended on false. */
static bool
decode(const struct encoding *e, struct span text, struct buf *out)
{
	struct span copy = exact(text);
	size_t before = out->len;
	bool good = e->decode(copy, out);

	if (!good)
		assert_int_equal(out->len, before);
	assert_false(out->failed);
	let_go(copy);
	return good;
}

static void
assert_refused(const struct encoding *e, struct span text)
{
	struct buf out = BUF_INIT(ROOM);

	if (decode(e, text, &out))
		fail_msg("%s: \"%s\" was taken for \"%s\"", e->name, show(text),
		    show(buf_span(&out)));
	buf_free(&out);
}

static void
assert_taken(const struct encoding *e, struct span text, struct span want)
{
	struct buf out = BUF_INIT(ROOM);

	buf_append_byte(&out, '>');
	if (!decode(e, text, &out))
		fail_msg("%s: \"%s\" was refused", e->name, show(text));
	assert_same(e->name, (struct span){ out.at + 1, out.len - 1 }, want);
	buf_free(&out);
}

/* RFC 4648 section 10, and characters of both alphabets */
static void
test_rfc4648_10(void **state)
{
	static const struct {
		struct span bytes;
		const char *standard, *url_safe;
	} rows[] = {
		{ LITERAL(""), "", "" },
		{ LITERAL("f"), "Zg==", "Zg" },
		{ LITERAL("fo"), "Zm8=", "Zm8" },
		{ LITERAL("foo"), "Zm9v", "Zm9v" },
		{ LITERAL("foob"), "Zm9vYg==", "Zm9vYg" },
		{ LITERAL("fooba"), "Zm9vYmE=", "Zm9vYmE" },
		{ LITERAL("foobar"), "Zm9vYmFy", "Zm9vYmFy" },
		{ LITERAL("\0"), "AA==", "AA" },
		{ LITERAL("\xfb\xff\xbf"), "+/+/", "-_-_" },
		{ LITERAL("\xff"), "/w==", "_w" },
		{ LITERAL("\x14\xfb\x9c\x03\xd9\x7e"), "FPucA9l+", "FPucA9l-" },
		{ LITERAL("\x14\xfb\x9c\x03"), "FPucAw==", "FPucAw" },
	};
	struct buf out = BUF_INIT(ROOM);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&out);
		base64_encode(rows[i].bytes, &out);
		assert_same(
		    "encoded", buf_span(&out), span_of(rows[i].standard));
		assert_taken(
		    &encodings[0], span_of(rows[i].standard), rows[i].bytes);
		buf_reset(&out);
		base64url_encode(rows[i].bytes, &out);
		assert_same(
		    "encoded", buf_span(&out), span_of(rows[i].url_safe));
		assert_taken(
		    &encodings[1], span_of(rows[i].url_safe), rows[i].bytes);
	}
	buf_free(&out);
}

/* Every length, against what libcrypto makes of it */
static void
test_round_trip(void **state)
{
	unsigned char bytes[70];
	struct buf text = BUF_INIT(ROOM);
	char want[100];
	size_t len, i, e;

	(void)state;
	for (len = 0; len <= sizeof(bytes); len++)
		for (e = 0; e < COUNT(encodings); e++) {
			struct span span = { (char *)bytes, len };

			for (i = 0; i < len; i++)
				bytes[i] = (unsigned char)(i * 67 + len * 29);
			buf_reset(&text);
			buf_append_byte(&text, '>');
			encodings[e].encode(span, &text);
			(void)EVP_EncodeBlock(
			    (unsigned char *)want, bytes, (int)len);
			if (!encodings[e].padded) {
				want[strcspn(want, "=")] = '\0';
				for (i = 0; want[i]; i++)
					want[i] = want[i] == '+' ? '-'
					    : want[i] == '/'	 ? '_'
								 : want[i];
			}
			assert_same("encoded",
			    (struct span){ text.at + 1, text.len - 1 },
			    span_of(want));
			assert_taken(&encodings[e], span_of(want), span);
		}
	buf_free(&text);
}

/* RFC 4648 3.3: every byte at every place of a text of every length */
static void
test_rfc4648_3_3_alphabet(void **state)
{
	char text[12];
	size_t e, len, at;
	unsigned byte;

	(void)state;
	for (e = 0; e < COUNT(encodings); e++)
		for (len = 2; len <= sizeof(text); len++) {
			if (len % 4 == 1 ||
			    (encodings[e].padded && len % 4 != 0))
				continue;
			memset(text, 'A', sizeof(text));
			for (at = 0; at < len; at++)
				for (byte = 0; byte < 256; byte++) {
					text[at] = (char)byte;
					if ((byte &&
						strchr(encodings[e].alphabet,
						    (int)byte)) ||
					    (encodings[e].padded &&
						byte == '=' && at == len - 1))
						continue;
					assert_refused(&encodings[e],
					    (struct span){ text, len });
				}
		}
}

/* The same for every character that belongs to the alphabet: its value */
static void
test_every_character(void **state)
{
	char text[4];
	unsigned char want[3];
	size_t e, at;
	unsigned value, bits;

	(void)state;
	for (e = 0; e < COUNT(encodings); e++)
		for (at = 0; at < 4; at++)
			for (value = 0; value < 64; value++) {
				memset(text, 'A', sizeof(text));
				text[at] = encodings[e].alphabet[value];
				bits = value << (18 - 6 * at);
				want[0] = (unsigned char)(bits >> 16);
				want[1] = (unsigned char)(bits >> 8);
				want[2] = (unsigned char)bits;
				assert_taken(&encodings[e],
				    (struct span){ text, 4 },
				    (struct span){ (char *)want, 3 });
			}
}

/* RFC 4648 3.5: of the bits that are left over every one must be zero. */
static void
test_rfc4648_3_5_trailing_bits(void **state)
{
	char text[8];
	size_t e, first;
	unsigned value, len;

	(void)state;
	for (e = 0; e < COUNT(encodings); e++)
		for (first = 0; first <= 4; first += 4)
			for (len = 2; len <= 3; len++)
				for (value = 0; value < 64; value++) {
					struct span span = { text,
						first +
						    (encodings[e].padded
							    ? 4
							    : len) };
					struct buf out = BUF_INIT(16);
					bool want =
					    (value & (len == 2 ? 15u : 3u)) ==
					    0;

					memset(text, 'A', 4);
					memset(text + 4, '=', 4);
					if (first == 0)
						memset(text + len, '=', 2);
					else
						memset(text + 4, 'A', len);
					text[first + len - 1] =
					    encodings[e].alphabet[value];
					if (decode(&encodings[e], span, &out) !=
					    want)
						fail_msg("\"%s\": want %s",
						    show(span),
						    want ? "taken" : "refused");
					buf_free(&out);
				}
}

/* RFC 4648 3.2: padding as much as there must be, and only at the end */
static void
test_rfc4648_3_2_padding(void **state)
{
	static const struct {
		const char *text;
		bool standard, url_safe;
	} rows[] = {
		{ "", true, true },
		{ "=", false, false },
		{ "==", false, false },
		{ "===", false, false },
		{ "====", false, false },
		{ "A", false, false },
		{ "A=", false, false },
		{ "A==", false, false },
		{ "A===", false, false },
		{ "AA", false, true },
		{ "AA=", false, false },
		{ "AA==", true, false },
		{ "AA===", false, false },
		{ "AA======", false, false },
		{ "AAA", false, true },
		{ "AAA=", true, false },
		{ "AAA==", false, false },
		{ "AAAA", true, true },
		{ "AAAA=", false, false },
		{ "AAAA==", false, false },
		{ "AAAA====", false, false },
		{ "=AAA", false, false },
		{ "A=AA", false, false },
		{ "AA=A", false, false },
		{ "AA==AAAA", false, false },
		{ "AAA=AAAA", false, false },
		{ "AA==AA==", false, false },
		{ "AAAAA", false, false },
		{ "AAAAA===", false, false },
		{ "AAAAAA==", true, false },
		{ "AAAAAAA=", true, false },
		{ " AAAA", false, false },
		{ "AAAA\n", false, false },
		{ "AA\r\nAA", false, false },
		{ "AAA%3D", false, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		struct buf out = BUF_INIT(64);

		if (decode(&encodings[0], span_of(rows[i].text), &out) !=
		    rows[i].standard)
			fail_msg(
			    "section 4, \"%s\"", show(span_of(rows[i].text)));
		if (decode(&encodings[1], span_of(rows[i].text), &out) !=
		    rows[i].url_safe)
			fail_msg(
			    "section 5, \"%s\"", show(span_of(rows[i].text)));
		buf_free(&out);
	}
}

/* No room is no verdict on the text: it shows in the buffer. */
static void
test_no_room(void **state)
{
	static const char text[] = "AAAAAAAAAAAAAAAA";
	struct error err = ERROR_INIT;
	size_t e;

	(void)state;
	for (e = 0; e < COUNT(encodings); e++) {
		struct buf out = BUF_INIT(4);

		assert_true(encodings[e].decode(span_of(text), &out));
		assert_int_equal(buf_check(&out, &err), -1);
		assert_int_equal(out.len, 0);
		buf_reset(&out);
		encodings[e].encode(span_of(text), &out);
		assert_true(out.failed);
		assert_int_equal(out.len, 0);
		buf_free(&out);
	}
}

/* Either alphabet, padded or not, and nothing else */
static void
test_any(void **state)
{
	static const struct encoding any = { "any", standard, true,
		base64_decode_any, NULL };
	static const char *const texts[] = { "", "/+8=", "/+8", "_-8=", "_-8",
		"/w==", "/w", "_w==", "_w", "AAAA", "++//", "--__" };
	static const struct span wants[] = { LITERAL(""), LITERAL("\xff\xef"),
		LITERAL("\xff\xef"), LITERAL("\xff\xef"), LITERAL("\xff\xef"),
		LITERAL("\xff"), LITERAL("\xff"), LITERAL("\xff"),
		LITERAL("\xff"), LITERAL("\0\0\0"), LITERAL("\xfb\xef\xff"),
		LITERAL("\xfb\xef\xff") };
	static const char *const refused[] = { "=", "==", "====", "A",
		"A=", "A==", "A===", "AA=", "AA===", "AAA==", "AAAA=", "AAAA==",
		"AAAA====", "+_AA", "-/AA", "AB", "AB==", "AAB", "AAB=", "AA A",
		"AAA\n", " AAA", "A=AA", "=AAA", "AA==AAAA", "\xc3\xb8==" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++)
		assert_taken(&any, span_of(texts[i]), wants[i]);
	for (i = 0; i < COUNT(refused); i++)
		assert_refused(&any, span_of(refused[i]));
	assert_refused(&any, (struct span)LITERAL("AAA\0"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc4648_10),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_rfc4648_3_3_alphabet),
		cmocka_unit_test(test_every_character),
		cmocka_unit_test(test_rfc4648_3_5_trailing_bits),
		cmocka_unit_test(test_rfc4648_3_2_padding),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
