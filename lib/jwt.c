/* SPDX-License-Identifier: MIT */
/*
 * jwt - a signed token in compact form, HS256 alone
 *
 * The order is that of RFC 7515 section 5.2: form, header, signature; the
 * payload is decoded only when somebody of ours signed it.
 */
#include "jwt.h"

#include <string.h>

#include "base64.h"
#include "hmac.h"

#define SIGNATURE_MAX 64 /* characters; more than any that can match */

struct parts {
	struct span header, payload, signature;
	struct span signed_bytes; /* header, dot, payload */
};

/* RFC 7515 7.1: exactly three parts, two dots. */
static int
split(struct span token, struct parts *parts, struct error *err)
{
	const char *end, *dot1 = NULL, *dot2;

	end = token.len ? token.at + token.len : NULL;
	if (end)
		dot1 = memchr(token.at, '.', token.len);
	dot2 = dot1 ? memchr(dot1 + 1, '.', (size_t)(end - dot1 - 1)) : NULL;
	if (!dot2 || memchr(dot2 + 1, '.', (size_t)(end - dot2 - 1)))
		return error_set(err, ERROR_TOKEN_FORM,
		    "a signed token has three parts, this one has not");
	parts->header = (struct span){ token.at, (size_t)(dot1 - token.at) };
	parts->payload = (struct span){ dot1 + 1, (size_t)(dot2 - dot1 - 1) };
	parts->signature = (struct span){ dot2 + 1, (size_t)(end - dot2 - 1) };
	parts->signed_bytes =
	    (struct span){ token.at, (size_t)(dot2 - token.at) };
	return 0;
}

/*
 * The scanner reads the header, and not a parser that makes a tree: when
 * memory is short that would look like a token that is no good, and a
 * fault of ours must never look like one of the sender's.
 */
static int
check_header_members(struct json_value header, struct error *err)
{
	static const char *const names[] = { "alg", "typ", "kid", "crit",
		"b64" };
	struct json_value alg;
	size_t i;

	if (header.type != JSON_TYPE_OBJECT)
		return error_set(err, ERROR_TOKEN_FORM,
		    "the token's header is not a JSON object");
	/* RFC 7515 section 4: names are unique, those that count at least. */
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_member_count(header, names[i]) > 1)
			return error_set(err, ERROR_TOKEN_FORM,
			    "the token's header has %s twice", names[i]);
	/* RFC 7515 4.1.11: what is critical must be understood. */
	if (json_member_count(header, "crit"))
		return error_set(err, ERROR_CRITICAL,
		    "the token's header has crit, and no extension is known");
	/* RFC 7797 section 6: without crit it must not be there. */
	if (json_member_count(header, "b64"))
		return error_set(err, ERROR_CRITICAL,
		    "the token's header has b64, which is not known");
	/* RFC 8725 3.1: the algorithm comes from configuration. */
	if (!json_member(header, "alg", &alg) || !json_string_is(alg, "HS256"))
		return error_set(
		    err, ERROR_ALGORITHM, "the token's alg is not HS256");
	return 0;
}

static int
check_header(struct span encoded, struct error *err)
{
	struct buf text = BUF_INIT(JWT_HEADER_MAX);
	struct json_value header;
	int rc = -1;

	if (encoded.len > JWT_HEADER_MAX || !base64url_decode(encoded, &text))
		(void)error_set(err, ERROR_TOKEN_FORM,
		    "the token's header is too long or not base64url");
	else if (buf_check(&text, err) < 0)
		;
	else if (!json_scan(buf_span(&text), &header))
		(void)error_set(
		    err, ERROR_TOKEN_FORM, "the token's header is not JSON");
	else
		rc = check_header_members(header, err);
	buf_free(&text);
	return rc;
}

int
jwt_verify(struct span token, const struct keyring *keys, struct buf *payload,
    const char **key_used, struct error *err)
{
	struct buf mac = BUF_INIT(SIGNATURE_MAX);
	struct parts parts;
	const char *key;
	int rc = -1;

	if (split(token, &parts, err) < 0 ||
	    check_header(parts.header, err) < 0)
		return -1;
	/* RFC 7518 3.2: 32 bytes are 43 characters, none other will do. */
	if (parts.signature.len > SIGNATURE_MAX ||
	    !base64url_decode(parts.signature, &mac)) {
		(void)error_set(err, ERROR_SIGNATURE,
		    "the token's signature is not base64url of 32 bytes");
		goto out;
	}
	if (buf_check(&mac, err) < 0)
		goto out;
	key = keyring_match_hmac(keys, parts.signed_bytes, buf_span(&mac), err);
	if (!key)
		goto out;
	if (!base64url_decode(parts.payload, payload)) {
		(void)error_set(err, ERROR_TOKEN_FORM,
		    "the token's payload is not base64url");
		goto out;
	}
	if (buf_check(payload, err) < 0)
		goto out;
	*key_used = key;
	rc = 0;
out:
	buf_free(&mac);
	return rc;
}

int
jwt_check_times(struct json_value claims, double now, struct error *err)
{
	struct json_value member;
	double when;

	if (json_member(claims, "exp", &member) && json_number(member, &when) &&
	    now >= when + JWT_LEEWAY)
		return error_set(err, ERROR_EXPIRED, "the token has expired");
	if (json_member(claims, "nbf", &member) && json_number(member, &when) &&
	    now < when - JWT_LEEWAY)
		return error_set(
		    err, ERROR_NOT_YET_VALID, "the token is not valid yet");
	return 0;
}
