/* SPDX-License-Identifier: MIT */
/*
 * fuzz_token - access tokens: what is granted passes, and little else
 *
 * The first byte says what comes: a token as somebody sent it, claims that
 * are signed here, or the scope of a token that is to be granted.
 */
#include "fuzz.h"

#include <jansson.h>

#include "jose/token.h"
#include "base/utf8.h"

#define KEY	 "a key of thirty-two bytes or more"
#define ISSUER	 "https://shop.example"
#define AUDIENCE "https://shop.example/webhook"
#define HEADER	 "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}"
#define NOW	 1795280733

static const struct keyring ring = {
	{ { "current", { KEY, sizeof(KEY) - 1 } } }, 1
};
static const struct token_rule rule = { ISSUER, AUDIENCE, &ring, NULL };

static bool
passes(struct span token, double now)
{
	struct error err = ERROR_INIT;
	int rc = token_check(&rule, token, now, &err);

	CHECK(rc == 0 ? err.code == ERROR_NONE
		      : err.code == ERROR_CREDENTIALS && err.text[0]);
	return rc == 0;
}

static bool
is_audience(const json_t *aud)
{
	const json_t *each;
	size_t i;

	if (json_is_string(aud))
		return strcmp(json_string_value(aud), AUDIENCE) == 0;
	json_array_foreach(aud, i, each)
	{
		if (json_is_string(each) &&
		    strcmp(json_string_value(each), AUDIENCE) == 0)
			return true;
	}
	return false;
}

/* RFC 9068 section 4, by a parser that makes a tree. */
static void
check_claims(struct span claims)
{
	json_error_t why;
	json_t *root =
	    json_loadb(claims.at, claims.len, JSON_REJECT_DUPLICATES, &why);
	const json_t *exp = json_object_get(root, "exp");
	const char *iss = json_string_value(json_object_get(root, "iss"));

	if (!root) {
		CHECK(json_error_code(&why) == json_error_duplicate_key ||
		    json_error_code(&why) == json_error_numeric_overflow ||
		    json_error_code(&why) == json_error_null_character ||
		    json_error_code(&why) == json_error_null_byte_in_key ||
		    memmem(claims.at, claims.len, "\\u", 2));
		return;
	}
	CHECK(iss && strcmp(iss, ISSUER) == 0);
	CHECK(is_audience(json_object_get(root, "aud")));
	CHECK(json_is_number(exp) && json_number_value(exp) + 60 > NOW);
	json_decref(root);
}

static void
check_granted(struct span scope, const uint8_t *data, size_t size)
{
	struct buf token = BUF_INIT(TOKEN_MAX);
	struct error err = ERROR_INIT;
	size_t place;

	if (!utf8_valid(scope) || scope.len > 2048)
		return;
	CHECK(
	    token_issue(&rule, "client", scope, NOW, 3600, &token, &err) == 0);
	CHECK(passes(buf_span(&token), NOW));
	CHECK(passes(buf_span(&token), NOW + 3600));
	CHECK(!passes(buf_span(&token), NOW + 3600 + 60));
	place = fuzz_number(data, size, token.len);
	token.at[place] = token.at[place] == 'A' ? 'B' : 'A';
	CHECK(!passes(buf_span(&token), NOW));
	buf_free(&token);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf token = BUF_INIT(FUZZ_ROOM);
	struct span header, rest;
	struct input in;

	input_start(&in, data, size);
	switch (input_byte(&in) % 4) {
	case 0:
		/* Nobody else has the key; seeds are tokens of its own. */
		(void)passes(input_rest(&in), NOW);
		break;
	case 1:
		rest = input_rest(&in);
		fuzz_token(&token, span_of(HEADER), rest, span_of(KEY));
		if (passes(buf_span(&token), NOW))
			check_claims(rest);
		break;
	case 2:
		header = input_field(&in);
		rest = input_rest(&in);
		fuzz_token(&token, header, rest, span_of(KEY));
		if (passes(buf_span(&token), NOW)) {
			/* No message that this key may have signed passes. */
			CHECK(memmem(header.at, header.len, "+", 1) ||
			    memmem(header.at, header.len, "\\u", 2));
			check_claims(rest);
		}
		break;
	default:
		check_granted(input_rest(&in), data, size);
	}
	buf_free(&token);
	input_end(&in);
	return 0;
}
