/* SPDX-License-Identifier: MIT */
/*
 * cause - why a signature may not have matched, for the operator alone
 *
 * Every trial is made, whichever matches. A form that a key does not have is
 * tried as well, with the key as it is.
 */
#include "message/cause.h"

#include <stdint.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/number.h"
#include "jose/jwt.h"
#include "base/secret.h"
#include "message/signature.h"

#define KEY_PREFIX  "whsec_"
#define KEY_MAX	    (64 << 10)
#define TIME_DIGITS 19

/* Append the key in another form; nothing where it has none. */
typedef void key_form(struct span key, struct buf *out);

/* --- forms of a key ------------------------------------------------------ */

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Without white space around it, and the byte order mark of a file. */
static struct span
trimmed(struct span key)
{
	if (span_begins(key, "\xef\xbb\xbf"))
		key = span_skip(key, 3);
	while (key.len && is_space(key.at[0]))
		key = span_skip(key, 1);
	while (key.len && is_space(key.at[key.len - 1]))
		key.len--;
	return key;
}

static struct span
unquoted(struct span key)
{
	key = trimmed(key);
	if (key.len > 2 && (key.at[0] == '"' || key.at[0] == '\'') &&
	    key.at[key.len - 1] == key.at[0])
		key = (struct span){ key.at + 1, key.len - 2 };
	return key;
}

static void
form_trimmed(struct span key, struct buf *out)
{
	buf_append_span(out, trimmed(key));
}

static void
form_unquoted(struct span key, struct buf *out)
{
	buf_append_span(out, unquoted(key));
}

/* Either alphabet, with padding or without. */
static void
form_base64(struct span key, struct buf *out)
{
	struct buf text = BUF_INIT(KEY_MAX);
	char *at;
	size_t i;

	key = unquoted(key);
	if (span_begins(key, KEY_PREFIX))
		key = span_skip(key, strlen(KEY_PREFIX));
	while (key.len && key.at[key.len - 1] == '=')
		key.len--;
	at = buf_room(&text, key.len);
	for (i = 0; at && i < key.len; i++)
		at[i] = key.at[i] == '+' ? '-'
		    : key.at[i] == '/'	 ? '_'
					 : key.at[i];
	if (at)
		(void)base64url_decode((struct span){ at, key.len }, out);
	secret_wipe(text.at, text.size);
	buf_free(&text);
}

static void
form_hex(struct span key, struct buf *out)
{
	(void)hex_decode(unquoted(key), out);
}

/* For senders whose keys are written in base64 */
static void
form_hex_in_base64(struct span key, struct buf *out)
{
	struct buf raw = BUF_INIT(KEY_MAX);

	key = unquoted(key);
	if (span_begins(key, KEY_PREFIX))
		key = span_skip(key, strlen(KEY_PREFIX));
	if (hex_decode(key, &raw))
		base64_encode(buf_span(&raw), out);
	out->failed |= raw.failed;
	secret_wipe(raw.at, raw.size);
	buf_free(&raw);
}

/* The sender takes for the key what follows the mark of base64, as text. */
static void
form_text(struct span key, struct buf *out)
{
	key = trimmed(key);
	if (span_begins(key, KEY_PREFIX))
		key = span_skip(key, strlen(KEY_PREFIX));
	base64_encode(key, out);
}

static const struct {
	const char *cause;
	key_form *of_text, *of_base64; /* as the sender's keys are */
} forms[] = {
	{ "key-white-space", form_trimmed, form_trimmed },
	{ "key-quotes", form_unquoted, form_unquoted },
	{ "key-base64", form_base64, NULL },
	{ "key-hex", form_hex, form_hex_in_base64 },
	{ "key-text", NULL, form_text },
};

/* --- trials -------------------------------------------------------------- */

static bool
jwt_matches(const struct message *m, const struct keyring *keys)
{
	struct buf mac = BUF_INIT(SHA256_SIZE + 2);
	struct error err = ERROR_INIT;
	struct jwt jwt;
	bool match = jwt_parse(m->jws, &jwt, &err) == 0 &&
	    base64url_decode(jwt.signature, &mac) && !mac.failed &&
	    keyring_match_hmac(keys, jwt.signed_bytes, buf_span(&mac), &err);

	buf_free(&mac);
	return match;
}

static bool
matches(const struct message *m, const struct keyring *keys)
{
	return message_schemes(m)->count ? signature_matches(m, keys)
					 : jwt_matches(m, keys);
}

/* Each key by itself: in another form one may be no key of this sender. */
static bool
matches_with(
    const struct message *m, const struct keyring *keys, key_form *form)
{
	struct keyring ring = { .count = 1 };
	struct buf made;
	bool match = false;
	size_t i;

	for (i = 0; i < keys->count; i++) {
		ring.keys[0] = keys->keys[i];
		made = (struct buf)BUF_INIT(KEY_MAX);
		form(keys->keys[i].bytes, &made);
		if (made.len && !made.failed)
			ring.keys[0].bytes = buf_span(&made);
		match |= matches(m, &ring);
		secret_wipe(made.at, made.size);
		buf_free(&made);
	}
	return match;
}

static bool
matches_body(const struct message *m, const struct keyring *keys,
    struct span body, const char *more)
{
	struct message copy = *m;
	bool match;

	copy.body = (struct buf)BUF_INIT(CAUSE_BODY_MAX + 3);
	buf_append_span(&copy.body, body);
	buf_append_text(&copy.body, more);
	match = !copy.body.failed && matches(&copy, keys);
	buf_free(&copy.body);
	return match;
}

/* Without the line end that it has, and with one. */
static bool
matches_newline(const struct message *m, const struct keyring *keys)
{
	struct span body = buf_span(&m->body);
	bool match = matches_body(m, keys, body, "\n");

	match |= matches_body(m, keys, body, "\r\n");
	if (body.len && body.at[body.len - 1] == '\n') {
		body.len--;
		match |= matches_body(m, keys, body, "");
		if (body.len && body.at[body.len - 1] == '\r') {
			body.len--;
			match |= matches_body(m, keys, body, "");
		}
	}
	return match;
}

/* The header that the span is a view of, with another text in its place. */
static bool
matches_time(const struct message *m, const struct keyring *keys,
    struct span time, struct span head, const char *more)
{
	struct message copy = *m;
	struct buf text = BUF_INIT(MESSAGE_TEXT_MAX);
	struct span old;
	bool match = false;
	size_t i;

	for (i = 0; i < m->header_count; i++) {
		old = buf_span(&m->headers[i].value);
		if (time.at < old.at || time.at >= old.at + old.len)
			continue;
		buf_append(&text, old.at, (size_t)(time.at - old.at));
		buf_append_span(&text, head);
		buf_append_text(&text, more);
		buf_append_span(&text,
		    span_skip(old, (size_t)(time.at - old.at) + time.len));
		copy.headers[i].value = text;
		match = !text.failed && matches(&copy, keys);
		break;
	}
	buf_free(&text);
	return match;
}

/* Signed in milliseconds and sent in seconds, or the other way round */
static bool
matches_time_unit(const struct message *m, const struct keyring *keys)
{
	struct span time = signature_time(m), seconds = time;
	bool match;

	if (time.len < 4 || time.len > TIME_DIGITS)
		return false;
	seconds.len -= 3;
	match = matches_time(m, keys, time, time, "000");
	match |= matches_time(m, keys, time, seconds, "");
	return match;
}

/* Is its time that of now, in milliseconds or finer units? */
static bool
is_time_in_parts(const struct message *m)
{
	struct span text = signature_time(m);
	double now = (double)m->received.tv_sec, value, unit;
	double tolerance = message_schemes(m)->of[m->variant].tolerance;
	uint64_t number;

	if (!number_read(text, UINT64_MAX, &number))
		return false;
	value = (double)number;
	for (unit = 1e3; unit < 1e10; unit *= 1e3)
		if (value / unit >= now - tolerance &&
		    value / unit <= now + tolerance)
			return true;
	return false;
}

static const char *
try_all(const struct message *m, const struct keyring *keys)
{
	bool hmac = message_schemes(m)->count > 0;
	bool base64 = hmac &&
	    message_schemes(m)->of[m->variant].key_encoding == KEY_BASE64;
	const char *cause = NULL;
	key_form *form;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		form = base64 ? forms[i].of_base64 : forms[i].of_text;
		if (form && matches_with(m, keys, form) && !cause)
			cause = forms[i].cause;
	}
	if (hmac && matches_newline(m, keys) && !cause)
		cause = "body-newline";
	if (hmac && matches_time_unit(m, keys) && !cause)
		cause = "time-unit";
	return cause;
}

bool
cause_is_sought(const struct message *m, const struct error *verdict)
{
	if (m->body.len > CAUSE_BODY_MAX || m->sender->scheme == SCHEME_TOKEN)
		return false;
	if (verdict->code == ERROR_FORM)
		return message_schemes(m)->count && is_time_in_parts(m);
	return verdict->code == ERROR_SIGNATURE;
}

const char *
cause_find(const struct message *m, const struct keyring *keys,
    const struct error *verdict)
{
	bool match;

	if (!cause_is_sought(m, verdict))
		return NULL;
	if (verdict->code == ERROR_FORM) {
		match = matches(m, keys);
		match |= matches_time_unit(m, keys);
		return match ? "time-unit" : NULL;
	}
	return try_all(m, keys);
}
