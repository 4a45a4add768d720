/* SPDX-License-Identifier: MIT */
/*
 * jwt - a signed token in compact form
 *
 * The order is that of RFC 7515 section 5.2: form, header, signature; the
 * payload is decoded only when somebody of ours signed it.
 */
#include "jose/jwt.h"

#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/hmac.h"

#define SIGNATURE_MAX 64 /* characters; more than any that can match */

/* RFC 7515 7.1: exactly three parts, two dots. */
static int
split(
    struct span token, struct span *header, struct jwt *jwt, struct error *err)
{
	const char *end, *dot1 = NULL, *dot2;

	end = token.len ? token.at + token.len : NULL;
	if (end)
		dot1 = memchr(token.at, '.', token.len);
	dot2 = dot1 ? memchr(dot1 + 1, '.', (size_t)(end - dot1 - 1)) : NULL;
	if (!dot2 || memchr(dot2 + 1, '.', (size_t)(end - dot2 - 1)))
		return error_set(err, ERROR_TOKEN_FORM,
		    "a signed token has three parts, this one has not");
	*header = (struct span){ token.at, (size_t)(dot1 - token.at) };
	jwt->payload = (struct span){ dot1 + 1, (size_t)(dot2 - dot1 - 1) };
	jwt->signature = (struct span){ dot2 + 1, (size_t)(end - dot2 - 1) };
	jwt->signed_bytes =
	    (struct span){ token.at, (size_t)(dot2 - token.at) };
	return 0;
}

/*
 * A string member, "" when it is not there. One that is no string, or too
 * long to be anything of ours, becomes "?": it must not pass as missing.
 */
static int
take_string(struct json_value header, const char *name, char *to, size_t size,
    struct error *err)
{
	struct buf said = BUF_INIT(size - 1);
	struct json_value member;

	to[0] = '\0';
	if (!json_member(header, name, &member))
		return 0;
	if (member.raw.len > size || !json_decode_string(member, &said) ||
	    (said.len && memchr(said.at, '\0', said.len))) {
		buf_reset(&said);
		buf_append_byte(&said, '?');
	}
	if (buf_check(&said, err) < 0) {
		buf_free(&said);
		return -1;
	}
	if (said.len)
		memcpy(to, said.at, said.len);
	to[said.len] = '\0';
	buf_free(&said);
	return 0;
}

/*
 * The scanner reads the header, and not a parser that makes a tree: when
 * memory is short that would look like a token that is no good, and a
 * fault of ours must never look like one of the sender's.
 */
static int
read_members(struct json_value header, struct jwt *jwt, struct error *err)
{
	static const char *const names[] = { "alg", "typ", "kid", "crit",
		"b64" };
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
	jwt->has_kid = json_member_count(header, "kid") > 0;
	if (take_string(header, "alg", jwt->alg, sizeof(jwt->alg), err) < 0 ||
	    take_string(header, "typ", jwt->typ, sizeof(jwt->typ), err) < 0 ||
	    take_string(header, "kid", jwt->kid, sizeof(jwt->kid), err) < 0)
		return -1;
	if (!jwt->alg[0])
		return error_set(err, ERROR_ALGORITHM,
		    "the token's header names no algorithm");
	return 0;
}

static int
read_header(struct span encoded, struct jwt *jwt, struct error *err)
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
		rc = read_members(header, jwt, err);
	buf_free(&text);
	return rc;
}

int
jwt_parse(struct span token, struct jwt *jwt, struct error *err)
{
	struct span header;

	memset(jwt, 0, sizeof(*jwt));
	if (split(token, &header, jwt, err) < 0)
		return -1;
	return read_header(header, jwt, err);
}

bool
jwt_type_is(const char *typ, const char *type)
{
	if (strncasecmp(typ, "application/", 12) == 0)
		typ += 12;
	return strcasecmp(typ, type) == 0;
}

int
jwt_payload(const struct jwt *jwt, struct buf *payload, struct error *err)
{
	if (!base64url_decode(jwt->payload, payload))
		return error_set(err, ERROR_TOKEN_FORM,
		    "the token's payload is not base64url");
	return buf_check(payload, err);
}

int
jwt_verify_parsed(const struct jwt *jwt, const struct keyring *keys,
    struct buf *payload, const char **key_used, struct error *err)
{
	struct buf mac = BUF_INIT(SIGNATURE_MAX);
	const char *key = NULL;

	/* RFC 8725 3.1: the algorithm comes from configuration. */
	if (strcmp(jwt->alg, "HS256") != 0)
		return error_set(
		    err, ERROR_ALGORITHM, "the token's alg is not HS256");
	/* RFC 7518 3.2: 32 bytes are 43 characters, none other will do. */
	if (jwt->signature.len > SIGNATURE_MAX ||
	    !base64url_decode(jwt->signature, &mac))
		(void)error_set(err, ERROR_SIGNATURE,
		    "the token's signature is not base64url of 32 bytes");
	else if (buf_check(&mac, err) == 0)
		key = keyring_match_hmac(
		    keys, jwt->signed_bytes, buf_span(&mac), err);
	buf_free(&mac);
	if (!key || jwt_payload(jwt, payload, err) < 0)
		return -1;
	*key_used = key;
	return 0;
}

int
jwt_verify(struct span token, const struct keyring *keys, struct buf *payload,
    const char **key_used, struct error *err)
{
	struct jwt jwt;

	if (jwt_parse(token, &jwt, err) < 0)
		return -1;
	/* RFC 8725 3.12: made with the same key, but for something else. */
	if (jwt_type_is(jwt.typ, JWT_ACCESS_TOKEN))
		return error_set(err, ERROR_TOKEN_FORM,
		    "the token is an access token, and no message");
	return jwt_verify_parsed(&jwt, keys, payload, key_used, err);
}

/* RFC 7515 5.1. */
int
jwt_sign(struct span key, const char *header, struct span payload,
    struct buf *token, struct error *err)
{
	unsigned char mac[SHA256_SIZE];
	size_t start = token->len;

	base64url_encode(span_of(header), token);
	buf_append_byte(token, '.');
	base64url_encode(payload, token);
	if (buf_check(token, err) < 0 ||
	    hmac_sha256(key,
		(struct span){ token->at + start, token->len - start }, mac,
		err) < 0)
		return -1;
	buf_append_byte(token, '.');
	base64url_encode(
	    (struct span){ (const char *)mac, sizeof(mac) }, token);
	return buf_check(token, err);
}

int
jwt_check_times(
    const struct json_members *claims, double now, struct error *err)
{
	struct json_value member;
	double when;

	if (json_listed(claims, "exp", &member) && json_number(member, &when) &&
	    now >= when + JWT_LEEWAY)
		return error_set(err, ERROR_EXPIRED, "the token has expired");
	if (json_listed(claims, "nbf", &member) && json_number(member, &when) &&
	    now < when - JWT_LEEWAY)
		return error_set(
		    err, ERROR_NOT_YET_VALID, "the token is not valid yet");
	return 0;
}
