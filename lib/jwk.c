/* SPDX-License-Identifier: MIT */
/*
 * jwk - public keys of another authorization server (RFC 7517, RFC 7518,
 * RFC 8037), and tokens verified with them
 */
#include "jwk.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "base64.h"
#include "json.h"

#define NUMBER_MAX    2048 /* bytes of a modulus: 16384 bits */
#define SIGNATURE_MAX 2048 /* bytes */
#define ES256_HALF    32   /* RFC 7518 3.4: R and S, 32 bytes each */

enum algorithm {
	RS256,
	PS256,
	ES256,
	EDDSA
};

static const struct {
	const char *name, *type;
} algorithms[] = {
	[RS256] = { "RS256", "RSA" },
	[PS256] = { "PS256", "RSA" },
	[ES256] = { "ES256", "EC" },
	[EDDSA] = { "EdDSA", "OKP" },
};

struct jwk {
	char *kid; /* NULL: none */
	enum algorithm algorithm;
	EVP_PKEY *key;
};

struct jwk_set {
	struct jwk keys[JWK_SET_MAX];
	size_t count;
};

static const char *
text_of(const json_t *jwk, const char *name)
{
	return json_string_value(json_object_get(jwk, name));
}

/*
 * A member that holds bytes in base64url. False when there is none, and
 * with ERROR_MEMORY in *err when memory did not allow to read it.
 */
static bool
bytes_of(
    const json_t *jwk, const char *name, struct buf *out, struct error *err)
{
	const char *text = text_of(jwk, name);

	/* Room for all of it: what fails then is memory. */
	out->max = out->len + (text ? strlen(text) : 0) + 4;
	return text && base64url_decode(span_of(text), out) &&
	    buf_check(out, err) == 0 && out->len > 0;
}

static EVP_PKEY *
no_memory(struct error *err)
{
	(void)error_set(err, ERROR_MEMORY, "no memory for keys");
	return NULL;
}

/* The key, NULL when its numbers make none. */
static EVP_PKEY *
make_key(const char *type, OSSL_PARAM_BLD *builder, struct error *err)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1)
		(void)no_memory(err);
	else if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

/* RFC 7518 6.3.1. */
static EVP_PKEY *
read_rsa(const json_t *jwk, struct error *err)
{
	struct buf n = BUF_INIT(0), e = BUF_INIT(0);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *modulus = NULL, *exponent = NULL;
	EVP_PKEY *key = NULL;

	if (!bytes_of(jwk, "n", &n, err) || !bytes_of(jwk, "e", &e, err) ||
	    n.len > NUMBER_MAX || e.len > NUMBER_MAX)
		goto out;
	modulus = BN_bin2bn((unsigned char *)n.at, (int)n.len, NULL);
	exponent = BN_bin2bn((unsigned char *)e.at, (int)e.len, NULL);
	if (!builder || !modulus || !exponent) {
		(void)no_memory(err);
		goto out;
	}
	/* RFC 7518 3.3 and 3.5: 2048 bits or more. */
	if (BN_num_bits(modulus) < JWK_RSA_BITS || !BN_is_odd(exponent) ||
	    BN_is_one(exponent) || BN_num_bits(exponent) > 64)
		goto out;
	if (!OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) ||
	    !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
		(void)no_memory(err);
	else
		key = make_key("RSA", builder, err);
out:
	BN_free(modulus);
	BN_free(exponent);
	OSSL_PARAM_BLD_free(builder);
	buf_free(&n);
	buf_free(&e);
	return key;
}

/* RFC 7518 6.2.1, P-256 alone: an uncompressed point. */
static EVP_PKEY *
read_ec(const json_t *jwk, struct error *err)
{
	struct buf point = BUF_INIT(1);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	const char *curve = text_of(jwk, "crv");
	EVP_PKEY *key = NULL;

	buf_append_byte(&point, 4);
	if (!curve || strcmp(curve, "P-256") != 0 ||
	    !bytes_of(jwk, "x", &point, err) || point.len != 1 + ES256_HALF ||
	    !bytes_of(jwk, "y", &point, err) || point.len != 1 + 2 * ES256_HALF)
		goto out;
	if (!builder ||
	    !OSSL_PARAM_BLD_push_utf8_string(
		builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ||
	    !OSSL_PARAM_BLD_push_octet_string(
		builder, OSSL_PKEY_PARAM_PUB_KEY, point.at, point.len))
		(void)no_memory(err);
	else
		key = make_key("EC", builder, err);
out:
	OSSL_PARAM_BLD_free(builder);
	buf_free(&point);
	return key;
}

/* RFC 8037 section 2. */
static EVP_PKEY *
read_okp(const json_t *jwk, struct error *err)
{
	struct buf x = BUF_INIT(0);
	const char *curve = text_of(jwk, "crv");
	EVP_PKEY *key = NULL;

	if (curve && strcmp(curve, "Ed25519") == 0 &&
	    bytes_of(jwk, "x", &x, err) && x.len == 32) {
		key = EVP_PKEY_new_raw_public_key(
		    EVP_PKEY_ED25519, NULL, (unsigned char *)x.at, x.len);
		/* Any 32 bytes make one. */
		if (!key)
			(void)no_memory(err);
	}
	buf_free(&x);
	return key;
}

/* RFC 7517 4.2 and 4.3: a key that may not verify is not used for it. */
static bool
is_for_verifying(const json_t *jwk)
{
	const char *use = text_of(jwk, "use");
	json_t *operations = json_object_get(jwk, "key_ops"), *operation;
	size_t i;

	if (use && strcmp(use, "sig") != 0)
		return false;
	if (!operations)
		return true;
	json_array_foreach(
	    operations, i, operation) if (json_string_value(operation) &&
	    strcmp(json_string_value(operation), "verify") == 0) return true;
	return false;
}

/* The one algorithm of a key; false when we have none for it. */
static bool
find_algorithm(const json_t *jwk, enum algorithm *algorithm)
{
	const char *type = text_of(jwk, "kty"), *name = text_of(jwk, "alg");
	size_t i;

	for (i = 0; type && i < sizeof(algorithms) / sizeof(algorithms[0]);
	     i++) {
		if (strcmp(type, algorithms[i].type) != 0)
			continue;
		/* Without alg the first of its type: RS256 for RSA. */
		if (name && strcmp(name, algorithms[i].name) != 0)
			continue;
		*algorithm = (enum algorithm)i;
		return true;
	}
	return false;
}

/* Add a key if it is one of ours. -1: no memory. */
static int
add_key(struct jwk_set *set, const json_t *jwk, struct error *err)
{
	struct jwk *slot = &set->keys[set->count];
	const char *kid = text_of(jwk, "kid");

	if (set->count == JWK_SET_MAX || !is_for_verifying(jwk) ||
	    !find_algorithm(jwk, &slot->algorithm))
		return 0;
	switch (slot->algorithm) {
	case RS256:
	case PS256:
		slot->key = read_rsa(jwk, err);
		break;
	case ES256:
		slot->key = read_ec(jwk, err);
		break;
	case EDDSA:
		slot->key = read_okp(jwk, err);
		break;
	}
	if (!slot->key)
		return err->code == ERROR_NONE ? 0 : -1;
	slot->kid = kid ? strdup(kid) : NULL;
	set->count++;
	if (kid && !slot->kid)
		(void)no_memory(err);
	return err->code == ERROR_NONE ? 0 : -1;
}

/*
 * The set as a tree. The scanner has found it sound, so what jansson then
 * refuses without naming one of these is refused for want of memory.
 */
static json_t *
load(struct span json, struct error *err)
{
	json_error_t why = { .text = "" };
	struct json_value scanned;
	json_t *root = NULL;

	if (json.len > JWK_BYTES_MAX || !json_scan(json, &scanned) ||
	    scanned.type != JSON_TYPE_OBJECT) {
		(void)error_set(
		    err, ERROR_CONFIGURATION, "the key set is no JSON object");
		return NULL;
	}
	root = json_loadb(json.at, json.len, JSON_REJECT_DUPLICATES, &why);
	if (root)
		return root;
	switch (json_error_code(&why)) {
	case json_error_duplicate_key:
	case json_error_null_character:
	case json_error_null_byte_in_key:
	case json_error_numeric_overflow:
		(void)error_set(
		    err, ERROR_CONFIGURATION, "the key set is not sound");
		break;
	default:
		(void)no_memory(err);
	}
	return NULL;
}

int
jwk_set_read(struct span json, struct jwk_set **set, struct error *err)
{
	struct jwk_set *found = calloc(1, sizeof(*found));
	json_t *root, *jwk;
	size_t i;

	if (!found)
		return error_set(err, ERROR_MEMORY, "no memory for keys");
	root = load(json, err);
	json_array_foreach(json_object_get(root, "keys"), i,
	    jwk) if (add_key(found, jwk, err) < 0) break;
	json_decref(root);
	if (err->code == ERROR_NONE && !found->count)
		(void)error_set(
		    err, ERROR_CONFIGURATION, "no usable key in the key set");
	if (err->code != ERROR_NONE) {
		jwk_set_free(found);
		return -1;
	}
	*set = found;
	return 0;
}

void
jwk_set_free(struct jwk_set *set)
{
	size_t i;

	for (i = 0; set && i < set->count; i++) {
		free(set->keys[i].kid);
		EVP_PKEY_free(set->keys[i].key);
	}
	free(set);
}

/* What looking at a signature can come to. */
enum verdict {
	GOOD,
	BAD,
	UNKNOWN /* a fault of ours */
};

/* RFC 7518 3.4 has R and S side by side, OpenSSL wants them in DER. */
static enum verdict
ecdsa_to_der(struct span raw, struct buf *der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	const unsigned char *at = (const unsigned char *)raw.at;
	unsigned char *text = NULL;
	BIGNUM *r, *s;
	int len = -1;

	if (raw.len != 2 * ES256_HALF) {
		ECDSA_SIG_free(sig);
		return BAD;
	}
	r = BN_bin2bn(at, ES256_HALF, NULL);
	s = BN_bin2bn(at + ES256_HALF, ES256_HALF, NULL);
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL; /* now the signature's */
		len = i2d_ECDSA_SIG(sig, &text);
	}
	if (len > 0)
		buf_append(der, text, (size_t)len);
	OPENSSL_free(text);
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return len > 0 && !der->failed ? GOOD : UNKNOWN;
}

/* Was it memory that OpenSSL lacked, in what has just failed? */
static bool
lacked_memory(void)
{
	unsigned long code;
	bool lacked = false;

	while ((code = ERR_get_error()) != 0)
		lacked |= ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
	return lacked;
}

static enum verdict
verify_digest(const struct jwk *jwk, struct span signature, struct span bytes)
{
	const EVP_MD *digest = jwk->algorithm == EDDSA ? NULL : EVP_sha256();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options = NULL;
	enum verdict verdict = UNKNOWN;

	/* Nothing of the token has a part in this: if it fails, we do. */
	if (!ctx ||
	    EVP_DigestVerifyInit(ctx, &options, digest, NULL, jwk->key) != 1)
		goto out;
	/* RFC 7518 3.5: MGF1 with SHA-256, a salt as long as the digest. */
	if (jwk->algorithm == PS256 &&
	    (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) !=
		    1 ||
		EVP_PKEY_CTX_set_rsa_pss_saltlen(
		    options, RSA_PSS_SALTLEN_DIGEST) != 1))
		goto out;
	ERR_clear_error();
	if (EVP_DigestVerify(ctx, (const unsigned char *)signature.at,
		signature.len, (const unsigned char *)bytes.at, bytes.len) == 1)
		verdict = GOOD;
	else if (!lacked_memory())
		verdict = BAD;
out:
	EVP_MD_CTX_free(ctx);
	return verdict;
}

static enum verdict
verify_signature(
    const struct jwk *jwk, struct span signature, struct span bytes)
{
	struct buf der = BUF_INIT(SIGNATURE_MAX);
	enum verdict verdict;

	if (jwk->algorithm != ES256)
		return verify_digest(jwk, signature, bytes);
	verdict = ecdsa_to_der(signature, &der);
	if (verdict == GOOD)
		verdict = verify_digest(jwk, buf_span(&der), bytes);
	buf_free(&der);
	return verdict;
}

/* The key of that name; of several the one for the token's algorithm. */
static const struct jwk *
choose(const struct jwk_set *set, const struct jwt *jwt)
{
	const struct jwk *named = NULL, *jwk;
	size_t i;

	if (!jwt->has_kid)
		return set->count == 1 ? &set->keys[0] : NULL;
	for (i = 0; i < set->count; i++) {
		jwk = &set->keys[i];
		if (!jwk->kid || strcmp(jwk->kid, jwt->kid) != 0)
			continue;
		/* RFC 7517 4.5: keys of different types may share a name. */
		if (strcmp(algorithms[jwk->algorithm].name, jwt->alg) == 0)
			return jwk;
		named = jwk;
	}
	return named;
}

int
jwk_verify(const struct jwk_set *set, const struct jwt *jwt,
    struct buf *payload, struct error *err)
{
	const struct jwk *jwk = choose(set, jwt);
	struct buf signature = BUF_INIT(SIGNATURE_MAX + 4);
	enum verdict verdict = BAD;

	if (!jwk)
		return error_set(err, ERROR_SIGNATURE,
		    "the token's kid is not among the keys");
	/* RFC 8725 3.1: the key says which algorithm it is for. */
	if (strcmp(jwt->alg, algorithms[jwk->algorithm].name) != 0)
		return error_set(err, ERROR_ALGORITHM,
		    "the token's alg is not that of its key");
	if (jwt->signature.len <= SIGNATURE_MAX &&
	    base64url_decode(jwt->signature, &signature))
		verdict = signature.failed
		    ? UNKNOWN
		    : verify_signature(
			  jwk, buf_span(&signature), jwt->signed_bytes);
	buf_free(&signature);
	if (verdict == UNKNOWN)
		return error_set(err, ERROR_MEMORY, "no memory to verify");
	if (verdict == BAD)
		return error_set(err, ERROR_SIGNATURE,
		    "the token's signature was not made with its key");
	return jwt_payload(jwt, payload, err);
}
