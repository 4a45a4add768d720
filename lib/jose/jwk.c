/* SPDX-License-Identifier: MIT */
/*
 * jwk - public keys of another authorization server (RFC 7517, RFC 7518,
 * RFC 8037), as they are read; jwk_verify has what is done with them
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/base64.h"
#include "json/json.h"
#include "jose/jwk_set.h"

#define NUMBER_MAX 2048 /* bytes of a modulus: 16384 bits */

static const struct {
	const char *name, *alias, *type;
} algorithms[] = {
	[RS256] = { "RS256", NULL, "RSA" },
	[PS256] = { "PS256", NULL, "RSA" },
	[ES256] = { "ES256", NULL, "EC" },
	/* RFC 9864 2.2: EdDSA with this one curve */
	[EDDSA] = { "EdDSA", "Ed25519", "OKP" },
};

#define ALGORITHM_COUNT (sizeof(algorithms) / sizeof(algorithms[0]))

bool
jwk_algorithm_is(enum jwk_algorithm algorithm, const char *name)
{
	const char *alias = algorithms[algorithm].alias;

	return strcmp(name, algorithms[algorithm].name) == 0 ||
	    (alias && strcmp(name, alias) == 0);
}

bool
jwk_algorithm_known(const char *name)
{
	size_t i;

	for (i = 0; i < ALGORITHM_COUNT; i++)
		if (jwk_algorithm_is((enum jwk_algorithm)i, name))
			return true;
	return false;
}

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
	    !bytes_of(jwk, "x", &point, err) ||
	    point.len != 1 + JWK_ES256_HALF ||
	    !bytes_of(jwk, "y", &point, err) ||
	    point.len != 1 + 2 * JWK_ES256_HALF)
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
find_algorithm(const json_t *jwk, enum jwk_algorithm *algorithm)
{
	const char *type = text_of(jwk, "kty"), *name = text_of(jwk, "alg");
	size_t i;

	for (i = 0; type && i < ALGORITHM_COUNT; i++) {
		if (strcmp(type, algorithms[i].type) != 0)
			continue;
		/* Without alg the first of its type: RS256 for RSA. */
		if (name && !jwk_algorithm_is((enum jwk_algorithm)i, name))
			continue;
		*algorithm = (enum jwk_algorithm)i;
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
	case json_error_invalid_syntax: /* a lone surrogate, to jansson */
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
