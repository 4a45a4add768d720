/* SPDX-License-Identifier: MIT */
/*
 * signature_make - what is signed, the MAC of it, and the header with it
 */
#include "message/signature_make.h"

#include <string.h>

#include "base/base64.h"
#include "base/secret.h"
#include "message/signature.h"

#define KEY_PREFIX    "whsec_"
#define KEY_PREFIX_V1 "v1," KEY_PREFIX /* as some senders show it */

int
signature_append_signed(const char *pattern,
    const struct signature_parts *parts, struct buf *out, struct error *err)
{
	const char *c;

	for (c = pattern; *c; c++) {
		if (*c != '%') {
			buf_append_byte(out, *c);
			continue;
		}
		c++;
		if (*c == 'b')
			buf_append_span(out, parts->body);
		else if (*c == 't')
			buf_append_span(out, parts->time);
		else if (*c == 'i')
			buf_append_span(out, parts->id);
	}
	return buf_check(out, err);
}

/* Cut off what marks a key as base64; false where nothing does. */
static bool
cut_mark(struct span *key)
{
	if (!span_begins(*key, KEY_PREFIX) && !span_begins(*key, KEY_PREFIX_V1))
		return false;
	*key = span_skip(*key,
	    span_begins(*key, KEY_PREFIX) ? strlen(KEY_PREFIX)
					  : strlen(KEY_PREFIX_V1));
	return true;
}

int
signature_mac(const struct key *named, bool decoded, struct span bytes,
    unsigned char mac[SHA256_SIZE], struct error *err)
{
	struct buf raw = BUF_INIT(4096);
	struct span key = named->bytes;
	bool marked = decoded && cut_mark(&key);
	int rc = -1;

	if (!decoded)
		rc = hmac_sha256(key, bytes, mac, err);
	else if (base64_decode_any(key, &raw) && (raw.len || raw.failed))
		rc = buf_check(&raw, err) < 0
		    ? -1
		    : hmac_sha256(buf_span(&raw), bytes, mac, err);
	else if (marked)
		(void)error_set(err, ERROR_CONFIGURATION,
		    "key %s: not " KEY_PREFIX " and base64", named->name);
	else
		rc = hmac_sha256(named->bytes, bytes, mac, err);
	secret_wipe(raw.at, raw.size);
	buf_free(&raw);
	return rc;
}

static void
append_mac(enum sender_encoding encoding, const unsigned char mac[SHA256_SIZE],
    struct buf *out)
{
	size_t i;

	if (encoding == ENCODING_BASE64)
		base64_encode(
		    (struct span){ (const char *)mac, SHA256_SIZE }, out);
	for (i = 0; encoding == ENCODING_HEX && i < SHA256_SIZE; i++)
		buf_printf(out, "%02x", mac[i]);
}

int
signature_make(const struct sender_signature *rule, const struct key *key,
    const struct signature_parts *parts, struct buf *value, struct error *err)
{
	struct buf built = BUF_INIT(parts->body.len + 2 * MESSAGE_TEXT_MAX);
	unsigned char mac[SHA256_SIZE];
	int rc = -1;

	if (signature_append_signed(rule->pattern, parts, &built, err) < 0 ||
	    signature_mac(
		key, rule->key_is_base64, buf_span(&built), mac, err) < 0)
		goto out;
	if (rule->time_prefix) {
		buf_append_text(value, rule->time_prefix);
		buf_append_span(value, parts->time);
		buf_append_byte(value, rule->separator);
	}
	buf_append_text(value, rule->prefix);
	append_mac(rule->encoding, mac, value);
	rc = buf_check(value, err);
out:
	buf_free(&built);
	return rc;
}
