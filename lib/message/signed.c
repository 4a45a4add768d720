/* SPDX-License-Identifier: MIT */
/*
 * signed - the bytes that a signature is over
 */
#include "message/signed.h"

#include <string.h>

#include "base/clock.h"
#include "message/message.h"

#define VALUE_MAX 256 /* characters of a header's value in a pattern */

/* --- time ---------------------------------------------------------------- */

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

bool
signed_read_time(enum time_format format, struct span text, double *seconds)
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

/* The bytes that are signed: the body, or what is built around it. */
int
signed_find(const struct scheme *scheme, const struct signature_parts *parts,
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

int
signed_check_values(const struct scheme *scheme,
    const struct signature_parts *parts, struct error *err)
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
	return signed_read_time(format, text, &unused) ? digits : 0;
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

int
signed_check_cuts(const struct scheme *scheme,
    const struct signature_parts *parts, struct span bytes, struct error *err)
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
