/* SPDX-License-Identifier: MIT */
/*
 * test_credentials - lib/jose/credentials: RFC 9110 section 11.6.2, RFC 7617,
 * RFC 6750 section 2.1 and RFC 6749 section 2.3.1
 *
 * Headers lie in blocks of just their size, so that a read past the end
 * shows under the address sanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "jose/credentials.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LITERAL(text)                                                          \
	{                                                                      \
		(text), sizeof(text) - 1                                       \
	}
#define UNTOUCHED "untouched"

static bool
same(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Take a copy apart, which is to be freed after c. */
static char *
parse(struct credentials *c, const char *header)
{
	struct error err = ERROR_INIT;
	char *copy = strdup(header);

	assert_non_null(copy);
	if (credentials_parse(c, copy, &err) < 0)
		fail_msg("%.80s: got %s", header, err.text);
	assert_int_equal(err.code, ERROR_NONE);
	return copy;
}

static void
assert_scheme(const char *header, enum credentials_scheme want)
{
	struct credentials c;
	char *copy = parse(&c, header);

	if (c.scheme != want)
		fail_msg("%.80s: got scheme %d, want %d", header, (int)c.scheme,
		    (int)want);
	credentials_free(&c);
	free(copy);
}

static void
test_none(void **state)
{
	struct error err = ERROR_INIT;
	struct credentials c;

	(void)state;
	assert_int_equal(credentials_parse(&c, NULL, &err), 0);
	assert_int_equal(c.scheme, CREDENTIALS_NONE);
	credentials_free(&c);
	assert_scheme("", CREDENTIALS_NONE);
}

static void
test_rfc7617_basic(void **state)
{
	static const struct {
		const char *header;
		struct span user, secret;
	} rows[] = {
		/* RFC 7617 section 2 and 2.1 */
		{ "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", LITERAL("Aladdin"),
		    LITERAL("open sesame") },
		{ "Basic dGVzdDoxMjPCow==", LITERAL("test"),
		    LITERAL("123\xc2\xa3") },
		/* either can be empty, and the secret can hold colons */
		{ "Basic Og==", LITERAL(""), LITERAL("") },
		{ "Basic dXNlcjo=", LITERAL("user"), LITERAL("") },
		{ "Basic OnNlY3JldA==", LITERAL(""), LITERAL("secret") },
		{ "Basic YTpiOmM=", LITERAL("a"), LITERAL("b:c") },
		{ "Basic Ojo6", LITERAL(""), LITERAL("::") },
		{ "Basic YTo6", LITERAL("a"), LITERAL(":") },
		{ "Basic YQBiOmMAZA==", LITERAL("a\0b"), LITERAL("c\0d") },
		{ "Basic 6Tr/", LITERAL("\xe9"), LITERAL("\xff") },
		{ "Basic IDog", LITERAL(" "), LITERAL(" ") },
		/* RFC 9110 11.1: case of the scheme; 11.4: 1*SP */
		{ "basic YTpi", LITERAL("a"), LITERAL("b") },
		{ "BASIC YTpi", LITERAL("a"), LITERAL("b") },
		{ "bAsIc YTpi", LITERAL("a"), LITERAL("b") },
		{ "Basic  YTpi", LITERAL("a"), LITERAL("b") },
		{ "Basic         YTpi", LITERAL("a"), LITERAL("b") },
	};
	struct credentials c;
	char *copy;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		copy = parse(&c, rows[i].header);
		if (c.scheme != CREDENTIALS_BASIC ||
		    !same(c.user, rows[i].user) ||
		    !same(c.secret, rows[i].secret))
			fail_msg("%s: got scheme %d, \"%.*s\", \"%.*s\"",
			    rows[i].header, (int)c.scheme, (int)c.user.len,
			    c.user.at, (int)c.secret.len, c.secret.at);
		assert_int_equal(c.token.len, 0);
		credentials_free(&c);
		assert_int_equal(c.scheme, CREDENTIALS_NONE);
		free(copy);
	}
}

/* RFC 7617 section 2, with RFC 4648 as strict as it can be taken. */
static void
test_rfc7617_basic_gone_wrong(void **state)
{
	static const char *const rows[] = {
		"Basic",
		"Basic ",
		"Basic    ",
		"Basic QWxhZGRpbg==", /* no colon */
		"Basic YTp",
		"Basic YTpiOmM", /* no padding */
		"Basic YTpiOmM==",
		"Basic YTpi====",
		"Basic YTpi=",
		"Basic =YTp",
		"Basic ====",
		"Basic YTo=YTo=",
		"Basic Oh==", /* bits left over */
		"Basic YTpiOmN=",
		"Basic 6Tr_", /* the other alphabet */
		"Basic YTp-",
		"Basic YT pi",
		"Basic YTpi ",
		"Basic YTpi\n",
		"Basic \tYTpi",
		"Basic\tYTpi",
		"Basic YTpi,YTpi",
		"Basic YTpi, Bearer abc",
		"Basic a:b",
		"Basic YT\xc3\xa6i",
		" Basic YTpi",
		"BasicYTpi",
		"Basi YTpi",
		"Basics YTpi",
		"YTpi",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_scheme(rows[i], CREDENTIALS_OTHER);
}

static void
test_rfc6750_bearer(void **state)
{
	static const struct {
		const char *header;
		const char *want; /* NULL: other */
	} rows[] = {
		{ "Bearer mF_9.B5f-4.1JqM", "mF_9.B5f-4.1JqM" }, /* 2.1 */
		{ "Bearer a", "a" },
		{ "Bearer a=", "a=" },
		{ "Bearer a==", "a==" },
		{ "Bearer a=====", "a=====" },
		{ "Bearer -._~+/", "-._~+/" },
		{ "Bearer eyJhIjoxfQ.e30.x-_y", "eyJhIjoxfQ.e30.x-_y" },
		{ "bearer abc", "abc" },
		{ "BEARER abc", "abc" },
		{ "Bearer   abc", "abc" },
		{ "Bearer", NULL },
		{ "Bearer ", NULL },
		{ "Bearer =", NULL },
		{ "Bearer a=b", NULL },
		{ "Bearer =a", NULL },
		{ "Bearer a b", NULL },
		{ "Bearer a ", NULL },
		{ "Bearer a,b", NULL },
		{ "Bearer \"a\"", NULL },
		{ "Bearer a\n", NULL },
		{ "Bearer\ta", NULL },
		{ "Bearer\xc2\xa0"
		  "a",
		    NULL },
		{ "Bearer: a", NULL },
		{ "Bearera", NULL },
		{ "Beare a", NULL },
		{ "Bearer2 a", NULL },
		{ " Bearer a", NULL },
		{ "Bearer Bearer a", NULL },
	};
	struct credentials c;
	char *copy;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		copy = parse(&c, rows[i].header);
		if ((c.scheme == CREDENTIALS_BEARER) !=
			(rows[i].want != NULL) ||
		    !same(c.token, span_of(rows[i].want ? rows[i].want : "")))
			fail_msg("%s: got scheme %d, \"%.*s\"", rows[i].header,
			    (int)c.scheme, (int)c.token.len, c.token.at);
		assert_int_equal(c.user.len + c.secret.len, 0);
		credentials_free(&c);
		free(copy);
	}
}

/* RFC 6750 2.1: every byte in the middle of a b64token */
static void
test_rfc6750_b64token_every_byte(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789-._~+/";
	char header[] = "Bearer x?x";
	int c;

	(void)state;
	for (c = 1; c < 256; c++) {
		header[8] = (char)c;
		assert_scheme(header,
		    strchr(alphabet, c) ? CREDENTIALS_BEARER
					: CREDENTIALS_OTHER);
	}
}

static void
test_other_schemes(void **state)
{
	static const char *const rows[] = {
		"Digest username=\"a\", realm=\"b\"",
		"Negotiate YTpi",
		"token abc",
		"DPoP abc",
		"x",
		" ",
		"   ",
		"=",
		"\xff\xfe",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_scheme(rows[i], CREDENTIALS_OTHER);
}

/* A header of exactly this many characters after its scheme */
static void
assert_long(
    const char *scheme, const char *start, size_t len, bool good, int which)
{
	struct buf text = BUF_INIT(1 << 20);
	size_t i;

	buf_append_text(&text, scheme);
	buf_append_text(&text, start);
	for (i = strlen(start); i < len; i++)
		buf_append_byte(&text, 'A');
	buf_append(&text, "", 1);
	assert_scheme(
	    text.at, good ? (enum credentials_scheme)which : CREDENTIALS_OTHER);
	buf_free(&text);
}

static void
test_limit_of_16_kib(void **state)
{
	(void)state;
	assert_int_equal(CREDENTIALS_MAX, 16384);
	assert_long("Bearer ", "", 16384, true, CREDENTIALS_BEARER);
	assert_long("Bearer ", "", 16385, false, CREDENTIALS_BEARER);
	assert_long("Bearer    ", "", 16384, true, CREDENTIALS_BEARER);
	assert_long("Bearer ", "", 500000, false, CREDENTIALS_BEARER);
	assert_long("Basic ", "YTpi", 16384, true, CREDENTIALS_BASIC);
	assert_long("Basic ", "YTpi", 16388, false, CREDENTIALS_BASIC);
}

/* Every length of user and secret, there and back */
static void
test_basic_round_trip(void **state)
{
	unsigned char raw[128], header[256] = "Basic ";
	struct credentials c;
	size_t user, secret;
	char *copy;

	(void)state;
	memset(raw, 'u', sizeof(raw));
	for (user = 0; user < 40; user++)
		for (secret = 0; secret < 40; secret++) {
			memset(raw, 'u', user);
			raw[user] = ':';
			memset(raw + user + 1, 's', secret);
			(void)EVP_EncodeBlock(
			    header + 6, raw, (int)(user + 1 + secret));
			copy = parse(&c, (const char *)header);
			assert_int_equal(c.scheme, CREDENTIALS_BASIC);
			assert_int_equal(c.user.len, user);
			assert_int_equal(c.secret.len, secret);
			assert_memory_equal(c.user.at, raw, user);
			assert_memory_equal(
			    c.secret.at, raw + user + 1, secret);
			credentials_free(&c);
			free(copy);
		}
}

static struct keyring
ring_of(const char *current, const char *previous)
{
	struct keyring ring = { .count = 0 };
	struct error err = ERROR_INIT;

	if (current)
		(void)keyring_add(&ring, "current", span_of(current), &err);
	if (previous)
		(void)keyring_add(&ring, "previous", span_of(previous), &err);
	return ring;
}

/* The name of the secret that matched, NULL when none did. */
static const char *
match(struct span user, struct span secret, bool maybe_encoded,
    const char *client_id, const struct keyring *ring)
{
	const char *used = UNTOUCHED;
	struct error err = ERROR_INIT;
	bool good = credentials_match(
	    user, secret, maybe_encoded, client_id, ring, &used, &err);

	assert_int_equal(err.code, ERROR_NONE);

	if (!good && strcmp(used, UNTOUCHED) != 0)
		fail_msg("%.*s: no match, but got used %s", (int)user.len,
		    user.at, used);
	return good ? used : NULL;
}

static void
test_match(void **state)
{
	static const struct {
		const char *user, *secret;
		bool maybe_encoded;
		const char *client, *current, *previous;
		const char *want; /* NULL: no match */
	} rows[] = {
		{ "shop", "new", 0, "shop", "new", NULL, "current" },
		{ "shop", "new", 0, "shop", "new", "old", "current" },
		{ "shop", "old", 0, "shop", "new", "old", "previous" },
		{ "shop", "old", 1, "shop", "new", "old", "previous" },
		{ "shop", "new", 0, "shop", "new", "new", "current" },
		{ "shop", "old", 0, "shop", "new", NULL, NULL },
		{ "shop", "New", 0, "shop", "new", NULL, NULL },
		{ "Shop", "new", 0, "shop", "new", NULL, NULL },
		{ "shop", "ne", 0, "shop", "new", NULL, NULL },
		{ "shop", "new2", 0, "shop", "new", NULL, NULL },
		{ "sho", "new", 0, "shop", "new", NULL, NULL },
		{ "shop2", "new", 0, "shop", "new", NULL, NULL },
		{ "new", "shop", 0, "shop", "new", NULL, NULL },
		/* nobody, and nothing */
		{ "", "", 0, "shop", "new", NULL, NULL },
		{ "", "new", 0, "shop", "new", NULL, NULL },
		{ "shop", "", 0, "shop", "new", NULL, NULL },
		{ "", "", 1, "shop", "new", NULL, NULL },
		{ "shop", "", 1, "shop", NULL, NULL, NULL },
		{ "", "", 1, "", NULL, NULL, NULL },
		{ "", "", 1, "", "new", "old", NULL },
		{ "shop", "new", 0, "", "new", NULL, NULL },
		/* RFC 6749 2.3.1: form-encoded before Basic */
		{ "my%20shop", "new", 1, "my shop", "new", NULL, "current" },
		{ "my+shop", "new", 1, "my shop", "new", NULL, "current" },
		{ "shop", "a%2Bb", 1, "shop", "a+b", NULL, "current" },
		{ "shop", "a%2bb", 1, "shop", "x", "a+b", "previous" },
		{ "a%3Ab", "c%3Ad", 1, "a:b", "c:d", NULL, "current" },
		{ "s%68op", "n%65w", 1, "shop", "new", NULL, "current" },
		{ "%E2%82%AC", "%25", 1, "\xe2\x82\xac", "%", NULL, "current" },
		/* and raw, as many clients send it */
		{ "shop", "a+b", 1, "shop", "a+b", NULL, "current" },
		{ "shop", "a+b", 1, "shop", "a b", NULL, "current" },
		{ "shop", "100%", 1, "shop", "100%", NULL, "current" },
		{ "shop", "%41", 1, "shop", "%41", NULL, "current" },
		{ "shop", "%41", 1, "shop", "%41", "A", "current" },
		{ "my+shop", "new", 1, "my+shop", "new", NULL, "current" },
		/* a form has been decoded already: once is enough */
		{ "my%20shop", "new", 0, "my shop", "new", NULL, NULL },
		{ "shop", "a%2Bb", 0, "shop", "a+b", NULL, NULL },
		{ "shop", "a+b", 0, "shop", "a b", NULL, NULL },
		{ "shop", "a%252Bb", 1, "shop", "a+b", NULL, NULL },
		{ "shop", "new%00", 1, "shop", "new", NULL, NULL },
		{ "shop%00", "new", 1, "shop", "new", NULL, NULL },
		{ "shop%00x", "new", 1, "shop", "new", NULL, NULL },
	};
	struct keyring ring;
	const char *got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		ring = ring_of(rows[i].current, rows[i].previous);
		got = match(span_of(rows[i].user), span_of(rows[i].secret),
		    rows[i].maybe_encoded, rows[i].client, &ring);
		if ((got == NULL) != (rows[i].want == NULL) ||
		    (got && strcmp(got, rows[i].want) != 0))
			fail_msg("row %zu, %s:%s: got %s, want %s", i,
			    rows[i].user, rows[i].secret, got ? got : "none",
			    rows[i].want ? rows[i].want : "none");
	}
}

/* A view of nothing is no secret, whatever the keys are. */
static void
test_match_of_nothing(void **state)
{
	struct keyring ring = ring_of("new", NULL);
	struct span nothing = { NULL, 0 };

	(void)state;
	assert_null(match(nothing, nothing, true, "shop", &ring));
	assert_null(match(nothing, nothing, false, "shop", &ring));
	assert_null(match(span_of("shop"), nothing, true, "shop", &ring));
	assert_null(match(nothing, span_of("new"), true, "shop", &ring));
}

/* Every bit of user and secret, and every shorter one */
static void
test_match_every_flipped_bit(void **state)
{
	static const char id[] = "client-one", key[] = "s3cr:t \xc3\xb8";
	struct keyring ring = ring_of("unused", key);
	char user[] = "client-one", secret[] = "s3cr:t \xc3\xb8";
	struct span u = LITERAL(user), s = LITERAL(secret);
	size_t i;

	(void)state;
	assert_string_equal(match(u, s, true, id, &ring), "previous");
	for (i = 0; i < u.len * 8; i++) {
		user[i / 8] = (char)(user[i / 8] ^ 1 << i % 8);
		assert_null(match(u, s, true, id, &ring));
		user[i / 8] = (char)(user[i / 8] ^ 1 << i % 8);
	}
	for (i = 0; i < s.len * 8; i++) {
		secret[i / 8] = (char)(secret[i / 8] ^ 1 << i % 8);
		assert_null(match(u, s, false, id, &ring));
		secret[i / 8] = (char)(secret[i / 8] ^ 1 << i % 8);
	}
	for (i = 0; i < u.len; i++)
		assert_null(
		    match((struct span){ user, i }, s, true, id, &ring));
	for (i = 0; i < s.len; i++)
		assert_null(
		    match(u, (struct span){ secret, i }, true, id, &ring));
	assert_string_equal(match(u, s, false, id, &ring), "previous");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_rfc7617_basic),
		cmocka_unit_test(test_rfc7617_basic_gone_wrong),
		cmocka_unit_test(test_rfc6750_bearer),
		cmocka_unit_test(test_rfc6750_b64token_every_byte),
		cmocka_unit_test(test_other_schemes),
		cmocka_unit_test(test_limit_of_16_kib),
		cmocka_unit_test(test_basic_round_trip),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_match_of_nothing),
		cmocka_unit_test(test_match_every_flipped_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
