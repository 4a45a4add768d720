/* SPDX-License-Identifier: MIT */
/*
 * test_jwk - lib/jose/jwk: key sets (RFC 7517) and tokens verified with them
 *
 * tests/data/jwk/vectors has what the standards print. All other keys are
 * made here, and all other tokens signed here, by OpenSSL's other side.
 * In tables ' stands for " and a $ with a letter for the members of a key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "jose/jwk.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ROOM	     (4 << 20)
#define PAYLOAD	     "{\"sub\":\"shop\"}"

/* How to sign; a salt matters to PSS alone. */
enum way {
	PKCS1,
	PSS,
	ECDSA,
	ECDSA_DER,
	EDDSA
};

/* The letter that a table has for a key */
enum letter {
	R, /* RSA, 2048 bits */
	S, /* another one */
	W, /* RSA, 1024 bits */
	E, /* P-256 */
	F, /* another one */
	P, /* P-384 */
	D, /* Ed25519 */
	LETTERS
};

static const char letters[] = "RSWEFPD";
static EVP_PKEY *keys[LETTERS];
static char *members[LETTERS]; /* of the public key */

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

/* ,"name":"BASE64URL" of a number, with so many bytes or as few as can be */
static void
append_number(struct buf *out, const char *name, const EVP_PKEY *key,
    const char *param, int size)
{
	unsigned char bytes[512];
	BIGNUM *number = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, param, &number), 1);
	if (!size)
		size = BN_num_bytes(number);
	assert_int_equal(BN_bn2binpad(number, bytes, size), size);
	buf_printf(out, ",\"%s\":\"", name);
	append_base64url(out, bytes, (size_t)size);
	buf_append_byte(out, '"');
	BN_free(number);
}

/* The members of a JWK for the public half */
static char *
members_of(const EVP_PKEY *key, enum letter letter)
{
	struct buf out = BUF_INIT(4096);
	unsigned char raw[32];
	size_t len = sizeof(raw);
	int half = letter == P ? 48 : 32;

	if (letter == D) {
		buf_append_text(
		    &out, "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
		assert_int_equal(
		    EVP_PKEY_get_raw_public_key(key, raw, &len), 1);
		append_base64url(&out, raw, len);
		buf_append_byte(&out, '"');
	} else if (letter == E || letter == F || letter == P) {
		buf_printf(&out, "\"kty\":\"EC\",\"crv\":\"P-%d\"", half * 8);
		append_number(&out, "x", key, OSSL_PKEY_PARAM_EC_PUB_X, half);
		append_number(&out, "y", key, OSSL_PKEY_PARAM_EC_PUB_Y, half);
	} else {
		buf_append_text(&out, "\"kty\":\"RSA\"");
		append_number(&out, "n", key, OSSL_PKEY_PARAM_RSA_N, 0);
		append_number(&out, "e", key, OSSL_PKEY_PARAM_RSA_E, 0);
	}
	buf_append(&out, "", 1);
	assert_false(out.failed);
	return out.at;
}

static int
make_keys(void **state)
{
	size_t i;

	(void)state;
	keys[R] = EVP_RSA_gen(2048);
	keys[S] = EVP_RSA_gen(2048);
	keys[W] = EVP_RSA_gen(1024);
	keys[E] = EVP_EC_gen("P-256");
	keys[F] = EVP_EC_gen("P-256");
	keys[P] = EVP_EC_gen("P-384");
	keys[D] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	for (i = 0; i < LETTERS; i++) {
		assert_non_null(keys[i]);
		members[i] = members_of(keys[i], (enum letter)i);
	}
	return 0;
}

static int
free_keys(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < LETTERS; i++) {
		EVP_PKEY_free(keys[i]);
		free(members[i]);
	}
	return 0;
}

/* ' becomes ", $R the members of key R. */
static void
append_expanded(struct buf *out, const char *text)
{
	const char *letter;

	for (; *text; text++) {
		if (*text == '$') {
			letter = strchr(letters, *++text);
			assert_true(letter && *letter);
			buf_append_text(out, members[letter - letters]);
		} else {
			buf_append_byte(out, *text == '\'' ? '"' : *text);
		}
	}
}

/* DER to R and S side by side (RFC 7518 3.4) */
static size_t
join_halves(unsigned char *sig, size_t len)
{
	const unsigned char *at = sig;
	ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &at, (long)len);
	unsigned char raw[64];

	assert_non_null(parsed);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(parsed), raw, 32), 32);
	assert_int_equal(
	    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), raw + 32, 32), 32);
	ECDSA_SIG_free(parsed);
	memcpy(sig, raw, sizeof(raw));
	return sizeof(raw);
}

static size_t
sign(EVP_PKEY *key, enum way way, int salt, const char *digest,
    struct span bytes, unsigned char sig[512])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options = NULL;
	size_t len = 512;

	assert_int_equal(
	    EVP_DigestSignInit_ex(ctx, &options, way == EDDSA ? NULL : digest,
		NULL, NULL, key, NULL),
	    1);
	if (way == PSS) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(
				     options, RSA_PKCS1_PSS_PADDING),
		    1);
		assert_int_equal(
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(options, salt), 1);
	}
	assert_int_equal(EVP_DigestSign(ctx, sig, &len,
			     (const unsigned char *)bytes.at, bytes.len),
	    1);
	EVP_MD_CTX_free(ctx);
	return way == ECDSA ? join_halves(sig, len) : len;
}

static void
append_unsigned(struct buf *out, const char *header, const char *payload)
{
	struct buf text = BUF_INIT(ROOM);

	append_expanded(&text, header);
	append_base64url(out, text.at, text.len);
	buf_append_byte(out, '.');
	append_base64url(out, payload, strlen(payload));
	buf_free(&text);
}

static void
append_token(struct buf *out, const char *header, enum letter key, enum way way)
{
	unsigned char sig[512];
	size_t len;

	append_unsigned(out, header, PAYLOAD);
	len = sign(keys[key], way, 32, "SHA256", buf_span(out), sig);
	buf_append_byte(out, '.');
	append_base64url(out, sig, len);
}

/* Read {"keys":LIST} from a block of its size; NULL and a code if not. */
static struct jwk_set *
read_text(struct span text, enum error_code *code)
{
	struct jwk_set *set = NULL;
	struct error err = ERROR_INIT;
	char *copy = malloc(text.len ? text.len : 1);
	int rc;

	assert_non_null(copy);
	if (text.len)
		memcpy(copy, text.at, text.len);
	rc = jwk_set_read((struct span){ copy, text.len }, &set, &err);
	free(copy);
	assert_int_equal(rc == 0, err.code == ERROR_NONE);
	assert_int_equal(rc == 0, set != NULL);
	*code = err.code;
	return set;
}

static struct jwk_set *
read_expanded(const char *before, const char *text, const char *after,
    enum error_code *code)
{
	struct buf json = BUF_INIT(ROOM);
	struct jwk_set *set;

	append_expanded(&json, before);
	append_expanded(&json, text);
	append_expanded(&json, after);
	set = read_text(buf_span(&json), code);
	buf_free(&json);
	return set;
}

static struct jwk_set *
must_read(const char *list)
{
	enum error_code code;
	struct jwk_set *set = read_expanded("{'keys':", list, "}", &code);

	if (!set)
		fail_msg("%.200s: got %s", list, error_rule(code));
	return set;
}

/* Verify a token whose payload is this. */
static enum error_code
verify(const struct jwk_set *set, struct span token, struct span want)
{
	struct buf payload = BUF_INIT(ROOM);
	struct error err = ERROR_INIT;
	struct jwt jwt;
	int rc;

	buf_append_text(&payload, "kept");
	rc = jwt_parse(token, &jwt, &err);
	if (rc == 0)
		rc = jwk_verify(set, &jwt, &payload, &err);
	assert_int_equal(rc == 0, err.code == ERROR_NONE);
	assert_memory_equal(payload.at, "kept", 4);
	if (rc == 0) {
		assert_int_equal(payload.len, 4 + want.len);
		assert_memory_equal(payload.at + 4, want.at, want.len);
	} else {
		assert_int_equal(payload.len, 4);
	}
	buf_free(&payload);
	return err.code;
}

static void
assert_verdict(const char *what, const struct jwk_set *set, struct span token,
    enum error_code want)
{
	enum error_code got = verify(set, token, span_of(PAYLOAD));

	if (got != want)
		fail_msg("%s: got %s, want %s", what, error_rule(got),
		    error_rule(want));
}

/* Cut the text up to a separator off; all of it when there is none. */
static struct span
cut(struct span *rest, char separator)
{
	const char *end =
	    rest->len ? memchr(rest->at, separator, rest->len) : NULL;
	struct span part = { rest->at,
		end ? (size_t)(end - rest->at) : rest->len };

	rest->at += part.len + (end != NULL);
	rest->len -= part.len + (end != NULL);
	return part;
}

/* %XX becomes the byte. */
static void
append_unescaped(struct buf *out, struct span text)
{
	char digits[3] = "";
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.at[i] != '%') {
			buf_append_byte(out, text.at[i]);
			continue;
		}
		assert_true(i + 2 < text.len);
		memcpy(digits, text.at + i + 1, 2);
		buf_append_byte(out, (char)strtol(digits, NULL, 16));
		i += 2;
	}
}

static void
read_vectors(struct buf *text)
{
	const char *root = getenv("TESTDATA");
	char path[1024];
	FILE *file;
	size_t got;
	char *room;

	(void)snprintf(
	    path, sizeof(path), "%s/jwk/vectors", root ? root : "tests/data");
	file = fopen(path, "rb");
	if (!file)
		fail_msg("cannot read %s", path);
	do {
		room = buf_room(text, 4096);
		assert_non_null(room);
		got = fread(room, 1, 4096, file);
		text->len += got;
	} while (got);
	(void)fclose(file);
}

static void
test_rfc7515_a2_a3_and_rfc8037_a(void **state)
{
	struct buf text = BUF_INIT(ROOM), want = BUF_INIT(ROOM);
	struct span rest, line, name, json, token;
	struct jwk_set *set;
	enum error_code code;
	unsigned cases = 0;

	(void)state;
	read_vectors(&text);
	rest = buf_span(&text);
	while (rest.len) {
		line = cut(&rest, '\n');
		if (!line.len || *line.at == '#')
			continue;
		name = cut(&line, '\t');
		json = cut(&line, '\t');
		token = cut(&line, '\t');
		buf_reset(&want);
		append_unescaped(&want, line);
		set = read_text(json, &code);
		if (set)
			code = verify(set, token, buf_span(&want));
		if (code != ERROR_NONE)
			fail_msg("%.*s: got %s", (int)name.len, name.at,
			    error_rule(code));
		jwk_set_free(set);
		cases++;
	}
	assert_int_equal(cases, 3);
	buf_free(&want);
	buf_free(&text);
}

/* Which keys there are, what the token says, and who has signed it */
static void
test_choice(void **state)
{
	static const struct {
		const char *list, *header;
		enum letter key;
		enum way way;
		enum error_code want;
	} rows[] = {
		/* each algorithm, with its name at the key and without */
		{ "[{$R}]", "{'alg':'RS256'}", R, PKCS1, ERROR_NONE },
		{ "[{$R,'alg':'RS256'}]", "{'alg':'RS256'}", R, PKCS1,
		    ERROR_NONE },
		{ "[{$R,'alg':'PS256'}]", "{'alg':'PS256'}", R, PSS,
		    ERROR_NONE },
		{ "[{$E}]", "{'alg':'ES256'}", E, ECDSA, ERROR_NONE },
		{ "[{$E,'alg':'ES256'}]", "{'alg':'ES256'}", E, ECDSA,
		    ERROR_NONE },
		{ "[{$D}]", "{'alg':'EdDSA'}", D, EDDSA, ERROR_NONE },
		{ "[{$D,'alg':'EdDSA'}]", "{'alg':'EdDSA'}", D, EDDSA,
		    ERROR_NONE },
		/* RFC 7517 4.2, 4.3 */
		{ "[{$R,'use':'sig'}]", "{'alg':'RS256'}", R, PKCS1,
		    ERROR_NONE },
		{ "[{$R,'key_ops':['verify']}]", "{'alg':'RS256'}", R, PKCS1,
		    ERROR_NONE },
		{ "[{$R,'key_ops':['sign','verify'],'use':'sig'}]",
		    "{'alg':'RS256'}", R, PKCS1, ERROR_NONE },
		/* RFC 7517 4.5: kid chooses */
		{ "[{$R,'kid':'a'},{$S,'kid':'b'},{$E,'kid':'c'}]",
		    "{'alg':'RS256','kid':'a'}", R, PKCS1, ERROR_NONE },
		{ "[{$R,'kid':'a'},{$S,'kid':'b'},{$E,'kid':'c'}]",
		    "{'alg':'RS256','kid':'b'}", S, PKCS1, ERROR_NONE },
		{ "[{$R,'kid':'a'},{$S,'kid':'b'},{$E,'kid':'c'}]",
		    "{'alg':'ES256','kid':'c'}", E, ECDSA, ERROR_NONE },
		{ "[{$R,'kid':'a'},{$S,'kid':'b'}]",
		    "{'alg':'RS256','kid':'b'}", R, PKCS1, ERROR_SIGNATURE },
		{ "[{$R,'kid':'a'},{$S,'kid':'b'}]",
		    "{'alg':'RS256','kid':'d'}", R, PKCS1, ERROR_KEY_UNKNOWN },
		/* a kid that no newer set can have either */
		{ "[{$R,'kid':'a'}]", "{'alg':'RS512','kid':'d'}", R, PKCS1,
		    ERROR_SIGNATURE },
		{ "[{$R,'kid':'a'}]", "{'alg':'HS256','kid':'d'}", R, PKCS1,
		    ERROR_SIGNATURE },
		{ "[{$R,'kid':'a'}]", "{'alg':'none','kid':'d'}", R, PKCS1,
		    ERROR_SIGNATURE },
		{ "[{$R,'kid':'a'},{$E,'kid':'c'}]",
		    "{'alg':'RS256','kid':'c'}", R, PKCS1, ERROR_ALGORITHM },
		{ "[{$R,'kid':'a'}]", "{'alg':'RS256','kid':'A'}", R, PKCS1,
		    ERROR_KEY_UNKNOWN },
		{ "[{$R,'kid':'a'}]", "{'alg':'RS256','kid':'a '}", R, PKCS1,
		    ERROR_KEY_UNKNOWN },
		{ "[{$R,'kid':'a'}]", "{'alg':'RS256','kid':''}", R, PKCS1,
		    ERROR_KEY_UNKNOWN },
		{ "[{$R,'kid':'a'}]", "{'alg':'RS256','kid':null}", R, PKCS1,
		    ERROR_SIGNATURE },
		{ "[{$R,'kid':'1'}]", "{'alg':'RS256','kid':1}", R, PKCS1,
		    ERROR_SIGNATURE },
		{ "[{$R}]", "{'alg':'RS256','kid':'a'}", R, PKCS1,
		    ERROR_KEY_UNKNOWN },
		{ "[{$R},{$S,'kid':'b'}]", "{'alg':'RS256','kid':'b'}", S,
		    PKCS1, ERROR_NONE },
		/* no kid: one key, or none at all */
		{ "[{$R,'kid':'a'}]", "{'alg':'RS256'}", R, PKCS1, ERROR_NONE },
		{ "[{$R,'kid':'a'},{$S,'kid':'b'}]", "{'alg':'RS256'}", R,
		    PKCS1, ERROR_SIGNATURE },
		{ "[{$R},{$S}]", "{'alg':'RS256'}", S, PKCS1, ERROR_SIGNATURE },
		{ "[{$R},{$E}]", "{'alg':'RS256'}", R, PKCS1, ERROR_SIGNATURE },
		{ "[{$S,'use':'enc'},{$R}]", "{'alg':'RS256'}", R, PKCS1,
		    ERROR_NONE },
		/* RFC 8725 3.1: the token does not choose the algorithm */
		{ "[{$R}]", "{'alg':'PS256'}", R, PSS, ERROR_ALGORITHM },
		{ "[{$R,'alg':'RS256'}]", "{'alg':'PS256'}", R, PSS,
		    ERROR_ALGORITHM },
		{ "[{$R,'alg':'PS256'}]", "{'alg':'RS256'}", R, PKCS1,
		    ERROR_ALGORITHM },
		{ "[{$R}]", "{'alg':'ES256'}", R, PKCS1, ERROR_ALGORITHM },
		{ "[{$E}]", "{'alg':'RS256'}", E, ECDSA, ERROR_ALGORITHM },
		{ "[{$D}]", "{'alg':'ES256'}", D, EDDSA, ERROR_ALGORITHM },
		{ "[{$R}]", "{'alg':'rs256'}", R, PKCS1, ERROR_ALGORITHM },
		{ "[{$R}]", "{'alg':'RS512'}", R, PKCS1, ERROR_ALGORITHM },
		{ "[{$R}]", "{'alg':'RS256 '}", R, PKCS1, ERROR_ALGORITHM },
		{ "[{$R}]", "{'alg':'HS256'}", R, PKCS1, ERROR_ALGORITHM },
		{ "[{$R}]", "{'alg':'none'}", R, PKCS1, ERROR_ALGORITHM },
		{ "[{$R}]", "{'alg':null}", R, PKCS1, ERROR_ALGORITHM },
		{ "[{$R}]", "{'alg':['RS256']}", R, PKCS1, ERROR_ALGORITHM },
		{ "[{$R}]", "{}", R, PKCS1, ERROR_ALGORITHM },
		/* RFC 7515 4.1.2, 4.1.3, 4.1.6: their keys are not taken */
		{ "[{$R}]", "{'alg':'RS256','jwk':{$S}}", S, PKCS1,
		    ERROR_SIGNATURE },
		{ "[{$R}]", "{'alg':'RS256','jku':'https://example.com/'}", S,
		    PKCS1, ERROR_SIGNATURE },
		{ "[{$R}]", "{'alg':'RS256','jwk':{$S}}", R, PKCS1,
		    ERROR_NONE },
		/* keys of no use are passed over: RFC 7517 section 5 */
		{ "[1,null,'a',[],{},{'kty':'oct','k':'AAAA'},{$P},{$W},"
		  "{'kty':'new'},{$E}]",
		    "{'alg':'ES256'}", E, ECDSA, ERROR_NONE },
		{ "[{$W,'kid':'a'},{$R,'kid':'b'}]",
		    "{'alg':'RS256','kid':'a'}", W, PKCS1, ERROR_KEY_UNKNOWN },
		{ "[{$R,'alg':'RS512','kid':'a'},{$R,'kid':'b'}]",
		    "{'alg':'RS256','kid':'a'}", R, PKCS1, ERROR_KEY_UNKNOWN },
		{ "[{$R,'use':'enc','kid':'a'},{$S,'kid':'b'}]",
		    "{'alg':'RS256','kid':'a'}", R, PKCS1, ERROR_KEY_UNKNOWN },
		/* RFC 9864: another name of the same */
		{ "[{$D,'alg':'Ed25519'}]", "{'alg':'Ed25519'}", D, EDDSA,
		    ERROR_NONE },
		{ "[{$D,'alg':'Ed25519'}]", "{'alg':'EdDSA'}", D, EDDSA,
		    ERROR_NONE },
		{ "[{$D,'alg':'EdDSA'}]", "{'alg':'Ed25519'}", D, EDDSA,
		    ERROR_NONE },
		{ "[{$D}]", "{'alg':'Ed25519'}", D, EDDSA, ERROR_NONE },
		{ "[{$D,'kid':'a'},{$R,'kid':'a'}]",
		    "{'alg':'Ed25519','kid':'a'}", D, EDDSA, ERROR_NONE },
		{ "[{$D}]", "{'alg':'ed25519'}", D, EDDSA, ERROR_ALGORITHM },
		{ "[{$D}]", "{'alg':'Ed448'}", D, EDDSA, ERROR_ALGORITHM },
		{ "[{$R}]", "{'alg':'Ed25519'}", R, PKCS1, ERROR_ALGORITHM },
		/* another key of the same kind */
		{ "[{$R}]", "{'alg':'RS256'}", S, PKCS1, ERROR_SIGNATURE },
		{ "[{$E}]", "{'alg':'ES256'}", F, ECDSA, ERROR_SIGNATURE },
		/* another padding, another encoding: RFC 7518 3.4, 3.5 */
		{ "[{$R}]", "{'alg':'RS256'}", R, PSS, ERROR_SIGNATURE },
		{ "[{$R,'alg':'PS256'}]", "{'alg':'PS256'}", R, PKCS1,
		    ERROR_SIGNATURE },
		{ "[{$E}]", "{'alg':'ES256'}", E, ECDSA_DER, ERROR_SIGNATURE },
		{ "[{$R}]", "{'alg':'RS256','crit':['exp'],'exp':1}", R, PKCS1,
		    ERROR_CRITICAL },
	};
	struct buf token = BUF_INIT(ROOM), what = BUF_INIT(4096);
	struct jwk_set *set;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&token);
		buf_reset(&what);
		buf_printf(&what, "%s, %s", rows[i].list, rows[i].header);
		set = must_read(rows[i].list);
		append_token(&token, rows[i].header, rows[i].key, rows[i].way);
		assert_verdict(what.at, set, buf_span(&token), rows[i].want);
		jwk_set_free(set);
	}
	buf_free(&what);
	buf_free(&token);
}

static void
test_long_kid(void **state)
{
	struct buf list = BUF_INIT(4096), header = BUF_INIT(4096);
	struct buf token = BUF_INIT(4096);
	struct jwk_set *set;
	int len;

	(void)state;
	for (len = 254; len <= 255; len++) {
		buf_reset(&list);
		buf_reset(&header);
		buf_reset(&token);
		buf_printf(&list, "[{$D,'kid':'%0*d'},{$E}]", len, 7);
		buf_printf(&header, "{'alg':'EdDSA','kid':'%0*d'}", len, 7);
		set = must_read(list.at);
		append_token(&token, header.at, D, EDDSA);
		assert_verdict("long kid", set, buf_span(&token), ERROR_NONE);
		jwk_set_free(set);
	}
	buf_free(&token);
	buf_free(&header);
	buf_free(&list);
}

/* Sets without a key that could be used, and what is no set */
static void
test_no_usable_key(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"{",
		"[]",
		"null",
		"'keys'",
		"{}",
		"{'keys':[]}",
		"{'keys':{}}",
		"{'keys':null}",
		"{'keys':'$R'}",
		"{'keys':{$R}}",
		"{'Keys':[{$R}]}",
		"{'keys':[[{$R}]]}",
		"{$R}",
		"[{$R}]",
		"{'keys':[{$R}]",
		"{'keys':[{$R}]}x",
		"{'keys':[{$R}]}{'keys':[{$R}]}",
		"{'keys':[{$R},]}",
		"{'keys':[{$R}],'x':\xff}",
		"{'keys':[{$R,'x':'\xff'}]}",
		"\xef\xbb\xbf{'keys':[{$R}]}",
		/* RFC 7517 section 4: names are unique */
		"{'keys':[{$R}],'keys':[{$R}]}",
		"{'keys':[{$R,'kid':'a','kid':'b'}]}",
		"{'keys':[{$R,'kty':'RSA'}]}",
		"{'keys':[{$R}],'x':{'a':1,'a':1}}",
		/* RFC 7517 4.2, 4.3: not for verifying */
		"{'keys':[{$R,'use':'enc'}]}",
		"{'keys':[{$R,'use':''}]}",
		"{'keys':[{$R,'use':'Sig'}]}",
		"{'keys':[{$R,'key_ops':[]}]}",
		"{'keys':[{$R,'key_ops':['sign','encrypt']}]}",
		"{'keys':[{$R,'key_ops':'verify'}]}",
		"{'keys':[{$R,'key_ops':['Verify',1,null]}]}",
		"{'keys':[{$R,'use':'enc','key_ops':['verify']}]}",
		/* an algorithm that is none of ours, or of another type */
		"{'keys':[{$R,'alg':'RS512'}]}",
		"{'keys':[{$R,'alg':'RSA-OAEP'}]}",
		"{'keys':[{$R,'alg':'HS256'}]}",
		"{'keys':[{$R,'alg':'none'}]}",
		"{'keys':[{$R,'alg':'ES256'}]}",
		"{'keys':[{$E,'alg':'RS256'}]}",
		"{'keys':[{$E,'alg':'ES384'}]}",
		"{'keys':[{$D,'alg':'ES256'}]}",
		"{'keys':[{'kty':'oct','k':'AAAAAAAAAAAAAAAAAAAAAAAA'}]}",
		/* RFC 7518 6.3: RSA */
		"{'keys':[{$W}]}",
		"{'keys':[{'kty':'RSA'}]}",
		"{'keys':[{'kty':'RSA','e':'AQAB'}]}",
		"{'keys':[{'kty':'RSA','n':'','e':'AQAB'}]}",
		"{'keys':[{'kty':'RSA','n':'AAAA','e':'AQAB'}]}",
		"{'keys':[{'kty':'RSA','n':65537,'e':'AQAB'}]}",
		"{'keys':[{'kty':'rsa','n':'AAAA','e':'AQAB'}]}",
		/* RFC 7518 6.2: EC */
		"{'keys':[{$P}]}",
		"{'keys':[{'kty':'EC','crv':'P-256'}]}",
		"{'keys':[{'kty':'EC','crv':'P-256','x':"
		"'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU'}]}",
		/* RFC 8037: other curves */
		"{'keys':[{'kty':'OKP','crv':'Ed25519'}]}",
		"{'keys':[{'kty':'OKP','crv':'Ed25519','x':'AAAA'}]}",
		"{'keys':[{'kty':'OKP','crv':'X25519','x':"
		"'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'}]}",
		"{'keys':[{'kty':'OKP','crv':'Ed448','x':"
		"'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'}]}",
		"{'keys':[{'kty':'OKP','x':"
		"'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'}]}",
		"{'keys':[{'kty':'OKP','crv':'Ed25519','x':"
		"'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo='}]}",
	};
	enum error_code code;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		if (read_expanded("", rows[i], "", &code))
			fail_msg("%s: got a set", rows[i]);
		if (code != ERROR_CONFIGURATION)
			fail_msg("%s: got %s", rows[i], error_rule(code));
	}
	assert_null(read_text((struct span){ NULL, 0 }, &code));
	assert_int_equal(code, ERROR_CONFIGURATION);
	jwk_set_free(NULL);
}

/* Is a P-256 key of these coordinates taken? */
static bool
takes_point(struct span x, struct span y)
{
	struct buf list = BUF_INIT(4096);
	struct jwk_set *set;
	enum error_code code;

	buf_append_text(&list, "[{'kty':'EC','crv':'P-256','x':'");
	append_base64url(&list, x.at, x.len);
	buf_append_text(&list, "','y':'");
	append_base64url(&list, y.at, y.len);
	buf_append(&list, "'}]", 4);
	set = read_expanded("{'keys':", list.at, "}", &code);
	jwk_set_free(set);
	buf_free(&list);
	return set != NULL;
}

/* RFC 7518 6.2.1.2: 32 bytes each, and on the curve */
static void
test_rfc7518_points(void **state)
{
	char x[34] = "", y[34] = "", xy[64], zero[32] = "";
	struct span sx = { x + 1, 32 }, sy = { y + 1, 32 };
	BIGNUM *number = NULL;

	(void)state;
	assert_int_equal(
	    EVP_PKEY_get_bn_param(keys[E], OSSL_PKEY_PARAM_EC_PUB_X, &number),
	    1);
	assert_int_equal(BN_bn2binpad(number, (unsigned char *)x + 1, 32), 32);
	assert_int_equal(
	    EVP_PKEY_get_bn_param(keys[E], OSSL_PKEY_PARAM_EC_PUB_Y, &number),
	    1);
	assert_int_equal(BN_bn2binpad(number, (unsigned char *)y + 1, 32), 32);
	BN_free(number);
	assert_true(takes_point(sx, sy));
	assert_false(takes_point(sy, sx));
	assert_false(takes_point(sx, sx));
	assert_false(takes_point((struct span){ x, 33 }, sy));
	assert_false(takes_point(sx, (struct span){ y, 33 }));
	assert_false(takes_point((struct span){ x + 1, 31 }, sy));
	assert_false(takes_point(sx, (struct span){ y + 1, 31 }));
	/* The right bytes, cut in the wrong place */
	memcpy(xy, x + 1, 32);
	memcpy(xy + 32, y + 1, 32);
	assert_false(
	    takes_point((struct span){ xy, 31 }, (struct span){ xy + 31, 33 }));
	assert_false(
	    takes_point((struct span){ xy, 33 }, (struct span){ xy + 33, 31 }));
	assert_false(
	    takes_point((struct span){ xy, 64 }, (struct span){ xy, 0 }));
	assert_false(takes_point((struct span){ zero, 32 }, sy));
	assert_false(
	    takes_point((struct span){ zero, 32 }, (struct span){ zero, 32 }));
	y[32] = (char)(y[32] ^ 1);
	assert_false(takes_point(sx, sy));
}

/* A modulus and an exponent as bytes; NULL when it is passed over. */
static struct jwk_set *
read_rsa(struct span n, struct span e)
{
	struct buf list = BUF_INIT(65536);
	struct jwk_set *set;
	enum error_code code;

	buf_append_text(&list, "[{'kty':'RSA','n':'");
	append_base64url(&list, n.at, n.len);
	buf_append_text(&list, "','e':'");
	append_base64url(&list, e.at, e.len);
	buf_append(&list, "'}]", 4);
	set = read_expanded("{'keys':", list.at, "}", &code);
	buf_free(&list);
	return set;
}

/* RFC 7518 6.3.1.1 knows of implementations that put zero bytes in front. */
static void
test_rfc7518_rsa_leading_zeros(void **state)
{
	unsigned char n[8 + 256] = "", e[8 + 3] = { [8] = 1, 0, 1 };
	struct buf token = BUF_INIT(4096);
	struct jwk_set *set;
	BIGNUM *number = NULL;
	size_t zeros;

	(void)state;
	assert_int_equal(
	    EVP_PKEY_get_bn_param(keys[R], OSSL_PKEY_PARAM_RSA_N, &number), 1);
	assert_int_equal(BN_bn2binpad(number, n + 8, 256), 256);
	BN_free(number);
	append_token(&token, "{'alg':'RS256'}", R, PKCS1);
	for (zeros = 0; zeros <= 8; zeros++) {
		set = read_rsa(
		    (struct span){ (char *)n + 8 - zeros, 256 + zeros },
		    (struct span){ (char *)e + 8 - zeros, 3 + zeros });
		assert_non_null(set);
		assert_verdict("zeros", set, buf_span(&token), ERROR_NONE);
		jwk_set_free(set);
	}
	/* Zero bytes do not make a short modulus long. */
	memset(n, 0, 9);
	assert_null(read_rsa((struct span){ (char *)n, sizeof(n) },
	    (struct span){ (char *)e + 8, 3 }));
	buf_free(&token);
}

static void
test_huge_rsa_numbers(void **state)
{
	static char huge[8192];
	struct span e = { "\1\0\1", 3 };

	(void)state;
	memset(huge, 0xff, sizeof(huge));
	assert_null(read_rsa((struct span){ huge, 2100 }, e));
	assert_null(read_rsa((struct span){ huge, sizeof(huge) }, e));
	assert_null(
	    read_rsa((struct span){ huge, 256 }, (struct span){ huge, 32 }));
	assert_null(
	    read_rsa((struct span){ huge, 256 }, (struct span){ huge, 256 }));
}

/* Keys of one kind by the names k0, k1 and so on */
static struct jwk_set *
read_many(const char *first, int count, enum error_code *code)
{
	struct buf list = BUF_INIT(ROOM);
	struct jwk_set *set;
	int i;

	for (i = 0; i < count; i++)
		buf_printf(
		    &list, "%s{%s,'kid':'k%d'}", i ? "," : first, "$D", i);
	set = read_expanded("{'keys':[", list.at, "]}", code);
	buf_free(&list);
	return set;
}

static void
test_64_keys_are_taken(void **state)
{
	struct buf first = BUF_INIT(ROOM), token = BUF_INIT(4096);
	struct jwk_set *set;
	enum error_code code;
	int i;

	(void)state;
	set = read_many("", 65, &code);
	assert_non_null(set);
	append_token(&token, "{'alg':'EdDSA','kid':'k63'}", D, EDDSA);
	assert_verdict("the 64th", set, buf_span(&token), ERROR_NONE);
	buf_reset(&token);
	append_token(&token, "{'alg':'EdDSA','kid':'k64'}", D, EDDSA);
	assert_verdict("the 65th", set, buf_span(&token), ERROR_KEY_UNKNOWN);
	jwk_set_free(set);
	/* Those that are passed over do not count. */
	for (i = 0; i < 200; i++)
		buf_append_text(&first, "{'kty':'oct'},");
	buf_append(&first, "", 1);
	set = read_many(first.at, 64, &code);
	assert_non_null(set);
	buf_reset(&token);
	append_token(&token, "{'alg':'EdDSA','kid':'k63'}", D, EDDSA);
	assert_verdict("the 64th", set, buf_span(&token), ERROR_NONE);
	jwk_set_free(set);
	buf_free(&token);
	buf_free(&first);
}

/* White space is part of a set's size. */
static void
test_set_of_1_mib(void **state)
{
	struct buf json = BUF_INIT(ROOM);
	struct jwk_set *set;
	enum error_code code;

	(void)state;
	append_expanded(&json, "{'keys':[{$D}]}");
	while (json.len < JWK_BYTES_MAX)
		buf_append_byte(&json, ' ');
	set = read_text(buf_span(&json), &code);
	assert_non_null(set);
	jwk_set_free(set);
	buf_append_byte(&json, ' ');
	assert_null(read_text(buf_span(&json), &code));
	assert_int_equal(code, ERROR_CONFIGURATION);
	buf_free(&json);
}

static void
test_deep_set(void **state)
{
	struct buf json = BUF_INIT(ROOM);
	enum error_code code;
	size_t i;

	(void)state;
	buf_append_text(&json, "{\"keys\":");
	for (i = 0; i < 500000; i++)
		buf_append_byte(&json, '[');
	assert_null(read_text(buf_span(&json), &code));
	assert_int_equal(code, ERROR_CONFIGURATION);
	buf_free(&json);
}

/* The way of each algorithm, and a set of its key */
static const struct {
	const char *list, *header;
	enum letter key;
	enum way way;
} each[] = {
	{ "[{$R}]", "{'alg':'RS256'}", R, PKCS1 },
	{ "[{$R,'alg':'PS256'}]", "{'alg':'PS256'}", R, PSS },
	{ "[{$E}]", "{'alg':'ES256'}", E, ECDSA },
	{ "[{$D}]", "{'alg':'EdDSA'}", D, EDDSA },
};

static void
test_every_flipped_bit_and_every_length(void **state)
{
	struct buf token = BUF_INIT(4096);
	struct jwk_set *set;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(each); i++) {
		buf_reset(&token);
		set = must_read(each[i].list);
		append_token(&token, each[i].header, each[i].key, each[i].way);
		for (j = 0; j < token.len * 8; j++) {
			token.at[j / 8] = (char)(token.at[j / 8] ^ 1 << j % 8);
			if (verify(set, buf_span(&token), span_of(PAYLOAD)) ==
			    ERROR_NONE)
				fail_msg("%s: bit %zu of %s", each[i].header, j,
				    token.at);
			token.at[j / 8] = (char)(token.at[j / 8] ^ 1 << j % 8);
		}
		for (j = 0; j < token.len; j++)
			if (verify(set, (struct span){ token.at, j },
				span_of(PAYLOAD)) == ERROR_NONE)
				fail_msg(
				    "%s: %zu are enough", each[i].header, j);
		assert_verdict(
		    each[i].header, set, buf_span(&token), ERROR_NONE);
		jwk_set_free(set);
	}
	buf_free(&token);
}

/* A good token's header and payload, with these bytes for a signature */
static enum error_code
try_signature(const struct jwk_set *set, const char *header,
    const unsigned char *sig, size_t len)
{
	struct buf token = BUF_INIT(ROOM);
	enum error_code code;

	append_unsigned(&token, header, PAYLOAD);
	buf_append_byte(&token, '.');
	append_base64url(&token, sig, len);
	code = verify(set, buf_span(&token), span_of(PAYLOAD));
	buf_free(&token);
	return code;
}

/* Zero bytes around a good signature, and no bytes at all */
static void
test_longer_signatures(void **state)
{
	unsigned char sig[516] = "", none[4096] = "";
	struct buf text = BUF_INIT(4096);
	struct jwk_set *set;
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT(each); i++) {
		buf_reset(&text);
		append_unsigned(&text, each[i].header, PAYLOAD);
		memset(sig, 0, sizeof(sig));
		len = sign(keys[each[i].key], each[i].way, 32, "SHA256",
		    buf_span(&text), sig + 2);
		set = must_read(each[i].list);
		assert_int_equal(
		    try_signature(set, each[i].header, sig + 2, len),
		    ERROR_NONE);
		assert_int_equal(
		    try_signature(set, each[i].header, sig + 1, len + 1),
		    ERROR_SIGNATURE);
		assert_int_equal(
		    try_signature(set, each[i].header, sig + 2, len + 1),
		    ERROR_SIGNATURE);
		assert_int_equal(
		    try_signature(set, each[i].header, sig + 2, 2 * len),
		    ERROR_SIGNATURE);
		for (len = 0; len <= 4096; len = len * 2 + 1)
			assert_int_equal(
			    try_signature(set, each[i].header, none, len),
			    ERROR_SIGNATURE);
		for (len = 16; len <= 4096; len *= 2)
			assert_int_equal(
			    try_signature(set, each[i].header, none, len),
			    ERROR_SIGNATURE);
		jwk_set_free(set);
	}
	buf_free(&text);
}

/* FIPS 186-4: R and S are from 1 to n - 1. */
static void
test_es256_numbers_out_of_range(void **state)
{
	static const char order[] = "FFFFFFFF00000000FFFFFFFFFFFFFFFF"
				    "BCE6FAADA7179E84F3B9CAC2FC632551";
	struct jwk_set *set = must_read("[{$E}]");
	unsigned char good[512], sig[64], n[32];
	struct buf text = BUF_INIT(4096);
	BIGNUM *number = NULL;
	size_t half;

	(void)state;
	assert_int_equal(BN_hex2bn(&number, order), 64);
	assert_int_equal(BN_bn2binpad(number, n, 32), 32);
	BN_free(number);
	append_unsigned(&text, "{'alg':'ES256'}", PAYLOAD);
	assert_int_equal(
	    sign(keys[E], ECDSA, 0, "SHA256", buf_span(&text), good), 64);
	for (half = 0; half < 64; half += 32) {
		memcpy(sig, good, sizeof(sig));
		memset(sig + half, 0, 32);
		assert_int_equal(
		    try_signature(set, "{'alg':'ES256'}", sig, sizeof(sig)),
		    ERROR_SIGNATURE);
		memcpy(sig + half, n, 32);
		assert_int_equal(
		    try_signature(set, "{'alg':'ES256'}", sig, sizeof(sig)),
		    ERROR_SIGNATURE);
		memset(sig + half, 0xff, 32);
		assert_int_equal(
		    try_signature(set, "{'alg':'ES256'}", sig, sizeof(sig)),
		    ERROR_SIGNATURE);
	}
	buf_free(&text);
	jwk_set_free(set);
}

/* RFC 7518 3.5: a salt of 32 bytes; 3.3: SHA-256 */
static void
test_rfc7518_salt_and_digest(void **state)
{
	static const int salts[] = { 0, 20, 31, 33, 64, 222 };
	struct jwk_set *pss = must_read("[{$R,'alg':'PS256'}]");
	struct jwk_set *pkcs1 = must_read("[{$R}]");
	struct buf text = BUF_INIT(4096);
	unsigned char sig[512];
	size_t i, len;

	(void)state;
	append_unsigned(&text, "{'alg':'PS256'}", PAYLOAD);
	for (i = 0; i < COUNT(salts); i++) {
		len = sign(
		    keys[R], PSS, salts[i], "SHA256", buf_span(&text), sig);
		assert_int_equal(
		    try_signature(pss, "{'alg':'PS256'}", sig, len),
		    ERROR_SIGNATURE);
	}
	len = sign(keys[R], PSS, 32, "SHA512", buf_span(&text), sig);
	assert_int_equal(
	    try_signature(pss, "{'alg':'PS256'}", sig, len), ERROR_SIGNATURE);
	buf_reset(&text);
	append_unsigned(&text, "{'alg':'RS256'}", PAYLOAD);
	len = sign(keys[R], PKCS1, 0, "SHA1", buf_span(&text), sig);
	assert_int_equal(
	    try_signature(pkcs1, "{'alg':'RS256'}", sig, len), ERROR_SIGNATURE);
	len = sign(keys[R], PKCS1, 0, "SHA512", buf_span(&text), sig);
	assert_int_equal(
	    try_signature(pkcs1, "{'alg':'RS256'}", sig, len), ERROR_SIGNATURE);
	buf_free(&text);
	jwk_set_free(pkcs1);
	jwk_set_free(pss);
}

/* RFC 8725 2.1: an HMAC under what everybody knows of a public key */
static void
test_rfc8725_hmac_under_the_public_key(void **state)
{
	struct jwk_set *set = must_read("[{$R}]");
	struct buf text = BUF_INIT(4096);
	unsigned char mac[32], *der = NULL;
	int len = i2d_PUBKEY(keys[R], &der);

	(void)state;
	assert_true(len > 0);
	append_unsigned(&text, "{'alg':'HS256'}", PAYLOAD);
	assert_non_null(HMAC(EVP_sha256(), der, len,
	    (const unsigned char *)text.at, text.len, mac, NULL));
	assert_int_equal(
	    try_signature(set, "{'alg':'HS256'}", mac, 32), ERROR_ALGORITHM);
	assert_non_null(HMAC(EVP_sha256(), members[R], (int)strlen(members[R]),
	    (const unsigned char *)text.at, text.len, mac, NULL));
	assert_int_equal(
	    try_signature(set, "{'alg':'HS256'}", mac, 32), ERROR_ALGORITHM);
	assert_int_equal(
	    try_signature(set, "{'alg':'none'}", mac, 0), ERROR_ALGORITHM);
	OPENSSL_free(der);
	buf_free(&text);
	jwk_set_free(set);
}

/* Signed by somebody of ours, and yet no payload */
static void
test_signed_payload_is_no_base64url(void **state)
{
	struct jwk_set *set = must_read("[{$D}]");
	struct buf token = BUF_INIT(4096);
	unsigned char sig[512];
	size_t len;

	(void)state;
	append_base64url(&token, "{\"alg\":\"EdDSA\"}", 15);
	buf_append_text(&token, ".a+b=");
	len = sign(keys[D], EDDSA, 0, NULL, buf_span(&token), sig);
	buf_append_byte(&token, '.');
	append_base64url(&token, sig, len);
	assert_verdict("payload", set, buf_span(&token), ERROR_TOKEN_FORM);
	buf_free(&token);
	jwk_set_free(set);
}

/* A payload that does not fit is a fault of ours. */
static void
test_payload_ceiling(void **state)
{
	struct jwk_set *set = must_read("[{$D}]");
	struct buf token = BUF_INIT(4096), payload = BUF_INIT(4);
	struct error err = ERROR_INIT;
	struct jwt jwt;

	(void)state;
	append_token(&token, "{'alg':'EdDSA'}", D, EDDSA);
	assert_int_equal(jwt_parse(buf_span(&token), &jwt, &err), 0);
	assert_int_equal(jwk_verify(set, &jwt, &payload, &err), -1);
	assert_int_equal(err.code, ERROR_MEMORY);
	buf_free(&payload);
	buf_free(&token);
	jwk_set_free(set);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc7515_a2_a3_and_rfc8037_a),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_long_kid),
		cmocka_unit_test(test_no_usable_key),
		cmocka_unit_test(test_rfc7518_points),
		cmocka_unit_test(test_rfc7518_rsa_leading_zeros),
		cmocka_unit_test(test_huge_rsa_numbers),
		cmocka_unit_test(test_64_keys_are_taken),
		cmocka_unit_test(test_set_of_1_mib),
		cmocka_unit_test(test_deep_set),
		cmocka_unit_test(test_every_flipped_bit_and_every_length),
		cmocka_unit_test(test_longer_signatures),
		cmocka_unit_test(test_es256_numbers_out_of_range),
		cmocka_unit_test(test_rfc7518_salt_and_digest),
		cmocka_unit_test(test_rfc8725_hmac_under_the_public_key),
		cmocka_unit_test(test_signed_payload_is_no_base64url),
		cmocka_unit_test(test_payload_ceiling),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
