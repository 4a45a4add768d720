/* SPDX-License-Identifier: MIT */
/*
 * token - OAuth 2.0 access tokens (RFC 6749, RFC 9068)
 */
#include "jose/token.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/rand.h>

#include "base/base64.h"

#define TYPE	 JWT_ACCESS_TOKEN
#define JTI_SIZE 16 /* bytes, random */

static int
append_jti(struct buf *text, struct error *err)
{
	unsigned char bytes[JTI_SIZE];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return error_set(err, ERROR_CRYPTO, "no random bytes");
	base64url_encode(
	    (struct span){ (const char *)bytes, sizeof(bytes) }, text);
	buf_append_byte(text, '\0');
	return buf_check(text, err);
}

/* RFC 9068 2.2. */
static char *
make_claims(const struct token_rule *rule, const char *client_id,
    struct span scope, double now, unsigned ttl, const char *jti)
{
	json_t *claims = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "iss",
	    rule->issuer, "aud", rule->audience, "sub", client_id, "client_id",
	    client_id, "iat", (json_int_t)now, "exp",
	    (json_int_t)now + (json_int_t)ttl, "jti", jti);
	char *text;

	if (claims && scope.len &&
	    json_object_set_new(
		claims, "scope", json_stringn(scope.at, scope.len)) < 0) {
		json_decref(claims);
		claims = NULL;
	}
	text = claims ? json_dumps(claims, JSON_COMPACT) : NULL;
	json_decref(claims);
	return text;
}

int
token_issue(const struct token_rule *rule, const char *client_id,
    struct span scope, double now, unsigned ttl, struct buf *token,
    struct error *err)
{
	struct buf jti = BUF_INIT(64);
	char *claims = NULL;
	int rc = -1;

	if (append_jti(&jti, err) < 0)
		goto out;
	claims = make_claims(rule, client_id, scope, now, ttl, jti.at);
	if (!claims) {
		(void)error_set(err, ERROR_MEMORY, "no memory for a token");
		goto out;
	}
	rc = jwt_sign(rule->keys->keys[0].bytes,
	    "{\"alg\":\"HS256\",\"typ\":\"" TYPE "\"}", span_of(claims), token,
	    err);
out:
	free(claims);
	buf_free(&jti);
	return rc;
}

/* Other servers also say JWT, or nothing. */
static bool
is_others_type(const char *typ)
{
	return !*typ || strcasecmp(typ, "JWT") == 0 || jwt_type_is(typ, TYPE);
}

/* Ours or the others': which keys come into question stands in the rule. */
static int
verify(const struct token_rule *rule, struct span token, struct buf *payload,
    struct error *err)
{
	const char *ignored;
	struct jwt jwt;

	if (jwt_parse(token, &jwt, err) < 0)
		return -1;
	if (rule->keys->count && jwt_type_is(jwt.typ, TYPE) &&
	    strcmp(jwt.alg, "HS256") == 0)
		return jwt_verify_parsed(
		    &jwt, rule->keys, payload, &ignored, err);
	if (rule->others && is_others_type(jwt.typ))
		return jwk_verify(rule->others, &jwt, payload, err);
	return error_set(
	    err, ERROR_ALGORITHM, "the token is not an access token of ours");
}

static int
refuse_token(struct error *err, const char *why)
{
	return error_set(err, ERROR_CREDENTIALS, "%s", why);
}

/*
 * The claim of that name. RFC 7519 section 4: it is there once at most.
 * False when it is not there; *sound stays true unless it came twice.
 */
static bool
find_claim(struct json_value claims, const char *name, struct json_value *claim,
    bool *sound)
{
	if (json_member_count(claims, name) > 1)
		*sound = false;
	return json_member(claims, name, claim);
}

/*
 * Other tokens of the same issuer, with the same keys, may be for the same
 * audience. OpenID Connect Core 1.0 2 and 3.3.2.11, and FAPI 1.0 Part 2
 * 5.1.1: these claims make an ID token. RFC 8417 2.2: events makes a security
 * event token, such as that of a logout.
 */
static bool
is_no_access_token(struct json_value claims)
{
	static const char *const names[] = { "nonce", "at_hash", "c_hash",
		"s_hash", "events" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_member_count(claims, names[i]))
			return true;
	return false;
}

/* The scanner reads them: it needs no memory, so a no means no. */
static int
check_claims(const struct token_rule *rule, struct json_value claims,
    double now, struct error *err)
{
	struct json_value iss, aud, exp, nbf;
	bool sound = true, has_iss, has_aud, has_exp, has_nbf;
	double expires, begins = 0;

	has_iss = find_claim(claims, "iss", &iss, &sound);
	has_aud = find_claim(claims, "aud", &aud, &sound);
	has_exp = find_claim(claims, "exp", &exp, &sound);
	has_nbf = find_claim(claims, "nbf", &nbf, &sound);
	if (!sound)
		return refuse_token(err, "the token has a claim twice");
	if (is_no_access_token(claims))
		return refuse_token(err, "the token is no access token");
	if (!has_iss || !json_string_is(iss, rule->issuer))
		return refuse_token(err, "the token is of another issuer");
	/* RFC 7519 4.1.3: one audience, or an array of them. */
	if (!has_aud ||
	    (!json_string_is(aud, rule->audience) &&
		!json_array_has(aud, rule->audience)))
		return refuse_token(err, "the token is for another audience");
	if (!has_exp || !json_number(exp, &expires) || !isfinite(expires) ||
	    now >= expires + JWT_LEEWAY)
		return refuse_token(err, "the token has expired");
	/* RFC 7519 4.1.5 makes it optional, and Keycloak leaves it out. */
	if (has_nbf &&
	    (!json_number(nbf, &begins) || now < begins - JWT_LEEWAY))
		return refuse_token(err, "the token is not valid yet");
	return 0;
}

static int
check_payload(const struct token_rule *rule, struct span payload, double now,
    struct error *err)
{
	struct json_value claims;

	if (!json_scan(payload, &claims))
		return refuse_token(err, "the token's claims are not JSON");
	return check_claims(rule, claims, now, err);
}

/* Would the token be good here if its signature were? */
static int
check_unverified(const struct token_rule *rule, struct span token, double now,
    struct error *err)
{
	struct buf payload = BUF_INIT(TOKEN_MAX);
	struct error why = ERROR_INIT;
	struct jwt jwt;
	int rc = -1;

	if (jwt_parse(token, &jwt, &why) == 0 &&
	    jwt_payload(&jwt, &payload, &why) == 0)
		rc = check_payload(rule, buf_span(&payload), now, err);
	else if (error_class(why.code) == CLASS_VERDICT)
		(void)refuse_token(err, why.text);
	else
		*err = why;
	buf_free(&payload);
	return rc;
}

int
token_check(const struct token_rule *rule, struct span token, double now,
    struct error *err)
{
	struct error verdict = ERROR_INIT;
	struct buf payload = BUF_INIT(TOKEN_MAX);
	int rc = -1;

	if (token.len > TOKEN_MAX)
		return refuse_token(err, "the token is too long");
	if (verify(rule, token, &payload, &verdict) == 0)
		rc = check_payload(rule, buf_span(&payload), now, err);
	else if (error_class(verdict.code) == CLASS_VERDICT)
		(void)refuse_token(err, verdict.text);
	else if (verdict.code != ERROR_KEY_UNKNOWN ||
	    check_unverified(rule, token, now, err) == 0)
		*err = verdict;
	buf_free(&payload);
	return rc;
}
