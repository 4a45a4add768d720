/* SPDX-License-Identifier: MIT */
/*
 * fuzz_jwt - nothing but the token that was signed with the key passes
 *
 * The first byte says what comes: a token as somebody sent it, or a header,
 * a NUL and a payload that are signed here with the key of the endpoint.
 * What passes is looked at by other means: jansson for the header and
 * libcrypto for the signature.
 */
#include "fuzz.h"

#include <jansson.h>
#include <strings.h>

#include "jose/jwt.h"

#define KEY "a key of thirty-two bytes or more"

static struct keyring
keys(void)
{
	return (
	    struct keyring){ { { "current", { KEY, sizeof(KEY) - 1 } } }, 1 };
}

static bool
passes(struct span token, const struct keyring *ring, struct buf *payload)
{
	const char *none = "none", *used = none;
	struct error err = ERROR_INIT;
	struct span copy = { malloc(token.len ? token.len : 1), token.len };
	int rc;

	CHECK(copy.at);
	if (token.len)
		memcpy((char *)(uintptr_t)copy.at, token.at, token.len);
	rc = jwt_verify(copy, ring, payload, &used, &err);
	free((char *)(uintptr_t)copy.at);
	if (rc == 0) {
		CHECK(err.code == ERROR_NONE && strcmp(used, "current") == 0);
		return true;
	}
	CHECK(used == none && error_class(err.code) == CLASS_VERDICT);
	return false;
}

/* RFC 7515 4, RFC 8725 3.1 and 3.12: may a header say this? */
static bool
is_sound(struct span header)
{
	json_error_t why;
	json_t *root = json_loadb(header.at, header.len,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	const char *typ = json_string_value(json_object_get(root, "typ"));
	bool sound;

	/* What jansson cannot read, or is not ours to judge, may pass. */
	if (!root && json_error_code(&why) != json_error_invalid_syntax &&
	    json_error_code(&why) != json_error_invalid_utf8)
		return true;
	if (!root && memmem(header.at, header.len, "\\u", 2))
		return true;
	sound = json_is_object(root) &&
	    json_is_string(json_object_get(root, "alg")) &&
	    strcmp(json_string_value(json_object_get(root, "alg")), "HS256") ==
		0 &&
	    !json_object_get(root, "crit") && !json_object_get(root, "b64");
	if (typ && strncasecmp(typ, "application/", 12) == 0)
		typ += 12;
	if (typ && strcasecmp(typ, "at+jwt") == 0)
		sound = false;
	json_decref(root);
	return sound;
}

/* Another token, another key: neither passes. */
static void
check_forgeries(struct span token, const uint8_t *data, size_t size)
{
	static const char others[] = "Aa9_-=.+/ \n\0z";
	char *copy = malloc(token.len), key[] = KEY;
	size_t place = fuzz_number(data, size, token.len);
	char other = others[fuzz_number(data, size / 2, sizeof(others))];
	struct buf ignored = BUF_INIT(FUZZ_ROOM);
	struct keyring ring = keys();

	CHECK(copy);
	memcpy(copy, token.at, token.len);
	if (copy[place] != other) {
		copy[place] = other;
		CHECK(
		    !passes((struct span){ copy, token.len }, &ring, &ignored));
		copy[place] = token.at[place];
	}
	/* The last characters are the last bits of the MAC. */
	for (place = token.len - 2; place < token.len; place++) {
		copy[place] ^= 1;
		CHECK(
		    !passes((struct span){ copy, token.len }, &ring, &ignored));
		copy[place] ^= 1;
	}
	place = fuzz_number(data, size, token.len);
	CHECK(!passes((struct span){ copy, place }, &ring, &ignored));
	key[place % (sizeof(KEY) - 1)] ^= 1;
	ring.keys[0].bytes.at = key;
	CHECK(!passes(token, &ring, &ignored));
	ring.keys[0].bytes = (struct span){ KEY, sizeof(KEY) - 2 };
	CHECK(!passes(token, &ring, &ignored));
	ring.count = 0;
	CHECK(!passes(token, &ring, &ignored));
	buf_free(&ignored);
	free(copy);
}

static void
check_signed(
    struct span header, struct span payload, const uint8_t *data, size_t size)
{
	struct buf token = BUF_INIT(FUZZ_ROOM), got = BUF_INIT(FUZZ_ROOM);
	struct keyring ring = keys();

	fuzz_token(&token, header, payload, ring.keys[0].bytes);
	if (passes(buf_span(&token), &ring, &got)) {
		CHECK(is_sound(header));
		CHECK(fuzz_same(buf_span(&got), payload));
		check_forgeries(buf_span(&token), data, size);
	}
	buf_free(&token);
	buf_free(&got);
}

/* As it came: if it passes, libcrypto makes the same signature. */
static void
check_raw(struct span token)
{
	struct buf payload = BUF_INIT(FUZZ_ROOM), want = BUF_INIT(FUZZ_ROOM);
	const char *dot = memrchr(token.at, '.', token.len);
	struct keyring ring = keys();
	unsigned char mac[32];

	if (passes(token, &ring, &payload)) {
		CHECK(dot);
		fuzz_mac(ring.keys[0].bytes,
		    (struct span){ token.at, (size_t)(dot - token.at) }, mac);
		buf_append(&want, token.at, (size_t)(dot + 1 - token.at));
		fuzz_base64(&want, (struct span){ (char *)mac, 32 }, true);
		CHECK(fuzz_same(buf_span(&want), token));
	}
	buf_free(&payload);
	buf_free(&want);
}

/* Claims of any shape set bounds, or none. */
static void
check_claims(struct span payload)
{
	struct error err = ERROR_INIT;
	struct json_value claims;
	struct json_members members;

	if (!json_scan_members(payload, &claims, &members))
		return;
	if (jwt_check_times(&members, 1795280733, &err) < 0)
		CHECK(err.code == ERROR_EXPIRED ||
		    err.code == ERROR_NOT_YET_VALID);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span header, payload;
	struct input in;

	input_start(&in, data, size);
	if (input_byte(&in) % 2 == 0) {
		check_raw(input_rest(&in));
	} else {
		header = input_field(&in);
		payload = input_rest(&in);
		check_signed(header, payload, data, size);
		check_claims(payload);
	}
	input_end(&in);
	return 0;
}
