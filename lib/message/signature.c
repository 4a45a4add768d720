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

#define VALUE_MAX 256 /* characters of a header's value in a pattern */
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

/* That many digits, the first no 0, as a number of units of a second. */
static bool
read_digits(struct span text, size_t digits, double units, double *seconds)
{
	double sum = 0;
	size_t i;

	if (text.len != digits || text.at[0] == '0')
		return false;
	for (i = 0; i < digits; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		sum = sum * 10 + (text.at[i] - '0');
	}
	*seconds = sum / units;
	return true;
}

/*
 * Each form has one length or one end, and nothing else is read: so it is
 * certain where a time in front of a body, or behind it, ends.
 */
static bool
read_time(enum time_format format, struct span text, double *seconds)
{
	struct timespec when;
	bool good = false;

	switch (format) {
	case TIME_SECONDS:
		return read_digits(text, 10, 1, seconds);
	case TIME_MILLISECONDS:
		return read_digits(text, 13, 1000, seconds);
	case TIME_RFC3339:
		/* 9 digits of fraction, and an offset */
		good = text.len >= 20 && text.len <= 35 && text.at[10] == 'T' &&
		    text.at[text.len - 1] != 'z' &&
		    clock_read_rfc3339(text.at, text.len, &when);
		break;
	case TIME_HTTP:
		good = clock_read_http(text.at, text.len, &when);
		break;
	}
	if (good)
		*seconds = (double)when.tv_sec + (double)when.tv_nsec / 1e9;
	return good;
}

static int
check_time_form(const struct message *m, double *seconds, struct error *err)
{
	const struct scheme *scheme = scheme_of(m);
	struct span text = signature_time(m);

	if (!scheme->time.len)
		return 0;
	if (!read_time(scheme->time_format, text, seconds))
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
value_of(const struct scheme *scheme, const struct signature_parts *parts,
    const struct scheme_part *part)
{
	switch (part->kind) {
	case SIGNED_BODY:
		return parts->body;
	case SIGNED_TIME:
		return parts->time;
	case SIGNED_URL:
		return scheme->url;
	case SIGNED_METHOD:
		return parts->method;
	case SIGNED_HEADER:
		return parts->header(parts->call, part->text);
	case SIGNED_TEXT:
		break;
	}
	return part->text;
}

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

/* The bytes that are signed: the body, or what is built around it. */
static int
find_signed(const struct scheme *scheme, const struct signature_parts *parts,
    struct buf *built, struct span *bytes, struct error *err)
{
	struct span pattern = scheme->pattern;
	struct scheme_part part;

	*bytes = parts->body;
	if (span_is(pattern, "%b"))
		return 0;
	built->max = parts->body.len + 2 * MESSAGE_TEXT_MAX;
	while (scheme_next_part(&pattern, &part))
		buf_append_span(built, value_of(scheme, parts, &part));
	*bytes = buf_span(built);
	return buf_check(built, err);
}

/* Does the body begin and end with what is in no header's value? */
static bool
is_bracketed(struct span body)
{
	while (body.len && strchr(" \t\r\n", body.at[0]) && body.at[0])
		body = span_skip(body, 1);
	while (body.len && strchr(" \t\r\n", body.at[body.len - 1]) &&
	    body.at[body.len - 1])
		body.len--;
	return body.len >= 2 &&
	    ((body.at[0] == '{' && body.at[body.len - 1] == '}') ||
		(body.at[0] == '[' && body.at[body.len - 1] == ']'));
}

static bool
is_of_value(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') || (c && strchr("._~+/=-", c));
}

static int
check_value(struct span name, struct span value, struct error *err)
{
	size_t i;

	for (i = 0; i < value.len && is_of_value(value.at[i]); i++)
		;
	if (value.len == 0 || value.len > VALUE_MAX || i < value.len)
		return error_set(err, ERROR_FORM,
		    "the header %.*s is absent, or holds what is not of "
		    "A-Z a-z 0-9 . _ ~ + / = -",
		    (int)name.len, name.at);
	return 0;
}

/* What the caller says, and so could be longer or shorter than it seems. */
static bool
is_callers(enum scheme_part_kind kind)
{
	return kind == SIGNED_BODY || kind == SIGNED_TIME ||
	    kind == SIGNED_HEADER;
}

static bool
holds(struct span text, struct span part)
{
	return part.len == 0 || memmem(text.at, text.len, part.at, part.len);
}

/*
 * Text in front of a body in brackets, or behind it, that a caller could
 * move into the value of a header: of its characters, and with the text in it
 * that is between the two.
 */
static bool
has_movable(struct span body, struct span between)
{
	size_t front = 0, back = 0;

	while (front < body.len && is_of_value(body.at[front]))
		front++;
	while (back < body.len && is_of_value(body.at[body.len - 1 - back]))
		back++;
	return (front && holds((struct span){ body.at, front }, between) &&
		   is_bracketed(span_skip(body, front))) ||
	    (back &&
		holds((struct span){ body.at + body.len - back, back },
		    between) &&
		is_bracketed((struct span){ body.at, body.len - back }));
}

/* Parts of a pattern that the caller says, and the text between them. */
struct border {
	struct scheme_part left, right;
	struct span between;
};

/*
 * Is it certain where a header's value ends and the other part begins? A
 * value that holds the text between them could end in two places. Brackets
 * around the body, which are in no value, make it certain; not between two
 * headers.
 */
static int
check_border(const struct scheme *scheme, const struct signature_parts *parts,
    const struct border *border, struct error *err)
{
	struct span left = value_of(scheme, parts, &border->left);
	struct span right = value_of(scheme, parts, &border->right);
	struct span body = parts->body, between = border->between;
	bool left_is = border->left.kind == SIGNED_HEADER;
	bool right_is = border->right.kind == SIGNED_HEADER;
	bool certain = true;

	if (left_is && right_is)
		certain = !holds(left, between) && !holds(right, between);
	else if ((left_is && holds(left, between)) ||
	    (right_is && holds(right, between)))
		certain = is_bracketed(body);
	else if (left_is || right_is)
		certain = !has_movable(body, between);
	return certain ? 0
		       : error_set(err, ERROR_FORM,
			     "what is signed can be cut into its parts in "
			     "more than one way");
}

static int
check_values(const struct scheme *scheme, const struct signature_parts *parts,
    struct error *err)
{
	struct border border = { { SIGNED_TEXT, { NULL, 0 } },
		{ SIGNED_TEXT, { NULL, 0 } }, { NULL, 0 } };
	struct span pattern = scheme->pattern;
	struct scheme_part part;

	while (scheme_next_part(&pattern, &part)) {
		if (part.kind == SIGNED_HEADER &&
		    check_value(
			part.text, value_of(scheme, parts, &part), err) < 0)
			return -1;
		if (!is_callers(part.kind)) {
			/* Of several texts the first is enough. */
			if (!border.between.len)
				border.between = value_of(scheme, parts, &part);
			continue;
		}
		border.right = part;
		if (is_callers(border.left.kind) &&
		    check_border(scheme, parts, &border, err) < 0)
			return -1;
		border.left = part;
		border.between = (struct span){ NULL, 0 };
	}
	return 0;
}

/* How many characters at the start of the text are a time in digits? */
static size_t
time_at(enum time_format format, struct span text)
{
	size_t digits = format == TIME_SECONDS ? 10
	    : format == TIME_MILLISECONDS      ? 13
					       : 0;
	double unused;

	if (!digits || text.len < digits)
		return 0;
	text.len = digits;
	return read_time(format, text, &unused) ? digits : 0;
}

/*
 * Where a time in digits follows a header, the same bytes can be two calls:
 * "a.1795280732" at 1795280733 with "{}", and "a" at 1795280732 with
 * "1795280733.{}". Is there one place alone where the header can end? text:
 * from its value on; before and after: what is around the time.
 */
static bool
ends_once(enum time_format format, struct span text, struct span before,
    struct span after)
{
	size_t count = 0, digits, i;
	struct span rest;

	for (i = 0; i < text.len && i < VALUE_MAX && is_of_value(text.at[i]);
	     i++) {
		rest = span_skip(text, i + 1);
		if (rest.len < before.len ||
		    (before.len && memcmp(rest.at, before.at, before.len) != 0))
			continue;
		rest = span_skip(rest, before.len);
		digits = time_at(format, rest);
		rest = span_skip(rest, digits);
		if (digits && rest.len >= after.len &&
		    (!after.len || memcmp(rest.at, after.at, after.len) == 0))
			count++;
	}
	return count <= 1;
}

/* The text at the start of the pattern; empty where there is a place. */
static struct span
text_at(struct span *pattern)
{
	struct span rest = *pattern;
	struct scheme_part part;

	if (!scheme_next_part(&rest, &part) || part.kind != SIGNED_TEXT)
		return (struct span){ NULL, 0 };
	*pattern = rest;
	return part.text;
}

static int
check_cuts(const struct scheme *scheme, const struct signature_parts *parts,
    struct span bytes, struct error *err)
{
	struct span pattern = scheme->pattern, rest, before, after;
	struct scheme_part part, next;

	while (scheme_next_part(&pattern, &part)) {
		rest = pattern;
		before = text_at(&rest);
		/* Where they touch, brackets have been asked for. */
		if (part.kind == SIGNED_HEADER && before.len &&
		    scheme_next_part(&rest, &next) &&
		    next.kind == SIGNED_TIME) {
			after = text_at(&rest);
			if (!ends_once(
				scheme->time_format, bytes, before, after))
				return error_set(err, ERROR_FORM,
				    "what is signed can be cut into its parts "
				    "in more than one way");
		}
		bytes = span_skip(bytes, value_of(scheme, parts, &part).len);
	}
	return 0;
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
	    find_signed(scheme_of(m), &parts, &built, &bytes, &err) == 0 &&
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
	    check_values(scheme, &parts, err) < 0 ||
	    find_signed(scheme, &parts, &built, &bytes, err) < 0 ||
	    check_cuts(scheme, &parts, bytes, err) < 0 ||
	    find_match(m, keys, bytes, &match, err) < 0)
		goto out;
	if (!match)
		(void)error_set(err, ERROR_SIGNATURE,
		    "the signature was not made with a key of this endpoint");
	else
		rc = check_window(m, then, err);
	if (rc == 0)
		*key_used = match;
out:
	buf_free(&built);
	return rc;
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

	if (find_signed(scheme, parts, &built, &bytes, err) < 0 ||
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
