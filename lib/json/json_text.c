/* SPDX-License-Identifier: MIT */
/*
 * json_text - what JSON strings and numbers say, and strings written
 *
 * Linear in the bytes given; no memory but what is appended, and as much
 * again for a string that may be too long for its buffer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json_cursor.h"
#include "base/utf8.h"

/*
 * The point where rounding to a double turns has at most 768 digits, so of
 * what comes after this many it only counts whether it is nonzero.
 */
#define DIGITS_MAX   800
#define EXPONENT_MAX 1000000000000000 /* no text is that long */

const char json_escapes[256] = {
	['"'] = '"',
	['\\'] = '\\',
	['/'] = '/',
	['b'] = '\b',
	['f'] = '\f',
	['n'] = '\n',
	['r'] = '\r',
	['t'] = '\t',
};

static bool
take_hex4(struct scan *s, unsigned *unit)
{
	unsigned value = 0, i;
	char c;

	for (i = 0; i < 4; i++) {
		c = peek(s);
		if (is_digit(c))
			value = value << 4 | (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (unsigned)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value << 4 | (unsigned)(c - 'A' + 10);
		else
			return false;
		s->at++;
	}
	*unit = value;
	return true;
}

bool
json_take_escape(struct scan *s, unsigned *unit)
{
	if (!take(s, '\\'))
		return false;
	if (take(s, 'u'))
		return take_hex4(s, unit);
	*unit = (unsigned char)json_escapes[(unsigned char)peek(s)];
	if (*unit == 0)
		return false;
	s->at++;
	return true;
}

bool
json_take_code_point(struct scan *s, unsigned long *code_point)
{
	unsigned unit, low;

	if (!json_take_escape(s, &unit))
		return false;
	*code_point = unit;
	if (unit < 0xD800 || unit > 0xDFFF)
		return true;
	if (unit > 0xDBFF || !json_take_escape(s, &low))
		return false;
	if (low < 0xDC00 || low > 0xDFFF)
		return false;
	*code_point = 0x10000UL + ((unit - 0xD800UL) << 10) + (low - 0xDC00UL);
	return true;
}

/* Copy what stands there literally, eight bytes at a time. */
static char *
copy_literal(struct scan *s, char *to)
{
	uint64_t stop;
	size_t len;

	while (s->end - s->at >= (ptrdiff_t)sizeof(stop)) {
		stop = json_has_byte(json_load(s->at), '\\');
		len = stop ? json_first_byte(stop) : sizeof(stop);
		/* All eight: what is too many is written over. */
		memcpy(to, s->at, sizeof(stop));
		s->at += len;
		to += len;
		if (stop)
			return to;
	}
	while (s->at < s->end && *s->at != '\\')
		*to++ = *s->at++;
	return to;
}

/*
 * Decode to room for as much as stands there: no escape is shorter than what
 * it means. Answers the end, or NULL for a lone surrogate.
 */
static char *
decode(struct scan *s, char *room)
{
	unsigned long code_point;
	char *to = copy_literal(s, room);
	char meaning;

	for (; s->at < s->end; to = copy_literal(s, to)) {
		meaning = json_escapes[(unsigned char)s->at[1]];
		if (meaning) {
			*to++ = meaning;
			s->at += 2;
		} else if (json_take_code_point(s, &code_point)) {
			to += utf8_encode(code_point, to);
		} else {
			return NULL;
		}
	}
	return to;
}

bool
json_decode_string(struct json_value string, struct buf *out)
{
	struct buf apart = BUF_INIT(string.raw.len), *in = out;
	struct scan s = { .at = NULL };
	char *room, *end;

	if (string.type != JSON_TYPE_STRING)
		return false;
	s.at = string.raw.at + 1;
	s.end = string.raw.at + string.raw.len - 1; /* the closing quote */
	/* What is too long as it stands there may fit once it is decoded. */
	if ((size_t)(s.end - s.at) > out->max - out->len)
		in = &apart;
	room = buf_room(in, (size_t)(s.end - s.at));
	end = room ? decode(&s, room) : NULL;
	if (end)
		in->len += (size_t)(end - room);
	buf_append_span(out, buf_span(&apart));
	out->failed |= apart.failed;
	buf_free(&apart);
	return end || !room;
}

/*
 * Digits for strtod(), without leading zeros and without a point, so that
 * no locale has a say. Answers the power of ten that goes with them.
 */
static long long
take_digits(struct scan *s, char *digits, size_t *len)
{
	long long power = 0;
	bool fraction = false;

	for (; is_digit(peek(s)) || peek(s) == '.'; s->at++) {
		if (*s->at == '.') {
			fraction = true;
			continue;
		}
		if (fraction)
			power--;
		if (*len == 0 && *s->at == '0')
			continue;
		if (*len < DIGITS_MAX) {
			digits[(*len)++] = *s->at;
			continue;
		}
		power++;
		if (*s->at != '0') /* stands for the whole rest */
			digits[DIGITS_MAX - 1] = '1';
	}
	return power;
}

static long long
take_exponent(struct scan *s)
{
	long long exponent = 0;
	bool negative;

	if (!take(s, 'e') && !take(s, 'E'))
		return 0;
	negative = take(s, '-');
	(void)take(s, '+');
	for (; is_digit(peek(s)); s->at++)
		if (exponent < EXPONENT_MAX)
			exponent = exponent * 10 + (*s->at - '0');
	return negative ? -exponent : exponent;
}

bool
json_number(struct json_value value, double *number)
{
	struct scan s = { .at = value.raw.at };
	char text[DIGITS_MAX + 32];
	size_t len = 0;
	long long power;
	bool negative;
	double size;

	if (value.type != JSON_TYPE_NUMBER)
		return false;
	s.end = value.raw.at + value.raw.len;
	negative = take(&s, '-');
	power = take_digits(&s, text, &len);
	power += take_exponent(&s);
	(void)snprintf(
	    text + len, sizeof(text) - len, "%se%lld", len ? "" : "0", power);
	size = strtod(text, NULL);
	*number = negative ? -size : size;
	return true;
}

static void
append_unit(struct buf *out, unsigned unit)
{
	static const char hex[] = "0123456789abcdef";
	char text[6] = { '\\', 'u' };

	text[2] = hex[unit >> 12 & 15];
	text[3] = hex[unit >> 8 & 15];
	text[4] = hex[unit >> 4 & 15];
	text[5] = hex[unit & 15];
	buf_append(out, text, sizeof(text));
}

/*
 * U+2028 and U+2029 end a line in a script; U+202A to U+202E and U+2066 to
 * U+2069 turn what is around them on a screen. The text is valid UTF-8.
 */
static bool
is_steering(const char *at)
{
	const unsigned char *byte = (const unsigned char *)at;

	return byte[0] == 0xE2 &&
	    ((byte[1] == 0x80 && byte[2] >= 0xA8 && byte[2] <= 0xAE) ||
		(byte[1] == 0x81 && byte[2] >= 0xA6 && byte[2] <= 0xA9));
}

static bool
must_escape(const struct scan *s)
{
	if ((unsigned char)*s->at >= 0x80)
		return s->end - s->at >= 3 && is_steering(s->at);
	return !is_plain(*s->at) || *s->at == '\x7F';
}

static void
append_escape(struct buf *out, struct scan *s)
{
	static const char short_letters[] = "\"\\bfnrt";
	const char *letter = short_letters;

	while (*letter && json_escapes[(unsigned char)*letter] != *s->at)
		letter++;
	if (*letter) {
		buf_append_byte(out, '\\');
		buf_append_byte(out, *letter);
	} else if ((unsigned char)*s->at < 0x80) {
		append_unit(out, (unsigned char)*s->at);
	} else {
		append_unit(out,
		    0x2000u | ((unsigned char)s->at[1] & 1u) << 6 |
			((unsigned char)s->at[2] & 0x3Fu));
		s->at += 2;
	}
	s->at++;
}

void
json_append_string(struct buf *out, struct span utf8)
{
	struct scan s = { .at = utf8.at };
	const char *run;

	buf_append_byte(out, '"');
	if (utf8.len > 0)
		s.end = utf8.at + utf8.len;
	while (s.at < s.end) {
		run = s.at;
		while (s.at < s.end && !must_escape(&s))
			s.at++;
		buf_append(out, run, (size_t)(s.at - run));
		if (s.at < s.end)
			append_escape(out, &s);
	}
	buf_append_byte(out, '"');
}
