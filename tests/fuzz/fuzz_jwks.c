/* SPDX-License-Identifier: MIT */
/*
 * fuzz_jwks - key sets, and tokens verified with them
 *
 * A key set, a NUL, and a token. A signature that verifies does so for this
 * token alone: none with another character passes.
 */
#include "fuzz.h"
#include "jose/jwk.h"
#include "jose/jwt.h"

static bool
passes(const struct jwk_set *set, struct span token)
{
	struct buf payload = BUF_INIT(FUZZ_ROOM), again = BUF_INIT(FUZZ_ROOM);
	struct error err = ERROR_INIT;
	struct jwt jwt;
	int rc = jwt_parse(token, &jwt, &err);

	if (rc == 0)
		rc = jwk_verify(set, &jwt, &payload, &err);
	CHECK(rc == 0 || error_class(err.code) == CLASS_VERDICT ||
	    (err.code == ERROR_KEY_UNKNOWN && jwt.has_kid));
	if (rc == 0) {
		fuzz_base64(&again, buf_span(&payload), true);
		CHECK(fuzz_same(buf_span(&again), jwt.payload));
	}
	buf_free(&payload);
	buf_free(&again);
	return rc == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	struct jwk_set *set = NULL;
	struct span json, token;
	struct input in;
	char *copy;
	size_t place;

	input_start(&in, data, size);
	json = input_field(&in);
	token = input_rest(&in);
	if (jwk_set_read(json, &set, &err) < 0) {
		CHECK(!set && err.code == ERROR_CONFIGURATION && err.text[0]);
	} else if (passes(set, token)) {
		copy = input_copy(&in, token, 0);
		place = fuzz_number(data, size, token.len);
		copy[place] = copy[place] == 'A' ? 'B' : 'A';
		CHECK(!passes(set, (struct span){ copy, token.len }));
		CHECK(!passes(set, (struct span){ token.at, place }));
	}
	jwk_set_free(set);
	input_end(&in);
	return 0;
}
