/* SPDX-License-Identifier: MIT */
/*
 * test_token - lib/jose/token: OAuth 2.0 access tokens (RFC 6749, RFC 9068)
 *
 * Tokens of our own are signed here once more by libcrypto's HMAC, and
 * those of another server by its Ed25519. In tables ' stands for ".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "jose/token.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ROOM	     (1 << 20)
#define NOW	     1795280733.0
#define ISSUER	     "https://shop.example/token"
#define AUDIENCE     "https://shop.example/webhook"
#define KEY	     "the key of our own tokens"
#define OLD_KEY	     "the one before it"
#define TYPE	     "'typ':'at+jwt'"

/* Claims that are good at NOW, and one at a time that is not */
#define ISS "'iss':'" ISSUER "'"
#define AUD "'aud':'" AUDIENCE "'"
#define EXP "'exp':1795280800"

static EVP_PKEY *other_server;
static struct jwk_set *other_keys;

static void
append_base64url(struct buf *out, const void *bytes, size_t len)
{
	char *to = buf_room(out, (len / 3 + 1) * 4 + 1);
	size_t i, written;

	assert_non_null(to);
	written = (size_t)EVP_EncodeBlock((unsigned char *)to, bytes, (int)len);
	while (written && to[written - 1] == '=')
		written--;
	for (i = 0; i < written; i++)
		to[i] = to[i] == '+' ? '-' : to[i] == '/' ? '_' : to[i];
	out->len += written;
}

/* A part of a token; ' becomes ". */
static void
append_part(struct buf *out, const char *text)
{
	char *copy = strdup(text), *c;

	assert_non_null(copy);
	for (c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	append_base64url(out, copy, strlen(copy));
	free(copy);
}

static void
append_hmac(struct buf *out, const char *key)
{
	unsigned char mac[32];

	assert_non_null(HMAC(EVP_sha256(), key, (int)strlen(key),
	    (const unsigned char *)out->at, out->len, mac, NULL));
	buf_append_byte(out, '.');
	append_base64url(out, mac, sizeof(mac));
}

static void
append_ed25519(struct buf *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[64];
	size_t len = sizeof(sig);

	assert_int_equal(
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, other_server), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &len,
			     (const unsigned char *)out->at, out->len),
	    1);
	EVP_MD_CTX_free(ctx);
	buf_append_byte(out, '.');
	append_base64url(out, sig, len);
}

/* A token signed with this HMAC key; by the other server when it is NULL */
static void
make_token(
    struct buf *out, const char *header, const char *claims, const char *key)
{
	buf_reset(out);
	append_part(out, header);
	buf_append_byte(out, '.');
	append_part(out, claims);
	if (key)
		append_hmac(out, key);
	else
		append_ed25519(out);
}

static int
make_other_server(void **state)
{
	struct buf json = BUF_INIT(4096);
	struct error err = ERROR_INIT;
	unsigned char raw[32];
	size_t len = sizeof(raw);
	int rc;

	(void)state;
	other_server = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_int_equal(
	    EVP_PKEY_get_raw_public_key(other_server, raw, &len), 1);
	buf_append_text(
	    &json, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
	append_base64url(&json, raw, len);
	buf_append_text(&json, "\"}]}");
	rc = jwk_set_read(buf_span(&json), &other_keys, &err);
	buf_free(&json);
	return rc;
}

static int
free_other_server(void **state)
{
	(void)state;
	jwk_set_free(other_keys);
	EVP_PKEY_free(other_server);
	return 0;
}

static const struct keyring no_keys = { .count = 0 };
static const struct keyring one_key = {
	{ { "current", { KEY, sizeof(KEY) - 1 } } }, 1
};
static const struct keyring two_keys = {
	{ { "current", { KEY, sizeof(KEY) - 1 } },
	    { "previous", { OLD_KEY, sizeof(OLD_KEY) - 1 } } },
	2
};

/* Our own tokens alone, the other server's alone, or both */
static struct token_rule
rule_of(const struct keyring *ours, const struct jwk_set *others)
{
	return (struct token_rule){ ISSUER, AUDIENCE, ours, others };
}

/* Checked in a block of its size: the code, and the text if there is one */
static enum error_code
check(const struct token_rule *rule, struct span token, double now)
{
	struct error err = ERROR_INIT;
	char *copy = malloc(token.len ? token.len : 1);
	int rc;

	assert_non_null(copy);
	if (token.len)
		memcpy(copy, token.at, token.len);
	rc = token_check(rule, (struct span){ copy, token.len }, now, &err);
	free(copy);
	assert_int_equal(rc == 0, err.code == ERROR_NONE);
	assert_int_equal(rc == 0, err.text[0] == '\0');
	return err.code;
}

static void
assert_check(const char *what, const struct token_rule *rule, struct span token,
    double now, bool good)
{
	enum error_code got = check(rule, token, now);

	if (got != (good ? ERROR_NONE : ERROR_CREDENTIALS))
		fail_msg("%s at %+.1f: got %s, want %s", what, now - NOW,
		    error_rule(got), good ? "none" : "refused");
}

static void
issue(const struct token_rule *rule, const char *scope, unsigned ttl,
    struct buf *token)
{
	struct error err = ERROR_INIT;

	buf_reset(token);
	if (token_issue(rule, "shop", span_of(scope), NOW, ttl, token, &err) <
	    0)
		fail_msg("not issued: %s", err.text);
	assert_int_equal(err.code, ERROR_NONE);
}

static void
test_issue_and_check(void **state)
{
	struct token_rule one = rule_of(&one_key, NULL);
	struct token_rule both = rule_of(&two_keys, other_keys);
	struct buf token = BUF_INIT(TOKEN_MAX);

	(void)state;
	issue(&one, "", 3600, &token);
	assert_check("own", &one, buf_span(&token), NOW, true);
	assert_check("own", &both, buf_span(&token), NOW, true);
	issue(&both, "orders shipments", 3600, &token);
	assert_check("own, of two keys", &one, buf_span(&token), NOW, true);
	buf_free(&token);
}

/* exp is NOW + ttl, and 60 seconds of leeway come on top. */
static void
test_ttl(void **state)
{
	static const unsigned ttls[] = { 1, 60, 3600, 86400 };
	struct token_rule rule = rule_of(&one_key, NULL);
	struct buf token = BUF_INIT(TOKEN_MAX);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(ttls); i++) {
		issue(&rule, "", ttls[i], &token);
		assert_check(
		    "ttl", &rule, buf_span(&token), NOW + ttls[i] + 59, true);
		assert_check(
		    "ttl", &rule, buf_span(&token), NOW + ttls[i] + 60, false);
	}
	buf_free(&token);
}

/* The text of a part of a token, as JSON; json_decref() it. */
static json_t *
part_of(const struct buf *token, int which)
{
	const char *at = token->at, *end;
	struct buf text = BUF_INIT(TOKEN_MAX), padded = BUF_INIT(TOKEN_MAX);
	json_error_t why;
	json_t *json;
	char *room;
	size_t i;

	while (which-- > 0)
		at = strchr(at, '.') + 1;
	end = strchr(at, '.');
	buf_append(&padded, at, (size_t)(end - at));
	for (i = 0; i < padded.len; i++)
		padded.at[i] = padded.at[i] == '-' ? '+'
		    : padded.at[i] == '_'	   ? '/'
						   : padded.at[i];
	while (padded.len % 4)
		buf_append_byte(&padded, '=');
	room = buf_room(&text, padded.len);
	assert_non_null(room);
	assert_true(EVP_DecodeBlock((unsigned char *)room,
			(const unsigned char *)padded.at, (int)padded.len) > 0);
	json = json_loadb(
	    room, strcspn(room, "}") + 1, JSON_REJECT_DUPLICATES, &why);
	assert_non_null(json);
	buf_free(&padded);
	buf_free(&text);
	return json;
}

static void
assert_member(const json_t *json, const char *name, const char *want)
{
	const char *got = json_string_value(json_object_get(json, name));

	if (!got || strcmp(got, want) != 0)
		fail_msg("%s: got %s, want %s", name, got ? got : "none", want);
}

/* RFC 9068 2.1 and 2.2 */
static void
test_rfc9068_what_is_issued(void **state)
{
	struct token_rule rule = rule_of(&two_keys, NULL);
	struct buf token = BUF_INIT(TOKEN_MAX);
	json_t *header, *claims;

	(void)state;
	issue(&rule, "orders", 3600, &token);
	buf_append(&token, "", 1);
	header = part_of(&token, 0);
	claims = part_of(&token, 1);
	assert_int_equal(json_object_size(header), 2);
	assert_member(header, "alg", "HS256");
	assert_member(header, "typ", "at+jwt");
	assert_member(claims, "iss", ISSUER);
	assert_member(claims, "aud", AUDIENCE);
	assert_member(claims, "sub", "shop");
	assert_member(claims, "client_id", "shop");
	assert_member(claims, "scope", "orders");
	assert_int_equal(
	    json_integer_value(json_object_get(claims, "iat")), 1795280733);
	assert_int_equal(json_integer_value(json_object_get(claims, "exp")),
	    1795280733 + 3600);
	assert_int_equal(
	    json_string_length(json_object_get(claims, "jti")), 22);
	json_decref(header);
	json_decref(claims);
	issue(&rule, "", 3600, &token);
	buf_append(&token, "", 1);
	claims = part_of(&token, 1);
	assert_null(json_object_get(claims, "scope"));
	json_decref(claims);
	buf_free(&token);
}

/* RFC 9068 2.2: jti is unique. */
static void
test_rfc9068_no_two_are_the_same(void **state)
{
	struct token_rule rule = rule_of(&one_key, NULL);
	struct buf first = BUF_INIT(TOKEN_MAX), again = BUF_INIT(TOKEN_MAX);
	int i;

	(void)state;
	issue(&rule, "", 3600, &first);
	for (i = 0; i < 100; i++) {
		issue(&rule, "", 3600, &again);
		assert_int_equal(first.len, again.len);
		assert_memory_not_equal(first.at, again.at, first.len);
	}
	buf_free(&again);
	buf_free(&first);
}

/* A token that does not fit into the buffer is a fault, not a short one. */
static void
test_issue_ceiling(void **state)
{
	struct token_rule rule = rule_of(&one_key, NULL);
	struct token_rule nobody = rule_of(&no_keys, NULL);
	struct buf small = BUF_INIT(200), token = BUF_INIT(TOKEN_MAX);
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(
	    token_issue(&rule, "shop", span_of(""), NOW, 60, &small, &err), -1);
	assert_int_equal(err.code, ERROR_MEMORY);
	err = (struct error)ERROR_INIT;
	assert_int_equal(
	    token_issue(&nobody, "shop", span_of(""), NOW, 60, &token, &err),
	    -1);
	assert_int_equal(error_class(err.code), CLASS_FAULT);
	buf_free(&token);
	buf_free(&small);
}

static void
test_previous_key(void **state)
{
	struct token_rule one = rule_of(&one_key, NULL);
	struct token_rule two = rule_of(&two_keys, NULL);
	struct buf token = BUF_INIT(TOKEN_MAX);

	(void)state;
	make_token(&token, "{'alg':'HS256'," TYPE "}",
	    "{" ISS "," AUD "," EXP "}", OLD_KEY);
	assert_check("old key", &two, buf_span(&token), NOW, true);
	assert_check("old key", &one, buf_span(&token), NOW, false);
	make_token(&token, "{'alg':'HS256'," TYPE "}",
	    "{" ISS "," AUD "," EXP "}", "a key of nobody");
	assert_check("no key", &two, buf_span(&token), NOW, false);
	buf_free(&token);
}

/* Every claim in every way, in our own tokens and in the other server's */
static void
test_claims(void **state)
{
	static const struct {
		const char *claims;
		bool good;
	} rows[] = {
		{ "{" ISS "," AUD "," EXP "}", true },
		{ "{" EXP "," AUD "," ISS ",'x':[1,{}]}", true },
		/* iss */
		{ "{" AUD "," EXP "}", false },
		{ "{'iss':''," AUD "," EXP "}", false },
		{ "{'iss':null," AUD "," EXP "}", false },
		{ "{'iss':1," AUD "," EXP "}", false },
		{ "{'iss':['" ISSUER "']," AUD "," EXP "}", false },
		{ "{'iss':'" ISSUER "/'," AUD "," EXP "}", false },
		{ "{'iss':'HTTPS://shop.example/token'," AUD "," EXP "}",
		    false },
		{ "{'iss':'https://shop.example/toke'," AUD "," EXP "}",
		    false },
		{ "{'iss':'" ISSUER "\\u0000x'," AUD "," EXP "}", false },
		{ "{'iss':'https:\\/\\/shop.example\\/token'," AUD "," EXP "}",
		    true },
		{ "{'Iss':'" ISSUER "'," AUD "," EXP "}", false },
		/* aud: RFC 7519 4.1.3 */
		{ "{" ISS "," EXP "}", false },
		{ "{" ISS ",'aud':''," EXP "}", false },
		{ "{" ISS ",'aud':null," EXP "}", false },
		{ "{" ISS ",'aud':true," EXP "}", false },
		{ "{" ISS ",'aud':'" ISSUER "'," EXP "}", false },
		{ "{" ISS ",'aud':'" AUDIENCE "2'," EXP "}", false },
		{ "{" ISS ",'aud':['" AUDIENCE "']," EXP "}", true },
		{ "{" ISS ",'aud':['a','" AUDIENCE "','b']," EXP "}", true },
		{ "{" ISS ",'aud':[1,null,['x'],'" AUDIENCE "']," EXP "}",
		    true },
		{ "{" ISS ",'aud':[]," EXP "}", false },
		{ "{" ISS ",'aud':['a','b']," EXP "}", false },
		{ "{" ISS ",'aud':[['" AUDIENCE "']]," EXP "}", false },
		{ "{" ISS ",'aud':{'a':'" AUDIENCE "'}," EXP "}", false },
		{ "{" ISS ",'aud':{'" AUDIENCE "':1}," EXP "}", false },
		{ "{" ISS ",'aud':'" AUDIENCE " b'," EXP "}", false },
		/* exp: RFC 9068 2.2 requires it; 60 seconds of leeway */
		{ "{" ISS "," AUD "}", false },
		{ "{" ISS "," AUD ",'exp':null}", false },
		{ "{" ISS "," AUD ",'exp':true}", false },
		{ "{" ISS "," AUD ",'exp':'1795280800'}", false },
		{ "{" ISS "," AUD ",'exp':[1795280800]}", false },
		{ "{" ISS "," AUD ",'exp':1795280733}", true },
		{ "{" ISS "," AUD ",'exp':1795280674}", true },
		{ "{" ISS "," AUD ",'exp':1795280673.5}", true },
		{ "{" ISS "," AUD ",'exp':1795280673}", false },
		{ "{" ISS "," AUD ",'exp':1795280672}", false },
		{ "{" ISS "," AUD ",'exp':0}", false },
		{ "{" ISS "," AUD ",'exp':-1}", false },
		{ "{" ISS "," AUD ",'exp':1.7952808e9}", true },
		{ "{" ISS "," AUD ",'exp':1e300}", true },
		/* no number that can be held: nobody says when it ends */
		{ "{" ISS "," AUD ",'exp':1e999}", false },
		{ "{" ISS "," AUD ",'exp':99999999999999999999}", true },
		/* nbf: RFC 7519 4.1.5, optional */
		{ "{" ISS "," AUD "," EXP ",'nbf':0}", true },
		{ "{" ISS "," AUD "," EXP ",'nbf':1795280733}", true },
		{ "{" ISS "," AUD "," EXP ",'nbf':1795280793}", true },
		{ "{" ISS "," AUD "," EXP ",'nbf':1795280793.5}", false },
		{ "{" ISS "," AUD "," EXP ",'nbf':1795280794}", false },
		{ "{" ISS "," AUD "," EXP ",'nbf':'0'}", false },
		{ "{" ISS "," AUD "," EXP ",'nbf':null}", false },
		/* OpenID Connect Core 1.0, RFC 8417: other tokens */
		{ "{" ISS "," AUD "," EXP ",'nonce':'n-0S6'}", false },
		{ "{" ISS "," AUD "," EXP ",'nonce':null}", false },
		{ "{" ISS "," AUD "," EXP ",'\\u006eonce':1}", false },
		{ "{'at_hash':'x'," ISS "," AUD "," EXP "}", false },
		{ "{" ISS "," AUD "," EXP ",'c_hash':'x'}", false },
		{ "{" ISS "," AUD "," EXP ",'s_hash':'x'}", false },
		{ "{" ISS "," AUD "," EXP ",'events':{}}", false },
		{ "{" ISS "," AUD "," EXP ",'x':{'nonce':1}}", true },
		{ "{" ISS "," AUD "," EXP ",'Nonce':'x'}", true },
		/* iat and others set no bounds */
		{ "{" ISS "," AUD "," EXP ",'iat':1795290000}", true },
		{ "{" ISS "," AUD "," EXP ",'iat':'x','sub':1}", true },
		/* RFC 7519 section 4: names are unique */
		{ "{" ISS "," ISS "," AUD "," EXP "}", false },
		{ "{" ISS "," AUD "," EXP ",'exp':1}", false },
		{ "{" ISS "," AUD "," EXP ",'\\u0065xp':1}", false },
		{ "{" ISS "," AUD "," EXP ",'x':{'a':1,'a':2}}", true },
		/* no claims at all */
		{ "", false },
		{ "{", false },
		{ "{}", false },
		{ "[]", false },
		{ "'x'", false },
		{ "null", false },
		{ "[{" ISS "," AUD "," EXP "}]", false },
		{ "'{" ISS "," AUD "," EXP "}'", false },
		{ "{" ISS "," AUD "," EXP "}x", false },
		{ "{" ISS "," AUD "," EXP "}{}", false },
		{ "{" ISS "," AUD "," EXP ",'x':'\xff'}", false },
	};
	struct token_rule ours = rule_of(&one_key, NULL);
	struct token_rule theirs = rule_of(&no_keys, other_keys);
	struct token_rule both = rule_of(&two_keys, other_keys);
	struct buf token = BUF_INIT(ROOM);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		make_token(
		    &token, "{'alg':'HS256'," TYPE "}", rows[i].claims, KEY);
		assert_check(
		    rows[i].claims, &ours, buf_span(&token), NOW, rows[i].good);
		assert_check(
		    rows[i].claims, &both, buf_span(&token), NOW, rows[i].good);
		make_token(
		    &token, "{'alg':'EdDSA'," TYPE "}", rows[i].claims, NULL);
		assert_check(rows[i].claims, &theirs, buf_span(&token), NOW,
		    rows[i].good);
		assert_check(
		    rows[i].claims, &both, buf_span(&token), NOW, rows[i].good);
	}
	buf_free(&token);
}

/* A kid that the set lacks: it may be new if all else is good here. */
static void
test_unknown_key(void **state)
{
	static const struct {
		const char *header, *claims;
		enum error_code want;
	} rows[] = {
		{ "{'alg':'EdDSA','kid':'new'}", "{" ISS "," AUD "," EXP "}",
		    ERROR_KEY_UNKNOWN },
		{ "{'alg':'RS256','kid':'new','typ':'JWT'}",
		    "{" ISS "," AUD "," EXP "}", ERROR_KEY_UNKNOWN },
		{ "{'alg':'ES256','kid':'new'," TYPE "}",
		    "{" ISS "," AUD "," EXP "}", ERROR_KEY_UNKNOWN },
		/* no kid, or none that a set can have */
		{ "{'alg':'RS256'}", "{" ISS "," AUD "," EXP "}",
		    ERROR_CREDENTIALS },
		{ "{'alg':'EdDSA','kid':1}", "{" ISS "," AUD "," EXP "}",
		    ERROR_CREDENTIALS },
		/* algorithm, type */
		{ "{'alg':'HS256','kid':'new'}", "{" ISS "," AUD "," EXP "}",
		    ERROR_CREDENTIALS },
		{ "{'alg':'none','kid':'new'}", "{" ISS "," AUD "," EXP "}",
		    ERROR_CREDENTIALS },
		{ "{'alg':'RS512','kid':'new'}", "{" ISS "," AUD "," EXP "}",
		    ERROR_CREDENTIALS },
		{ "{'alg':'EdDSA','kid':'new','typ':'dpop+jwt'}",
		    "{" ISS "," AUD "," EXP "}", ERROR_CREDENTIALS },
		{ "{'alg':'EdDSA','kid':'new','crit':['x']}",
		    "{" ISS "," AUD "," EXP "}", ERROR_CREDENTIALS },
		/* claims */
		{ "{'alg':'EdDSA','kid':'new'}", "{'iss':'x'," AUD "," EXP "}",
		    ERROR_CREDENTIALS },
		{ "{'alg':'EdDSA','kid':'new'}", "{" AUD "," EXP "}",
		    ERROR_CREDENTIALS },
		{ "{'alg':'EdDSA','kid':'new'}", "{" ISS ",'aud':'x'," EXP "}",
		    ERROR_CREDENTIALS },
		{ "{'alg':'EdDSA','kid':'new'}",
		    "{" ISS "," AUD ",'exp':1795280673}", ERROR_CREDENTIALS },
		{ "{'alg':'EdDSA','kid':'new'}", "{" ISS "," AUD "}",
		    ERROR_CREDENTIALS },
		{ "{'alg':'EdDSA','kid':'new'}",
		    "{" ISS "," AUD "," EXP ",'nonce':'x'}",
		    ERROR_CREDENTIALS },
		{ "{'alg':'EdDSA','kid':'new'}", "{", ERROR_CREDENTIALS },
		{ "{'alg':'EdDSA','kid':'new'}", "", ERROR_CREDENTIALS },
	};
	struct token_rule theirs = rule_of(&no_keys, other_keys);
	struct token_rule both = rule_of(&two_keys, other_keys);
	struct token_rule ours = rule_of(&one_key, NULL);
	struct buf token = BUF_INIT(ROOM);
	enum error_code got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		make_token(&token, rows[i].header, rows[i].claims, NULL);
		got = check(&theirs, buf_span(&token), NOW);
		if (got != rows[i].want)
			fail_msg("%s.%s: got %s, want %s", rows[i].header,
			    rows[i].claims, error_rule(got),
			    error_rule(rows[i].want));
		assert_int_equal(
		    check(&both, buf_span(&token), NOW), rows[i].want);
		/* There is no set that could be newer. */
		assert_int_equal(
		    check(&ours, buf_span(&token), NOW), ERROR_CREDENTIALS);
	}
	buf_free(&token);
}

/* RFC 8725 3.11: who may have signed a token of which type and algorithm */
static void
test_rfc8725_types_and_algorithms(void **state)
{
	static const struct {
		const char *header;
		bool ours;   /* good with our key at an endpoint for ours */
		bool theirs; /* good with theirs at an endpoint for theirs */
	} rows[] = {
		{ "{'alg':'HS256','typ':'at+jwt'}", true, false },
		{ "{'alg':'HS256','typ':'AT+JWT'}", true, false },
		{ "{'alg':'HS256','typ':'application/at+jwt'}", true, false },
		{ "{'alg':'HS256','typ':'Application/At+Jwt'}", true, false },
		/* a webhook's token, signed with the same key */
		{ "{'alg':'HS256'}", false, false },
		{ "{'alg':'HS256','typ':'JWT'}", false, false },
		{ "{'alg':'HS256','typ':''}", false, false },
		{ "{'alg':'HS256','typ':null}", false, false },
		{ "{'alg':'HS256','typ':1}", false, false },
		{ "{'alg':'HS256','typ':['at+jwt']}", false, false },
		{ "{'alg':'HS256','typ':'at+jw'}", false, false },
		{ "{'alg':'HS256','typ':'at+jwt2'}", false, false },
		{ "{'alg':'HS256','typ':'at-jwt'}", false, false },
		{ "{'alg':'HS256','typ':' at+jwt'}", false, false },
		{ "{'alg':'HS256','typ':'x/at+jwt'}", false, false },
		{ "{'alg':'HS256','typ':'application/'}", false, false },
		{ "{'alg':'HS256','typ':'application/application/at+jwt'}",
		    false, false },
		{ "{'alg':'HS256','typ':'id+jwt'}", false, false },
		/* RFC 8725 3.1 */
		{ "{'typ':'at+jwt'}", false, false },
		{ "{'alg':'none','typ':'at+jwt'}", false, false },
		{ "{'alg':'None','typ':'at+jwt'}", false, false },
		{ "{'alg':'','typ':'at+jwt'}", false, false },
		{ "{'alg':'hs256','typ':'at+jwt'}", false, false },
		{ "{'alg':'HS384','typ':'at+jwt'}", false, false },
		{ "{'alg':'HS512','typ':'at+jwt'}", false, false },
		{ "{'alg':'RS256','typ':'at+jwt'}", false, false },
		/* others leave the type out, or say JWT */
		{ "{'alg':'EdDSA'}", false, true },
		{ "{'alg':'EdDSA','typ':'JWT'}", false, true },
		{ "{'alg':'EdDSA','typ':'jwt'}", false, true },
		{ "{'alg':'EdDSA','typ':'at+jwt'}", false, true },
		{ "{'alg':'EdDSA','typ':'application/at+jwt'}", false, true },
		/* what is signed with the same key for something else */
		{ "{'alg':'EdDSA','typ':'id+jwt'}", false, false },
		{ "{'alg':'EdDSA','typ':'logout+jwt'}", false, false },
		{ "{'alg':'EdDSA','typ':'secevent+jwt'}", false, false },
		{ "{'alg':'EdDSA','typ':'dpop+jwt'}", false, false },
		{ "{'alg':'EdDSA','typ':'token-introspection+jwt'}", false,
		    false },
		{ "{'alg':'EdDSA','typ':'entity-statement+jwt'}", false,
		    false },
		/* RFC 7515 4.1.11, RFC 7797 */
		{ "{'alg':'HS256','typ':'at+jwt','crit':[]}", false, false },
		{ "{'alg':'HS256','typ':'at+jwt','b64':true}", false, false },
		{ "{'alg':'EdDSA','crit':['exp'],'exp':1}", false, false },
		/* RFC 7515 section 4: names are unique */
		{ "{'alg':'HS256','typ':'at+jwt','typ':'at+jwt'}", false,
		    false },
		{ "{'alg':'EdDSA','alg':'EdDSA'}", false, false },
		{ "{'alg':'none','alg':'HS256','typ':'at+jwt'}", false, false },
		/* no header */
		{ "", false, false },
		{ "[]", false, false },
		{ "'at+jwt'", false, false },
	};
	static const char claims[] = "{" ISS "," AUD "," EXP "}";
	struct token_rule ours = rule_of(&one_key, NULL);
	struct token_rule theirs = rule_of(&no_keys, other_keys);
	struct token_rule both = rule_of(&two_keys, other_keys);
	struct token_rule nobody = rule_of(&no_keys, NULL);
	struct buf token = BUF_INIT(ROOM);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		make_token(&token, rows[i].header, claims, KEY);
		assert_check(
		    rows[i].header, &ours, buf_span(&token), NOW, rows[i].ours);
		assert_check(
		    rows[i].header, &both, buf_span(&token), NOW, rows[i].ours);
		assert_check(
		    rows[i].header, &theirs, buf_span(&token), NOW, false);
		assert_check(
		    rows[i].header, &nobody, buf_span(&token), NOW, false);
		make_token(&token, rows[i].header, claims, NULL);
		assert_check(rows[i].header, &theirs, buf_span(&token), NOW,
		    rows[i].theirs);
		assert_check(rows[i].header, &both, buf_span(&token), NOW,
		    rows[i].theirs);
		assert_check(
		    rows[i].header, &ours, buf_span(&token), NOW, false);
		assert_check(
		    rows[i].header, &nobody, buf_span(&token), NOW, false);
	}
	buf_free(&token);
}

/* A type that is too long for us is a type all the same (RFC 9701 5). */
static void
test_rfc8725_long_types(void **state)
{
	static const char *const headers[] = {
		"{'alg':'EdDSA','typ':'application/entity-statement+jwt'}",
		"{'alg':'EdDSA','typ':'application/token-introspection+jwt'}",
	};
	struct token_rule theirs = rule_of(&no_keys, other_keys);
	struct buf token = BUF_INIT(ROOM);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(headers); i++) {
		make_token(
		    &token, headers[i], "{" ISS "," AUD "," EXP "}", NULL);
		assert_check(headers[i], &theirs, buf_span(&token), NOW, false);
	}
	buf_free(&token);
}

/* RFC 8725 2.1: an HMAC under the public key, and no signature at all */
static void
test_rfc8725_forgeries(void **state)
{
	static const char claims[] = "{" ISS "," AUD "," EXP "}";
	struct token_rule theirs = rule_of(&no_keys, other_keys);
	struct token_rule both = rule_of(&two_keys, other_keys);
	struct buf token = BUF_INIT(ROOM);
	unsigned char raw[33] = "";
	size_t len = 32, i;

	(void)state;
	/* It serves as a C string here: without a zero byte in it. */
	do {
		EVP_PKEY_free(other_server);
		jwk_set_free(other_keys);
		assert_int_equal(make_other_server(state), 0);
		assert_int_equal(
		    EVP_PKEY_get_raw_public_key(other_server, raw, &len), 1);
	} while (strlen((char *)raw) != 32);
	theirs.others = both.others = other_keys;
	make_token(&token, "{'alg':'HS256'," TYPE "}", claims, (char *)raw);
	assert_check("public key", &theirs, buf_span(&token), NOW, false);
	assert_check("public key", &both, buf_span(&token), NOW, false);
	make_token(&token, "{'alg':'EdDSA'}", claims, (char *)raw);
	assert_check("public key", &theirs, buf_span(&token), NOW, false);
	make_token(&token, "{'alg':'HS256'," TYPE "}", claims, "");
	assert_check("empty key", &both, buf_span(&token), NOW, false);
	assert_check("empty key", &theirs, buf_span(&token), NOW, false);
	make_token(&token, "{'alg':'none'," TYPE "}", claims, KEY);
	for (i = 0; token.at[token.len - 1] != '.'; i++)
		token.len--;
	assert_int_equal(i, 43);
	assert_check("none", &both, buf_span(&token), NOW, false);
	token.len--;
	assert_check("two parts", &both, buf_span(&token), NOW, false);
	buf_free(&token);
}

/* Every bit of both kinds, every length, and what is no token */
static void
test_every_flipped_bit_and_every_length(void **state)
{
	struct token_rule both = rule_of(&two_keys, other_keys);
	struct buf token = BUF_INIT(TOKEN_MAX);
	size_t i, kind;

	(void)state;
	for (kind = 0; kind < 2; kind++) {
		issue(&both, "", 3600, &token);
		if (kind)
			make_token(&token, "{'alg':'EdDSA'}",
			    "{" ISS "," AUD "," EXP "}", NULL);
		for (i = 0; i < token.len * 8; i++) {
			token.at[i / 8] = (char)(token.at[i / 8] ^ 1 << i % 8);
			assert_check(
			    "flipped", &both, buf_span(&token), NOW, false);
			token.at[i / 8] = (char)(token.at[i / 8] ^ 1 << i % 8);
		}
		for (i = 0; i < token.len; i++)
			assert_check("short", &both,
			    (struct span){ token.at, i }, NOW, false);
		buf_append_byte(&token, 'A');
		assert_check("long", &both, buf_span(&token), NOW, false);
		token.len--;
		assert_check("whole", &both, buf_span(&token), NOW, true);
	}
	assert_check("none", &both, (struct span){ NULL, 0 }, NOW, false);
	assert_check("dots", &both, span_of(".."), NOW, false);
	assert_check("dots", &both, span_of("..."), NOW, false);
	assert_check("text", &both, span_of("mF_9.B5f-4.1JqM"), NOW, false);
	buf_free(&token);
}

/* A good token of just this many bytes; false when that cannot be */
static bool
make_long(struct buf *token, size_t want)
{
	struct buf claims = BUF_INIT(ROOM);
	size_t fill;
	bool made = false;

	for (fill = want / 4 * 3 - 400; !made && fill < want; fill++) {
		buf_reset(&claims);
		buf_printf(&claims, "{" ISS "," AUD "," EXP ",'x':'%0*d'}",
		    (int)fill, 7);
		make_token(token, "{'alg':'HS256'," TYPE "}", claims.at, KEY);
		if (token->len > want)
			break;
		made = token->len == want;
	}
	buf_free(&claims);
	return made;
}

static void
test_16_kib(void **state)
{
	struct token_rule rule = rule_of(&one_key, NULL);
	struct buf token = BUF_INIT(ROOM);
	size_t len;

	(void)state;
	assert_int_equal(TOKEN_MAX, 16384);
	/* Base64url of some bytes is never 4n + 1 characters long. */
	for (len = 16384; !make_long(&token, len); len--)
		assert_true(len > 16380);
	assert_check("16 KiB", &rule, buf_span(&token), NOW, true);
	for (len = 16385; !make_long(&token, len); len++)
		assert_true(len < 16390);
	assert_check("over 16 KiB", &rule, buf_span(&token), NOW, false);
	assert_true(make_long(&token, 100000) || make_long(&token, 100001));
	assert_check("100 kB", &rule, buf_span(&token), NOW, false);
	buf_free(&token);
}

/* jansson's n-th allocation fails, for every n. */
static struct {
	int nth, calls;
} plan;

static void *
failing_malloc(size_t size)
{
	return ++plan.calls == plan.nth ? NULL : malloc(size);
}

/*
 * A good token that cannot be checked for want of memory is a fault of
 * ours: a 401 would be final for the sender.
 */
static void
test_good_token_without_memory(void **state)
{
	struct token_rule both = rule_of(&two_keys, other_keys);
	struct buf token = BUF_INIT(TOKEN_MAX);
	enum error_code got;
	int refused = 0, kind;

	(void)state;
	for (kind = 0; kind < 2; kind++) {
		issue(&both, "", 3600, &token);
		if (kind)
			make_token(&token, "{'alg':'EdDSA'}",
			    "{" ISS "," AUD "," EXP "}", NULL);
		json_set_alloc_funcs(failing_malloc, free);
		for (plan.nth = 1;; plan.nth++) {
			plan.calls = 0;
			got = check(&both, buf_span(&token), NOW);
			if (plan.calls < plan.nth)
				break;
			refused += got == ERROR_CREDENTIALS;
		}
		json_set_alloc_funcs(malloc, free);
		assert_int_equal(got, ERROR_NONE);
		/* No tree is made of a token: none of these were asked. */
		assert_int_equal(plan.nth, 1);
	}
	assert_int_equal(refused, 0);
	buf_free(&token);
}

/* What stands in the buffer before a token is no part of it. */
static void
test_issue_appends(void **state)
{
	struct token_rule rule = rule_of(&one_key, NULL);
	struct buf token = BUF_INIT(TOKEN_MAX);
	struct error err = ERROR_INIT;

	(void)state;
	buf_append_text(&token, "kept");
	assert_int_equal(
	    token_issue(&rule, "shop", span_of(""), NOW, 60, &token, &err), 0);
	assert_memory_equal(token.at, "kept", 4);
	assert_check("appended", &rule,
	    (struct span){ token.at + 4, token.len - 4 }, NOW, true);
	buf_free(&token);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_issue_and_check),
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_rfc9068_what_is_issued),
		cmocka_unit_test(test_rfc9068_no_two_are_the_same),
		cmocka_unit_test(test_issue_ceiling),
		cmocka_unit_test(test_previous_key),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_unknown_key),
		cmocka_unit_test(test_rfc8725_types_and_algorithms),
		cmocka_unit_test(test_rfc8725_long_types),
		cmocka_unit_test(test_rfc8725_forgeries),
		cmocka_unit_test(test_every_flipped_bit_and_every_length),
		cmocka_unit_test(test_16_kib),
		cmocka_unit_test(test_good_token_without_memory),
		cmocka_unit_test(test_issue_appends),
	};

	return cmocka_run_group_tests(
	    tests, make_other_server, free_other_server);
}
