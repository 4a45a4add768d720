/* SPDX-License-Identifier: MIT */
/*
 * test_jwt - lib/jose/jwt against RFC 7515, and against everybody
 *
 * tests/data/jwt/headers lists what a header can say and what becomes of a
 * token that says it; a new case is a new line there. The rest bends a good
 * token in every way that its form allows, at every place.
 */
#include "support.h"

#include <math.h>

#include "jose/jwt.h"
#include "jose/keyring.h"

#define OURS "our key"

static const struct span good_header = LITERAL("{\"alg\":\"HS256\"}");
static const struct span good_payload =
    LITERAL("{\"webhook\":\"Webhook1\",\"data\":{\"id\":119175}}");
static const struct span our_key = LITERAL(OURS);

struct outcome {
	enum error_code code;
	const char *key;
	struct buf payload; /* owned */
};

/* Verify a copy in a block of its size. */
static struct outcome
verify_with(struct span token, const struct keyring *ring)
{
	struct span copy = exact(token);
	struct outcome got = { ERROR_NONE, "untouched", BUF_INIT(ROOM) };
	struct error err = ERROR_INIT;
	int rc = jwt_verify(copy, ring, &got.payload, &got.key, &err);

	let_go(copy);
	got.code = err.code;
	if ((rc == 0) != (err.code == ERROR_NONE))
		fail_msg("got %d with rule %s", rc, error_rule(err.code));
	if (rc != 0)
		assert_string_equal(got.key, "untouched");
	return got;
}

static struct keyring
ring_of(struct span key)
{
	struct keyring ring = { .count = 0 };
	struct error err = ERROR_INIT;

	assert_int_equal(keyring_add(&ring, "current", key, &err), 0);
	return ring;
}

/* The token comes to this under our key; ERROR_NONE: with good_payload. */
static void
assert_outcome(const char *what, struct span token, enum error_code want)
{
	struct keyring ring = ring_of(our_key);
	struct outcome got = verify_with(token, &ring);

	if (got.code != want)
		fail_msg("%s, token \"%s\": got %s, want %s", what, show(token),
		    error_rule(got.code), error_rule(want));
	if (want == ERROR_NONE) {
		assert_same(what, buf_span(&got.payload), good_payload);
		assert_string_equal(got.key, "current");
	}
	buf_free(&got.payload);
}

static void
assert_refused(const char *what, struct span token)
{
	struct keyring ring = ring_of(our_key);
	struct outcome got = verify_with(token, &ring);

	if (error_class(got.code) != CLASS_VERDICT)
		fail_msg("%s, token \"%s\": got %s, want a verdict", what,
		    show(token), error_rule(got.code));
	buf_free(&got.payload);
}

static void
good_token(struct buf *out)
{
	append_token(out, good_header, good_payload, our_key);
}

/* RFC 7515 appendix A.1: the key, the token and its payload */
#define A1_KEY                                                                 \
	"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4"  \
	"hcgUuTwjAzZr1Z9CAow"
#define A1_TOKEN                                                               \
	"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."                            \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx"  \
	"lLmNvbS9pc19yb290Ijp0cnVlfQ."                                         \
	"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define A1_PAYLOAD                                                             \
	"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "                       \
	"\"http://example.com/is_root\":true}"

/* One character's six bits; the key above is good base64url. */
static unsigned
six_bits(char c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
				       "nopqrstuvwxyz0123456789-_";

	return (unsigned)(strchr(alphabet, c) - alphabet);
}

/* The appendix has the header's bytes, line break and all. */
static void
assert_signs(struct span key)
{
	struct buf token = BUF_INIT(ROOM);
	struct error err = ERROR_INIT;

	buf_append_text(&token, "before ");
	assert_int_equal(
	    jwt_sign(key, "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}",
		span_of(A1_PAYLOAD), &token, &err),
	    0);
	assert_same("token", span_skip(buf_span(&token), 7), span_of(A1_TOKEN));
	buf_free(&token);
	/* A ceiling below the token's length */
	token = (struct buf)BUF_INIT(sizeof(A1_TOKEN) - 2);
	assert_int_equal(
	    jwt_sign(key, "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}",
		span_of(A1_PAYLOAD), &token, &err),
	    -1);
	assert_string_equal(error_rule(err.code), "out-of-memory");
	buf_free(&token);
}

static void
test_rfc7515_a1(void **state)
{
	unsigned char key[64];
	struct keyring ring;
	struct outcome got;
	unsigned bits = 0, have = 0;
	size_t i, len = 0;

	(void)state;
	for (i = 0; i < sizeof(A1_KEY) - 1; i++) {
		bits = bits << 6 | six_bits(A1_KEY[i]);
		have += 6;
		if (have >= 8) {
			have -= 8;
			key[len++] = (unsigned char)(bits >> have);
		}
	}
	assert_int_equal(len, sizeof(key));
	ring = ring_of((struct span){ (char *)key, len });
	got = verify_with(span_of(A1_TOKEN), &ring);
	assert_string_equal(error_rule(got.code), "none");
	assert_same("payload", buf_span(&got.payload), span_of(A1_PAYLOAD));
	buf_free(&got.payload);
	assert_signs((struct span){ (char *)key, len });
}

static enum error_code
code_of_rule(struct span rule)
{
	enum error_code code;

	if (span_is(rule, "accepted"))
		return ERROR_NONE;
	for (code = ERROR_MEMORY; code <= ERROR_NOT_YET_VALID; code++)
		if (span_is(rule, error_rule(code)))
			return code;
	fail_msg("no rule \"%s\"", show(rule));
	return ERROR_NONE;
}

/* The signature that a line of tests/data/jwt/headers asks for */
static void
append_signature_of(struct buf *token, struct span who)
{
	struct buf key = BUF_INIT(ROOM);
	char file[64];

	if (span_is(who, "none")) {
		buf_append_byte(token, '.');
		return;
	}
	if (who.len && who.at[0] == '@') {
		(void)snprintf(file, sizeof(file), "jwt/%.*s", (int)who.len - 1,
		    who.at + 1);
		append_data_file(&key, file);
	} else if (span_is(who, "ours")) {
		buf_append_text(&key, OURS);
	} else {
		append_unescaped(&key, who);
	}
	append_signature(token, 0, buf_span(&key));
	buf_free(&key);
}

static void
test_headers(void **state)
{
	struct buf text = BUF_INIT(ROOM), header = BUF_INIT(ROOM);
	struct buf token = BUF_INIT(ROOM);
	struct span rest, line, rule, key;
	unsigned refused = 0, accepted = 0;

	(void)state;
	append_data_file(&text, "jwt/headers");
	rest = buf_span(&text);
	while (next_line(&rest, &line)) {
		rule = next_field(&line);
		key = next_field(&line);
		buf_reset(&header);
		buf_reset(&token);
		append_unescaped(&header, line);
		append_base64url(&token, buf_span(&header));
		buf_append_byte(&token, '.');
		append_base64url(&token, good_payload);
		append_signature_of(&token, key);
		assert_outcome(
		    show(line), buf_span(&token), code_of_rule(rule));
		*(span_is(rule, "accepted") ? &accepted : &refused) += 1;
	}
	print_message("%u headers refused, %u accepted\n", refused, accepted);
	assert_true(refused >= 27 && accepted >= 20);
	buf_free(&text);
	buf_free(&header);
	buf_free(&token);
}

/* Each bit of each byte: the header, the dots, the payload, the MAC */
static void
test_every_bit_of_the_token(void **state)
{
	struct buf token = BUF_INIT(ROOM);
	size_t i;
	int bit;

	(void)state;
	good_token(&token);
	for (i = 0; i < token.len; i++)
		for (bit = 0; bit < 8; bit++) {
			token.at[i] = (char)(token.at[i] ^ 1 << bit);
			assert_refused("a flipped bit", buf_span(&token));
			token.at[i] = (char)(token.at[i] ^ 1 << bit);
		}
	assert_outcome("as it was", buf_span(&token), ERROR_NONE);
	buf_free(&token);
}

/* Every byte at every place, instead of what stands there */
static void
test_every_byte_of_the_token(void **state)
{
	struct buf token = BUF_INIT(ROOM);
	unsigned byte;
	size_t i;
	char was;

	(void)state;
	good_token(&token);
	for (i = 0; i < token.len; i++) {
		was = token.at[i];
		for (byte = 0; byte < 256; byte++) {
			token.at[i] = (char)byte;
			if (token.at[i] != was)
				assert_refused(
				    "another byte", buf_span(&token));
		}
		token.at[i] = was;
	}
	buf_free(&token);
}

static void
test_every_length_of_the_token(void **state)
{
	struct buf token = BUF_INIT(ROOM);
	size_t len;

	(void)state;
	good_token(&token);
	for (len = 0; len < token.len; len++) {
		assert_refused("its beginning", (struct span){ token.at, len });
		assert_refused("its end",
		    (struct span){ token.at + token.len - len, len });
	}
	buf_free(&token);
}

/* A text put in at every place, with the signature as it was */
static void
test_inserted_everywhere(void **state)
{
	static const struct span inserts[] = { LITERAL(" "), LITERAL("\n"),
		LITERAL("\r\n"), LITERAL("\t"), LITERAL("\0"), LITERAL("="),
		LITERAL("=="), LITERAL("+"), LITERAL("/"), LITERAL("."),
		LITERAL("A"), LITERAL("AAAA"), LITERAL("%3D"), LITERAL("\xff"),
		LITERAL("\xef\xbb\xbf") };
	struct buf token = BUF_INIT(ROOM), bent = BUF_INIT(ROOM);
	size_t i, at;

	(void)state;
	good_token(&token);
	for (i = 0; i < COUNT(inserts); i++)
		for (at = 0; at <= token.len; at++) {
			buf_reset(&bent);
			buf_append(&bent, token.at, at);
			buf_append_span(&bent, inserts[i]);
			buf_append(&bent, token.at + at, token.len - at);
			assert_refused("an insertion", buf_span(&bent));
		}
	buf_free(&bent);
	buf_free(&token);
}

/*
 * RFC 7515 section 2 and RFC 4648 3.2, 3.3, 3.5: one encoding for any
 * bytes. Here the whole text is signed with our key, odd as it is, so that
 * nothing but its form can be at fault.
 */
static void
test_signed_but_not_strict(void **state)
{
	static const struct {
		const char *what, *header, *payload;
		enum error_code want;
	} rows[] = {
		{ "control", "eyJhbGciOiJIUzI1NiJ9", "e30", ERROR_NONE },
		{ "empty payload", "eyJhbGciOiJIUzI1NiJ9", "", ERROR_NONE },
		{ "header of 16 bytes", "eyJhbGciOiJIUzI1NiJ9Cg", "e30",
		    ERROR_NONE },
		{ "header of 17 bytes", "eyJhbGciOiJIUzI1NiJ9CiA", "e30",
		    ERROR_NONE },
		{ "one = after the header", "eyJhbGciOiJIUzI1NiJ9CiA=", "e30",
		    ERROR_TOKEN_FORM },
		{ "two = after the header", "eyJhbGciOiJIUzI1NiJ9Cg==", "e30",
		    ERROR_TOKEN_FORM },
		{ "needless =", "eyJhbGciOiJIUzI1NiJ9=", "e30",
		    ERROR_TOKEN_FORM },
		{ "= after the payload", "eyJhbGciOiJIUzI1NiJ9",
		    "e30=", ERROR_TOKEN_FORM },
		{ "== after the payload", "eyJhbGciOiJIUzI1NiJ9",
		    "IiIg4w==", ERROR_TOKEN_FORM },
		{ "padding alone", "eyJhbGciOiJIUzI1NiJ9", "=",
		    ERROR_TOKEN_FORM },
		{ "four =", "eyJhbGciOiJIUzI1NiJ9", "====", ERROR_TOKEN_FORM },
		{ "+ in the payload", "eyJhbGciOiJIUzI1NiJ9", "+/+/",
		    ERROR_TOKEN_FORM },
		{ "the same in our alphabet", "eyJhbGciOiJIUzI1NiJ9", "-_-_",
		    ERROR_NONE },
		{ "/ in the header", "eyJhbGciOiJIUzI1NiIsIngiOiI//z8/In0",
		    "e30", ERROR_TOKEN_FORM },
		{ "both alphabets", "eyJhbGciOiJIUzI1NiJ9", "-_+/",
		    ERROR_TOKEN_FORM },
		{ "one character left over", "eyJhbGciOiJIUzI1NiJ9", "e30ge",
		    ERROR_TOKEN_FORM },
		{ "header with one left over", "eyJhbGciOiJIUzI1NiJ9A", "e30",
		    ERROR_TOKEN_FORM },
		{ "a newline at the end", "eyJhbGciOiJIUzI1NiJ9", "e30\n",
		    ERROR_TOKEN_FORM },
		{ "a newline in the header", "eyJhbGciOiJIUzI1\nNiJ9", "e30",
		    ERROR_TOKEN_FORM },
		{ "a blank in front", " eyJhbGciOiJIUzI1NiJ9", "e30",
		    ERROR_TOKEN_FORM },
		{ "empty header", "", "e30", ERROR_TOKEN_FORM },
		{ "empty header and payload", "", "", ERROR_TOKEN_FORM },
		{ "header as plain text", "{\"alg\":\"HS256\"}", "e30",
		    ERROR_TOKEN_FORM },
		{ "payload as plain text", "eyJhbGciOiJIUzI1NiJ9", "{}",
		    ERROR_TOKEN_FORM },
	};
	struct buf token = BUF_INIT(ROOM);
	struct keyring ring = ring_of(our_key);
	struct outcome got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&token);
		buf_append_text(&token, rows[i].header);
		buf_append_byte(&token, '.');
		buf_append_text(&token, rows[i].payload);
		append_signature(&token, 0, our_key);
		got = verify_with(buf_span(&token), &ring);
		if (got.code != rows[i].want)
			fail_msg("%s: got %s, want %s", rows[i].what,
			    error_rule(got.code), error_rule(rows[i].want));
		buf_free(&got.payload);
	}
	buf_free(&token);
}

/* RFC 4648 3.5: every other last character with the same bytes */
static void
test_rfc4648_trailing_bits(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
				       "nopqrstuvwxyz0123456789-_";
	/* header, payload; bits that are left over in the part that counts */
	static const struct {
		const char *header, *payload;
		bool in_header;
		unsigned bits;
	} rows[] = {
		{ "eyJhbGciOiJIUzI1NiJ9Cg", "e30", true, 4 },
		{ "eyJhbGciOiJIUzI1NiJ9CiA", "e30", true, 2 },
		{ "eyJhbGciOiJIUzI1NiJ9", "e30", false, 2 },
		{ "eyJhbGciOiJIUzI1NiJ9", "IiIgIA", false, 4 },
	};
	struct buf token = BUF_INIT(ROOM);
	unsigned other;
	size_t i, last;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		for (other = 1; other < 1u << rows[i].bits; other++) {
			buf_reset(&token);
			buf_append_text(&token, rows[i].header);
			last = token.len - 1;
			buf_append_byte(&token, '.');
			buf_append_text(&token, rows[i].payload);
			if (!rows[i].in_header)
				last = token.len - 1;
			token.at[last] =
			    alphabet[six_bits(token.at[last]) | other];
			append_signature(&token, 0, our_key);
			assert_outcome("trailing bits", buf_span(&token),
			    ERROR_TOKEN_FORM);
		}
	buf_reset(&token);
	good_token(&token);
	last = token.len - 1;
	for (other = 1; other < 4; other++) {
		token.at[last] = alphabet[six_bits(token.at[last]) ^ other];
		assert_outcome("trailing bits of the MAC", buf_span(&token),
		    ERROR_SIGNATURE);
		token.at[last] = alphabet[six_bits(token.at[last]) ^ other];
	}
	buf_free(&token);
}

/* RFC 7515 7.1: three parts, and none of JWE's five */
static void
test_rfc7515_parts(void **state)
{
	static const struct {
		const char *token;
		enum error_code want;
	} rows[] = {
		{ "", ERROR_TOKEN_FORM },
		{ ".", ERROR_TOKEN_FORM },
		{ "..", ERROR_TOKEN_FORM },
		{ "...", ERROR_TOKEN_FORM },
		{ "....", ERROR_TOKEN_FORM },
		{ "H", ERROR_TOKEN_FORM },
		{ "H.", ERROR_TOKEN_FORM },
		{ "H.P", ERROR_TOKEN_FORM },
		{ ".P.S", ERROR_TOKEN_FORM },
		{ "H..S", ERROR_SIGNATURE },
		{ "H.P.", ERROR_SIGNATURE },
		{ "H..", ERROR_SIGNATURE },
		{ "..S", ERROR_TOKEN_FORM },
		{ "P.H.S", ERROR_ALGORITHM },
		{ "S.H.P", ERROR_TOKEN_FORM },
		{ "H.P.S.", ERROR_TOKEN_FORM },
		{ ".H.P.S", ERROR_TOKEN_FORM },
		{ "H.P..S", ERROR_TOKEN_FORM },
		{ "H.P.S.S", ERROR_TOKEN_FORM },
		{ "H.P.S.P.S", ERROR_TOKEN_FORM },
		{ "H....S", ERROR_TOKEN_FORM },
		{ "H.P.SS", ERROR_SIGNATURE },
		{ "H.PP.S", ERROR_SIGNATURE },
		{ "HH.P.S", ERROR_TOKEN_FORM },
		{ "H.H.S", ERROR_SIGNATURE },
		{ "H.P.S\n", ERROR_SIGNATURE },
		{ "\"H.P.S\"", ERROR_TOKEN_FORM },
		{ "Bearer H.P.S", ERROR_TOKEN_FORM },
		{ "H.P.S", ERROR_NONE },
	};
	struct buf token = BUF_INIT(ROOM), bent = BUF_INIT(ROOM);
	struct span part[3];
	const char *c, *dot;
	size_t i;

	(void)state;
	good_token(&token);
	dot = memchr(token.at, '.', token.len);
	part[0] = (struct span){ token.at, (size_t)(dot - token.at) };
	part[2] = (struct span){ token.at + token.len - 43, 43 };
	part[1] =
	    (struct span){ dot + 1, (size_t)(part[2].at - 1 - (dot + 1)) };
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&bent);
		for (c = rows[i].token; *c; c++)
			if (*c == 'H' || *c == 'P' || *c == 'S')
				buf_append_span(&bent,
				    part[*c == 'H'	? 0
					    : *c == 'P' ? 1
							: 2]);
			else
				buf_append_byte(&bent, *c);
		assert_outcome(rows[i].token, buf_span(&bent), rows[i].want);
	}
	buf_free(&bent);
	buf_free(&token);
}

/* RFC 7518 3.2, RFC 2104 5: a MAC has 32 bytes, and is never shortened */
static void
test_rfc7518_mac_lengths(void **state)
{
	struct buf token = BUF_INIT(ROOM);
	char mac[64];
	size_t signed_len, len;

	(void)state;
	append_base64url(&token, good_header);
	buf_append_byte(&token, '.');
	append_base64url(&token, good_payload);
	signed_len = token.len;
	memset(mac, 0, sizeof(mac));
	mac_of(our_key, buf_span(&token), (unsigned char *)mac);
	memcpy(mac + 32, mac, 32);
	for (len = 0; len <= sizeof(mac); len++) {
		token.len = signed_len;
		buf_append_byte(&token, '.');
		append_base64url(&token, (struct span){ mac, len });
		assert_outcome("a MAC of another length", buf_span(&token),
		    len == 32 ? ERROR_NONE : ERROR_SIGNATURE);
	}
	buf_free(&token);
}

/* As hexadecimal digits, and in the standard alphabet */
static void
test_mac_in_other_clothes(void **state)
{
	struct buf token = BUF_INIT(ROOM);
	unsigned char mac[32];
	size_t signed_len, i;
	bool bent = false;

	(void)state;
	append_base64url(&token, good_header);
	buf_append_byte(&token, '.');
	signed_len = token.len;
	/* A payload whose MAC has a character in which they differ */
	for (i = 0; !bent; i++) {
		token.len = signed_len;
		buf_printf(&token, "%04zu", i);
		append_signature(&token, 0, our_key);
		bent = memchr(token.at + token.len - 43, '-', 43) != NULL;
	}
	for (i = token.len - 43; i < token.len; i++)
		if (token.at[i] == '-')
			token.at[i] = '+';
		else if (token.at[i] == '_')
			token.at[i] = '/';
	assert_outcome("standard alphabet", buf_span(&token), ERROR_SIGNATURE);
	token.len -= 44;
	mac_of(our_key, buf_span(&token), mac);
	buf_append_byte(&token, '.');
	for (i = 0; i < sizeof(mac); i++)
		buf_printf(&token, "%02x", mac[i]);
	assert_outcome("hexadecimal", buf_span(&token), ERROR_SIGNATURE);
	buf_free(&token);
}

/* {"alg":"HS256","x":"..."} of exactly so many bytes */
static void
append_long_header(struct buf *out, size_t size)
{
	size_t start = out->len;

	buf_append_text(out, "{\"alg\":\"HS256\",\"x\":\"");
	append_times(out, "x", size - (out->len - start) - 2);
	buf_append_text(out, "\"}");
}

static void
test_header_size(void **state)
{
	/* bytes before base64url, which makes 4 of 3 */
	static const struct {
		size_t size;
		enum error_code want;
	} rows[] = {
		{ 1000, ERROR_NONE },
		{ JWT_HEADER_MAX / 4 * 3 - 1, ERROR_NONE },
		{ JWT_HEADER_MAX / 4 * 3, ERROR_NONE },
		{ JWT_HEADER_MAX / 4 * 3 + 1, ERROR_TOKEN_FORM },
		{ JWT_HEADER_MAX, ERROR_TOKEN_FORM },
		{ JWT_HEADER_MAX + 1, ERROR_TOKEN_FORM },
		{ 16 << 20, ERROR_TOKEN_FORM },
	};
	struct buf header = BUF_INIT(ROOM), token = BUF_INIT(ROOM);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&header);
		buf_reset(&token);
		append_long_header(&header, rows[i].size);
		assert_int_equal(header.len, rows[i].size);
		append_token(&token, buf_span(&header), good_payload, our_key);
		assert_outcome("long header", buf_span(&token), rows[i].want);
	}
	buf_free(&header);
	buf_free(&token);
}

static void
test_header_depth(void **state)
{
	/* levels, the object itself among them */
	static const struct {
		size_t depth;
		enum error_code want;
	} rows[] = {
		{ 2, ERROR_NONE },
		{ JSON_DEPTH_MAX, ERROR_NONE },
		{ JSON_DEPTH_MAX + 1, ERROR_TOKEN_FORM },
		{ 2048, ERROR_TOKEN_FORM },
		{ 3000, ERROR_TOKEN_FORM },
	};
	struct buf header = BUF_INIT(ROOM), token = BUF_INIT(ROOM);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&header);
		buf_reset(&token);
		buf_append_text(&header, "{\"alg\":\"HS256\",\"x\":");
		append_times(&header, "[", rows[i].depth - 1);
		append_times(&header, "]", rows[i].depth - 1);
		buf_append_text(&header, "}");
		append_token(&token, buf_span(&header), good_payload, our_key);
		assert_outcome("deep header", buf_span(&token), rows[i].want);
	}
	buf_free(&header);
	buf_free(&token);
}

/* 16 MiB are no trouble, good or bad. */
static void
test_huge_tokens(void **state)
{
	struct buf payload = BUF_INIT(ROOM), token = BUF_INIT(ROOM);
	struct keyring ring = ring_of(our_key);
	struct outcome got;
	size_t i;

	(void)state;
	append_times(&payload, "0123456789abcdef", 1 << 20);
	append_token(&token, good_header, buf_span(&payload), our_key);
	got = verify_with(buf_span(&token), &ring);
	assert_string_equal(error_rule(got.code), "none");
	assert_true(same(buf_span(&got.payload), buf_span(&payload)));
	buf_free(&got.payload);
	token.at[token.len / 2]++;
	assert_outcome("changed", buf_span(&token), ERROR_SIGNATURE);
	buf_reset(&token);
	append_times(&token, "A", 16 << 20);
	assert_outcome("no dot", buf_span(&token), ERROR_TOKEN_FORM);
	for (i = 0; i < token.len; i++)
		token.at[i] = '.';
	assert_outcome("dots", buf_span(&token), ERROR_TOKEN_FORM);
	token.at[0] = token.at[2] = 'A';
	memset(token.at + 3, 'A', token.len - 3);
	token.at[20] = '.';
	assert_outcome("one part", buf_span(&token), ERROR_TOKEN_FORM);
	buf_free(&payload);
	buf_free(&token);
}

/* A ceiling of ours is no verdict on the token. */
static void
test_payload_over_ceiling(void **state)
{
	struct buf token = BUF_INIT(ROOM), payload = BUF_INIT(8);
	struct keyring ring = ring_of(our_key);
	struct error err = ERROR_INIT;
	const char *key = NULL;

	(void)state;
	good_token(&token);
	assert_int_equal(
	    jwt_verify(buf_span(&token), &ring, &payload, &key, &err), -1);
	assert_string_equal(error_rule(err.code), "out-of-memory");
	assert_null(key);
	buf_free(&payload);
	buf_free(&token);
}

/* Free text of any length but none, and of any bytes */
static void
test_key_of_any_length(void **state)
{
	struct buf token = BUF_INIT(ROOM);
	unsigned char key[200];
	struct keyring ring;
	struct outcome got;
	size_t len, i;

	(void)state;
	for (i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)(i * 37 + 11);
	for (len = 1; len <= sizeof(key); len++) {
		struct span bytes = { (char *)key, len };

		buf_reset(&token);
		append_token(&token, good_header, good_payload, bytes);
		ring = ring_of(bytes);
		got = verify_with(buf_span(&token), &ring);
		if (got.code != ERROR_NONE)
			fail_msg("key of %zu bytes: got %s, want none", len,
			    error_rule(got.code));
		buf_free(&got.payload);
	}
	buf_free(&token);
}

/*
 * RFC 2104 section 2: keys up to a block are filled up with NUL, longer
 * ones hashed first, so a NUL at the end is all that may not count.
 */
static void
test_every_bit_of_the_key(void **state)
{
	struct buf token = BUF_INIT(ROOM);
	unsigned char key[100];
	struct keyring ring;
	struct outcome got;
	size_t i;
	int bit;

	(void)state;
	memset(key, 0x5a, sizeof(key));
	append_token(&token, good_header, good_payload,
	    (struct span){ (char *)key, sizeof(key) });
	ring = ring_of((struct span){ (char *)key, sizeof(key) });
	for (i = 0; i < sizeof(key); i++)
		for (bit = 0; bit < 8; bit++) {
			key[i] ^= (unsigned char)(1 << bit);
			got = verify_with(buf_span(&token), &ring);
			assert_string_equal(
			    error_rule(got.code), "signature-mismatch");
			buf_free(&got.payload);
			key[i] ^= (unsigned char)(1 << bit);
		}
	buf_free(&token);
}

static void
test_two_keys(void **state)
{
	static const struct {
		const char *key, *want;
	} rows[] = {
		{ "new", "current" },
		{ "old", "previous" },
		{ "older", NULL },
	};
	struct keyring ring = { .count = 0 };
	struct error err = ERROR_INIT;
	struct buf token = BUF_INIT(ROOM);
	struct outcome got;
	size_t i;

	(void)state;
	assert_int_equal(
	    keyring_add(&ring, "current", span_of("new"), &err), 0);
	assert_int_equal(
	    keyring_add(&ring, "previous", span_of("old"), &err), 0);
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&token);
		append_token(
		    &token, good_header, good_payload, span_of(rows[i].key));
		got = verify_with(buf_span(&token), &ring);
		assert_string_equal(error_rule(got.code),
		    rows[i].want ? "none" : "signature-mismatch");
		if (rows[i].want)
			assert_string_equal(got.key, rows[i].want);
		buf_free(&got.payload);
	}
	buf_free(&token);
}

/* No key is none that matches, not even the empty one's signature. */
static void
test_no_key(void **state)
{
	struct keyring ring = { .count = 0 };
	struct buf token = BUF_INIT(ROOM);
	struct outcome got;

	(void)state;
	append_token(&token, good_header, good_payload, span_of(""));
	got = verify_with(buf_span(&token), &ring);
	assert_string_equal(error_rule(got.code), "signature-mismatch");
	buf_free(&got.payload);
	buf_free(&token);
}

/* The payload goes to the end of what the buffer holds. */
static void
test_payload_is_appended(void **state)
{
	struct buf token = BUF_INIT(ROOM), payload = BUF_INIT(ROOM);
	struct keyring ring = ring_of(our_key);
	struct error err = ERROR_INIT;
	const char *key = NULL;

	(void)state;
	append_token(&token, good_header, span_of("after"), our_key);
	buf_append_text(&payload, "before ");
	assert_int_equal(
	    jwt_verify(buf_span(&token), &ring, &payload, &key, &err), 0);
	assert_same("payload", buf_span(&payload), span_of("before after"));
	buf_free(&payload);
	buf_free(&token);
}

/* Every byte can be payload. */
static void
test_payload_of_any_bytes(void **state)
{
	struct buf token = BUF_INIT(ROOM), payload = BUF_INIT(ROOM);
	struct keyring ring = ring_of(our_key);
	struct outcome got;
	size_t i;

	(void)state;
	for (i = 0; i < 600; i++) {
		buf_reset(&token);
		append_token(&token, good_header, buf_span(&payload), our_key);
		got = verify_with(buf_span(&token), &ring);
		assert_string_equal(error_rule(got.code), "none");
		assert_true(same(buf_span(&got.payload), buf_span(&payload)));
		buf_free(&got.payload);
		buf_append_byte(&payload, (char)(i * 7));
	}
	buf_free(&payload);
	buf_free(&token);
}

#define NOW 1795280733.0 /* 2026-11-21T17:05:33Z */

/* RFC 7519 4.1.4 exp and 4.1.5 nbf, with 60 s for clocks that differ */
static void
test_rfc7519_times(void **state)
{
	static const struct {
		const char *claims;
		double now;
		enum error_code want;
	} rows[] = {
		{ "{}", NOW, ERROR_NONE },
		{ "{\"exp\":1795280733}", NOW, ERROR_NONE },
		{ "{\"exp\":1795280733}", NOW + 59, ERROR_NONE },
		{ "{\"exp\":1795280733}", NOW + 59.999, ERROR_NONE },
		{ "{\"exp\":1795280733}", NOW + 60, ERROR_EXPIRED },
		{ "{\"exp\":1795280733}", NOW + 61, ERROR_EXPIRED },
		{ "{\"exp\":1795280733.5}", NOW + 60, ERROR_NONE },
		{ "{\"exp\":1795280733.5}", NOW + 60.5, ERROR_EXPIRED },
		{ "{\"exp\":1.795280733e9}", NOW + 59, ERROR_NONE },
		{ "{\"exp\":1.795280733E+9}", NOW + 60, ERROR_EXPIRED },
		{ "{\"exp\":17952807330e-1}", NOW + 60, ERROR_EXPIRED },
		{ "{ \"exp\" : 1795280733 }", NOW + 60, ERROR_EXPIRED },
		{ "{\"\\u0065xp\":1795280733}", NOW + 60, ERROR_EXPIRED },
		{ "{\"nbf\":1795280733}", NOW, ERROR_NONE },
		{ "{\"nbf\":1795280733}", NOW - 60, ERROR_NONE },
		{ "{\"nbf\":1795280733}", NOW - 60.001, ERROR_NOT_YET_VALID },
		{ "{\"nbf\":1795280733}", NOW - 61, ERROR_NOT_YET_VALID },
		{ "{\"nbf\":1795280733.25}", NOW - 60, ERROR_NOT_YET_VALID },
		{ "{\"nbf\":1.795280733e9}", NOW - 60, ERROR_NONE },
		{ "{\"nbf\":1.795280733e9}", NOW - 61, ERROR_NOT_YET_VALID },
		/* both; the one that has ended is said first */
		{ "{\"nbf\":1795280733,\"exp\":1795280743}", NOW + 5,
		    ERROR_NONE },
		{ "{\"nbf\":1795280933,\"exp\":1795280033}", NOW,
		    ERROR_EXPIRED },
		/* no number is no bound */
		{ "{\"exp\":\"1\"}", NOW, ERROR_NONE },
		{ "{\"exp\":null}", NOW, ERROR_NONE },
		{ "{\"exp\":false}", NOW, ERROR_NONE },
		{ "{\"exp\":[1]}", NOW, ERROR_NONE },
		{ "{\"exp\":{}}", NOW, ERROR_NONE },
		{ "{\"nbf\":\"9999999999\"}", NOW, ERROR_NONE },
		{ "{\"nbf\":true}", NOW, ERROR_NONE },
		{ "{\"EXP\":1,\"exp \":1,\"Nbf\":9e99}", NOW, ERROR_NONE },
		{ "{\"data\":{\"exp\":1}}", NOW, ERROR_NONE },
		/* RFC 7515 section 4: of several, the last */
		{ "{\"exp\":1,\"exp\":9e9}", NOW, ERROR_NONE },
		{ "{\"exp\":9e9,\"exp\":1}", NOW, ERROR_EXPIRED },
		{ "{\"exp\":1,\"exp\":\"x\"}", NOW, ERROR_NONE },
		{ "{\"nbf\":9e9,\"nbf\":1}", NOW, ERROR_NONE },
		{ "{\"nbf\":1,\"nbf\":9e9}", NOW, ERROR_NOT_YET_VALID },
		/* beyond every range */
		{ "{\"exp\":0}", NOW, ERROR_EXPIRED },
		{ "{\"exp\":-0}", NOW, ERROR_EXPIRED },
		{ "{\"exp\":-1}", NOW, ERROR_EXPIRED },
		{ "{\"exp\":1e400}", NOW, ERROR_NONE },
		{ "{\"exp\":-1e400}", NOW, ERROR_EXPIRED },
		{ "{\"exp\":1e-400}", NOW, ERROR_EXPIRED },
		{ "{\"exp\":999999999999999999999999999999}", NOW, ERROR_NONE },
		{ "{\"exp\":9223372036854775808}", NOW, ERROR_NONE },
		{ "{\"exp\":-9223372036854775809}", NOW, ERROR_EXPIRED },
		{ "{\"nbf\":0}", NOW, ERROR_NONE },
		{ "{\"nbf\":-1}", NOW, ERROR_NONE },
		{ "{\"nbf\":1e400}", NOW, ERROR_NOT_YET_VALID },
		{ "{\"nbf\":-1e400}", NOW, ERROR_NONE },
		{ "{\"nbf\":9223372036854775808}", NOW, ERROR_NOT_YET_VALID },
		/* claims of another shape */
		{ "[]", NOW, ERROR_NONE },
		{ "[{\"exp\":1}]", NOW, ERROR_NONE },
		{ "\"exp\"", NOW, ERROR_NONE },
		{ "null", NOW, ERROR_NONE },
		{ "1", NOW, ERROR_NONE },
	};
	struct json_value claims;
	struct json_members members;
	struct error err;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		err = (struct error)ERROR_INIT;
		assert_true(json_scan_members(
		    span_of(rows[i].claims), &claims, &members));
		rc = jwt_check_times(&members, rows[i].now, &err);
		if (err.code != rows[i].want || (rc == 0) != (err.code == 0))
			fail_msg("%s at %.3f: got %s, want %s", rows[i].claims,
			    rows[i].now, error_rule(err.code),
			    error_rule(rows[i].want));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc7515_a1),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_every_bit_of_the_token),
		cmocka_unit_test(test_every_byte_of_the_token),
		cmocka_unit_test(test_every_length_of_the_token),
		cmocka_unit_test(test_inserted_everywhere),
		cmocka_unit_test(test_signed_but_not_strict),
		cmocka_unit_test(test_rfc4648_trailing_bits),
		cmocka_unit_test(test_rfc7515_parts),
		cmocka_unit_test(test_rfc7518_mac_lengths),
		cmocka_unit_test(test_mac_in_other_clothes),
		cmocka_unit_test(test_header_size),
		cmocka_unit_test(test_header_depth),
		cmocka_unit_test(test_huge_tokens),
		cmocka_unit_test(test_payload_over_ceiling),
		cmocka_unit_test(test_key_of_any_length),
		cmocka_unit_test(test_every_bit_of_the_key),
		cmocka_unit_test(test_two_keys),
		cmocka_unit_test(test_no_key),
		cmocka_unit_test(test_payload_is_appended),
		cmocka_unit_test(test_payload_of_any_bytes),
		cmocka_unit_test(test_rfc7519_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
