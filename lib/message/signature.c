/* SPDX-License-Identifier: MIT */
/*
 * signature - an HMAC in a header, in the ways that senders do it
 *
 * Form first, then the MAC over every key and every signature, then the
 * time: a caller who cannot sign does not learn what time it is here.
 */
#include "message/signature.h"

#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/hmac.h"
#include "base/secret.h"
#include "message/head.h"

#define ITEM_MAX  256 /* characters of a signature */
#define ITEMS_MAX 16  /* of one kind in a header; no more are looked at */

static const struct scheme *
scheme_of(const struct message *m)
{
	return &message_schemes(m)->of[m->variant];
}

/* --- headers and lists --------------------------------------------------- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span
trim(struct span text)
{
	while (text.len && is_blank(text.at[0]))
		text = span_skip(text, 1);
	while (text.len && is_blank(text.at[text.len - 1]))
		text.len--;
	return text;
}

static struct span
header(const struct message *m, struct span name)
{
	return trim(message_find_header(m, name));
}

/* Take the next item of a list, without the white space around it. */
static bool
next_item(struct span *list, const char *separators, struct span *item)
{
	size_t len = 0;

	do {
		if (!list->len)
			return false;
		for (len = 0; len < list->len &&
		     !(list->at[len] && strchr(separators, list->at[len]));
		     len++)
			;
		*item = trim((struct span){ list->at, len });
		*list = span_skip(*list, len < list->len ? len + 1 : len);
	} while (!item->len);
	return true;
}

/* A list and how far it has been read. */
struct items {
	struct span rest;
	unsigned left;
};

static struct items
items_of(const struct message *m, struct span name)
{
	return (struct items){ header(m, name), ITEMS_MAX };
}

/* The next item that begins so, without that. */
static bool
next_with(const struct scheme *scheme, struct items *items, struct span prefix,
    struct span *text)
{
	while (
	    items->left && next_item(&items->rest, scheme->separators, text)) {
		if (text->len < prefix.len ||
		    (prefix.len &&
			memcmp(text->at, prefix.at, prefix.len) != 0))
			continue;
		items->left--;
		*text = span_skip(*text, prefix.len);
		return true;
	}
	return false;
}

size_t
signature_variant(const struct message *m)
{
	const struct scheme *scheme;
	size_t i, j;

	for (i = 0; i < message_schemes(m)->count; i++) {
		scheme = &message_schemes(m)->of[i];
		for (j = 0; j < scheme->header_count; j++)
			if (header(m, scheme->headers[j]).len)
				return i;
	}
	return 0;
}

/* --- time ---------------------------------------------------------------- */

struct span
signature_time(const struct message *m)
{
	const struct scheme *scheme = scheme_of(m);
	struct items items;
	struct span text;
	size_t i;

	if (!scheme->time_in_list)
		return header(m, scheme->time);
	for (i = 0; i < scheme->header_count; i++) {
		items = items_of(m, scheme->headers[i]);
		if (next_with(scheme, &items, scheme->time, &text))
			return text;
	}
	return (struct span){ NULL, 0 };
}

/* Does the list say another time, too? */
static bool
has_two_times(const struct message *m, struct span time)
{
	const struct scheme *scheme = scheme_of(m);
	struct items items;
	struct span text;
	size_t i;

	for (i = 0; scheme->time_in_list && i < scheme->header_count; i++) {
		items = items_of(m, scheme->headers[i]);
		while (next_with(scheme, &items, scheme->time, &text))
			if (!span_equal(text, time))
				return true;
	}
	return false;
}

static int
check_time_form(const struct message *m, double *seconds, struct error *err)
{
	const struct scheme *scheme = scheme_of(m);
	struct span text = signature_time(m);

	if (!scheme->time.len)
		return 0;
	if (!signed_read_time(scheme->time_format, text, seconds))
		return error_set(
		    err, ERROR_FORM, "the call does not say when it was made");
	if (has_two_times(m, text))
		return error_set(err, ERROR_FORM,
		    "the call says two times at which it was made");
	return 0;
}

static int
check_window(const struct message *m, double then, struct error *err)
{
	const struct scheme *scheme = scheme_of(m);
	double now = (double)m->received.tv_sec;

	if (!scheme->time.len || !scheme->tolerance || m->any_time)
		return 0;
	if (then < now - scheme->tolerance)
		return error_set(err, ERROR_EXPIRED,
		    "the call was made too long ago for this sender");
	if (then > now + scheme->tolerance)
		return error_set(err, ERROR_NOT_YET_VALID,
		    "the call was made in the future");
	return 0;
}

/* --- what is signed ------------------------------------------------------ */

static struct span
header_of_message(const void *m, struct span name)
{
	return header(m, name);
}

static struct signature_parts
parts_of(const struct message *m)
{
	return (struct signature_parts){ buf_span(&m->body), signature_time(m),
		span_of(m->method), header_of_message, m };
}

/* --- signatures ---------------------------------------------------------- */

/*
 * Hexadecimal digits or base64? The length tells: 2n characters are never
 * the base64 of n bytes.
 */
static bool
decode(size_t size, struct span text, struct buf *out)
{
	if (text.len > ITEM_MAX)
		return false;
	return text.len == 2 * size ? hex_decode(text, out)
				    : base64_decode_any(text, out);
}

/*
 * Is this MAC among the signatures of one header? *seen: there are some. 1,
 * 0, or -1 when memory did not allow to find out.
 */
static int
is_listed(const struct scheme *scheme, struct items items,
    const unsigned char mac[HMAC_SIZE_MAX], bool *seen, struct error *err)
{
	struct buf theirs = BUF_INIT(ITEM_MAX);
	size_t size = hmac_size(scheme->algorithm);
	struct span text;
	bool match = false;
	int rc;

	while (next_with(scheme, &items, scheme->prefix, &text)) {
		*seen = true;
		theirs.len = 0;
		if (decode(size, text, &theirs) && !theirs.failed &&
		    theirs.len == size)
			match |= secret_equal(theirs.at, mac, size);
	}
	rc = buf_check(&theirs, err);
	buf_free(&theirs);
	return rc < 0 ? -1 : match;
}

static int
make_mac(const struct scheme *scheme, const struct key *key, struct span bytes,
    unsigned char mac[HMAC_SIZE_MAX], struct error *err)
{
	struct buf raw = BUF_INIT(key->bytes.len + 3);
	struct span plain = key->bytes;
	int rc = -1;

	if (scheme->key_encoding != KEY_TEXT) {
		if (!scheme_decode_key(scheme->key_encoding, plain, &raw)) {
			(void)error_set(err, ERROR_CONFIGURATION,
			    "the key %s is not in the encoding that this "
			    "sender's keys have",
			    key->name);
			goto out;
		}
		if (buf_check(&raw, err) < 0)
			goto out;
		plain = buf_span(&raw);
	}
	rc = hmac_make(scheme->algorithm, plain, bytes, mac, err);
out:
	secret_wipe(raw.at, raw.size);
	buf_free(&raw);
	return rc;
}

/* Has this key made one of the signatures? 1, 0 or -1. */
static int
has_signed(const struct message *m, const struct key *key, struct span bytes,
    bool *seen, struct error *err)
{
	const struct scheme *scheme = scheme_of(m);
	unsigned char mac[HMAC_SIZE_MAX];
	int listed, match = 0;
	size_t i;

	if (make_mac(scheme, key, bytes, mac, err) < 0)
		return -1;
	for (i = 0; i < scheme->header_count && match >= 0; i++) {
		listed = is_listed(
		    scheme, items_of(m, scheme->headers[i]), mac, seen, err);
		match = listed < 0 ? -1 : match | listed;
	}
	secret_wipe(mac, sizeof(mac));
	return match;
}

/* The first key that made one of the signatures; *match is NULL for none. */
static int
find_match(const struct message *m, const struct keyring *keys,
    struct span bytes, const char **match, struct error *err)
{
	bool seen = false;
	size_t i;
	int signed_with;

	*match = NULL;
	for (i = 0; i < keys->count; i++) {
		signed_with = has_signed(m, &keys->keys[i], bytes, &seen, err);
		if (signed_with < 0)
			return -1;
		if (signed_with && !*match)
			*match = keys->keys[i].name;
	}
	if (!keys->count)
		return error_set(err, ERROR_CONFIGURATION, "there is no key");
	return 0;
}

static int
check_present(const struct message *m, struct error *err)
{
	const struct scheme *scheme = scheme_of(m);
	struct items items;
	struct span text;
	size_t i;

	for (i = 0; i < scheme->header_count; i++) {
		items = items_of(m, scheme->headers[i]);
		if (next_with(scheme, &items, scheme->prefix, &text))
			return 0;
	}
	return error_set(err, ERROR_FORM, "the header %.*s holds no signature",
	    (int)scheme->headers[0].len, scheme->headers[0].at);
}

bool
signature_matches(const struct message *m, const struct keyring *keys)
{
	struct error err = ERROR_INIT;
	struct buf built = BUF_INIT(0);
	const char *match = NULL;
	struct signature_parts parts = parts_of(m);
	struct span bytes;
	bool good =
	    signed_find(scheme_of(m), &parts, &built, &bytes, &err) == 0 &&
	    find_match(m, keys, bytes, &match, &err) == 0 && match;

	buf_free(&built);
	return good;
}

int
signature_verify(const struct message *m, const struct keyring *keys,
    const char **key_used, struct error *err)
{
	struct buf built = BUF_INIT(0);
	const struct scheme *scheme = scheme_of(m);
	struct signature_parts parts = parts_of(m);
	const char *match = NULL;
	struct span bytes;
	double then = 0;
	int rc = -1;

	if (check_present(m, err) < 0 || check_time_form(m, &then, err) < 0 ||
	    signed_check_values(scheme, &parts, err) < 0 ||
	    signed_find(scheme, &parts, &built, &bytes, err) < 0 ||
	    signed_check_cuts(scheme, &parts, bytes, err) < 0 ||
	    find_match(m, keys, bytes, &match, err) < 0)
		goto out;
	if (!match) {
		(void)error_set(err, ERROR_SIGNATURE,
		    "the signature was not made with a key of this endpoint");
		goto out;
	}
	*key_used = match;
	rc = check_window(m, then, err);
out:
	buf_free(&built);
	return rc;
}

/* All keys are tried, whichever it is. 1, 0 or -1 */
static int
is_token(const struct message *m, struct span token, const struct key *key,
    struct error *err)
{
	if (m->digested)
		return head_digest_is(token, key->bytes, err);
	return token.len == key->bytes.len &&
	    secret_equal(token.at, key->bytes.at, token.len);
}

int
token_verify(const struct message *m, const struct keyring *keys,
    const char **key_used, struct error *err)
{
	struct span name = scheme_of(m)->headers[0], token = header(m, name);
	const char *match = NULL;
	size_t i;
	int is;

	if (!token.len)
		return error_set(err, ERROR_FORM, "there is no header %.*s",
		    (int)name.len, name.at);
	for (i = 0; i < keys->count; i++) {
		is = is_token(m, token, &keys->keys[i], err);
		if (is < 0)
			return -1;
		if (is && !match)
			match = keys->keys[i].name;
	}
	if (!match)
		return error_set(err, ERROR_SIGNATURE,
		    "the token is not a key of this endpoint");
	*key_used = match;
	return 0;
}

int
signature_make(const struct scheme *scheme, bool base64, const struct key *key,
    const struct signature_parts *parts, struct buf *value, struct error *err)
{
	struct buf built = BUF_INIT(0);
	unsigned char mac[HMAC_SIZE_MAX];
	size_t i, size = hmac_size(scheme->algorithm);
	struct span bytes;
	int rc = -1;

	if (signed_find(scheme, parts, &built, &bytes, err) < 0 ||
	    make_mac(scheme, key, bytes, mac, err) < 0)
		goto out;
	if (scheme->time_in_list) {
		buf_append_span(value, scheme->time);
		buf_append_span(value, parts->time);
		buf_append_byte(value, scheme->separators[0]);
	}
	buf_append_span(value, scheme->prefix);
	if (base64)
		base64_encode((struct span){ (const char *)mac, size }, value);
	for (i = 0; !base64 && i < size; i++)
		buf_printf(value, "%02x", mac[i]);
	rc = buf_check(value, err);
out:
	secret_wipe(mac, sizeof(mac));
	buf_free(&built);
	return rc;
}

int
signature_make_time(
    enum time_format format, time_t now, struct buf *text, struct error *err)
{
	char date[CLOCK_RFC3339_SIZE] = "";
	struct tm tm;

	switch (format) {
	case TIME_SECONDS:
		buf_printf(text, "%lld", (long long)now);
		break;
	case TIME_MILLISECONDS:
		buf_printf(text, "%lld000", (long long)now);
		break;
	case TIME_RFC3339:
		clock_rfc3339((struct timespec){ now, 0 }, date);
		buf_append_text(text, date);
		break;
	case TIME_HTTP:
		(void)gmtime_r(&now, &tm);
		(void)strftime(
		    date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		buf_append_text(text, date);
		break;
	}
	return buf_check(text, err);
}
