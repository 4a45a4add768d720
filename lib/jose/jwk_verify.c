/* SPDX-License-Identifier: MIT */
/*
 * jwk_verify - a token's signature, looked at with a key of a set
 *
 * Whatever fails that the token has no part in is a fault of ours, and
 * never a bad signature.
 */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "base/base64.h"
#include "jose/jwk_set.h"

#define SIGNATURE_MAX 2048 /* bytes */

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

	if (raw.len != 2 * JWK_ES256_HALF) {
		ECDSA_SIG_free(sig);
		return BAD;
	}
	r = BN_bin2bn(at, JWK_ES256_HALF, NULL);
	s = BN_bin2bn(at + JWK_ES256_HALF, JWK_ES256_HALF, NULL);
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
		if (jwk_algorithm_is(jwk->algorithm, jwt->alg))
			return jwk;
		named = jwk;
	}
	return named;
}

/* A kid of "?" is no string, or longer than any key's; see struct jwt. */
static bool
may_be_new(const struct jwt *jwt)
{
	return jwt->has_kid && strcmp(jwt->kid, "?") != 0 &&
	    jwk_algorithm_known(jwt->alg);
}

int
jwk_verify(const struct jwk_set *set, const struct jwt *jwt,
    struct buf *payload, struct error *err)
{
	const struct jwk *jwk = choose(set, jwt);
	struct buf signature = BUF_INIT(SIGNATURE_MAX + 4);
	enum verdict verdict = BAD;

	if (!jwk)
		return error_set(err,
		    may_be_new(jwt) ? ERROR_KEY_UNKNOWN : ERROR_SIGNATURE,
		    "the token's kid is not among the keys");
	/* RFC 8725 3.1: the key says which algorithm it is for. */
	if (!jwk_algorithm_is(jwk->algorithm, jwt->alg))
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
