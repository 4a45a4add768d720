/* SPDX-License-Identifier: MIT */
/*
 * json - a scanner over JSON bytes (RFC 8259)
 *
 * json_scan() alone judges the bytes of a sender. It keeps one bit a level,
 * array or object, and no C stack, so that nesting can do no harm. What it
 * has let through is known to be sound: the rest passes over it by quote
 * and bracket, and judges nothing a second time.
 *
 * Everything takes time linear in the bytes given and, the appended ones
 * aside, no memory.
 */
#include "json.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define EACH_BYTE(b)  (UINT64_C(0x0101010101010101) * (b))
#define EACH_HIGH_BIT EACH_BYTE(0x80)

/*
 * The point where rounding to a double turns has at most 768 digits, so of
 * what comes after this many it only counts whether it is nonzero.
 */
#define DIGITS_MAX   800
#define EXPONENT_MAX 1000000000000000 /* no text is that long */

/* RFC 8259 section 7: a letter after the backslash, and what it means */
static const char short_letters[] = "\"\\/bfnrt";
static const char short_meanings[] = "\"\\/\b\f\n\r\t";
#define SHORT_ESCAPES (sizeof(short_letters) - 1)

struct scan {
	const char *at;
	const char *end;
	unsigned depth;
	uint64_t objects[JSON_DEPTH_MAX / 64 + 1]; /* a bit a level */
};

enum step {
	STEP_BROKEN,
	STEP_VALUE, /* a value comes next */
	STEP_DONE   /* a value ended here */
};

/*
 * The byte here, NUL at the end. JSON has no place for a NUL byte, so one
 * in the text fails like an end that comes too early.
 */
static char
peek(const struct scan *s)
{
	return s->at < s->end ? *s->at : '\0';
}

static bool
take(struct scan *s, char wanted)
{
	if (peek(s) != wanted)
		return false;
	s->at++;
	return true;
}

/* RFC 8259 section 2: these four and no others */
static bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void
skip_space(struct scan *s)
{
	while (is_space(peek(s)))
		s->at++;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
skip_digits(struct scan *s)
{
	if (!is_digit(peek(s)))
		return false;
	while (is_digit(peek(s)))
		s->at++;
	return true;
}

/* RFC 8259 section 6 */
static bool
scan_number(struct scan *s)
{
	(void)take(s, '-');
	if (!take(s, '0') && !skip_digits(s))
		return false;
	if (take(s, '.') && !skip_digits(s))
		return false;
	if (!take(s, 'e') && !take(s, 'E'))
		return true;
	if (!take(s, '+'))
		(void)take(s, '-');
	return skip_digits(s);
}

static bool
scan_literal(struct scan *s, const char *literal)
{
	size_t len = strlen(literal);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, literal, len) != 0)
		return false;
	s->at += len;
	return true;
}

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

/* One escape (RFC 8259 section 7): the UTF-16 code unit that it means. */
static bool
take_escape(struct scan *s, unsigned *unit)
{
	const char *letter;

	if (!take(s, '\\'))
		return false;
	if (take(s, 'u'))
		return take_hex4(s, unit);
	letter = memchr(short_letters, peek(s), SHORT_ESCAPES);
	if (!letter)
		return false;
	s->at++;
	*unit = (unsigned char)short_meanings[letter - short_letters];
	return true;
}

/* One escape, or two that make a pair; false for a lone surrogate. */
static bool
take_code_point(struct scan *s, unsigned long *code_point)
{
	unsigned unit, low;

	if (!take_escape(s, &unit))
		return false;
	*code_point = unit;
	if (unit < 0xD800 || unit > 0xDFFF)
		return true;
	if (unit > 0xDBFF || !take_escape(s, &low))
		return false;
	if (low < 0xDC00 || low > 0xDFFF)
		return false;
	*code_point = 0x10000UL + ((unit - 0xD800UL) << 10) + (low - 0xDC00UL);
	return true;
}

/* ASCII that may stand in a string as it is */
static bool
is_plain(char c)
{
	return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 &&
	    c != '"' && c != '\\';
}

/* High bits set only if some byte is zero; borrows may add more of them. */
static uint64_t
has_zero(uint64_t word)
{
	return (word - EACH_BYTE(1)) & ~word & EACH_HIGH_BIT;
}

/* Strings are most of a payload: eight plain bytes at a time. */
static void
skip_plain(struct scan *s)
{
	uint64_t word, stop;

	while ((size_t)(s->end - s->at) >= sizeof(word)) {
		memcpy(&word, s->at, sizeof(word));
		stop = word | (word - EACH_BYTE(0x20)) |
		    has_zero(word ^ EACH_BYTE('"')) |
		    has_zero(word ^ EACH_BYTE('\\'));
		if (stop & EACH_HIGH_BIT)
			break;
		s->at += sizeof(word);
	}
	while (is_plain(peek(s)))
		s->at++;
}

static bool
scan_string(struct scan *s)
{
	unsigned ignored;
	size_t len;

	if (!take(s, '"'))
		return false;
	for (;;) {
		skip_plain(s);
		if (take(s, '"'))
			return true;
		if (peek(s) == '\\') {
			if (!take_escape(s, &ignored))
				return false;
			continue;
		}
		len = utf8_length(
		    (struct span){ s->at, (size_t)(s->end - s->at) });
		if (len < 2) /* the end, a control character, no UTF-8 */
			return false;
		s->at += len;
	}
}

static bool
in_object(const struct scan *s)
{
	return s->objects[(s->depth - 1) / 64] >> ((s->depth - 1) % 64) & 1;
}

static bool
push(struct scan *s, bool object)
{
	uint64_t *word = &s->objects[s->depth / 64];
	uint64_t bit = UINT64_C(1) << (s->depth % 64);

	/* RFC 8259 section 9 lets an implementation set this limit */
	if (s->depth == JSON_DEPTH_MAX)
		return false;
	*word = object ? *word | bit : *word & ~bit;
	s->depth++;
	return true;
}

/* What every element starts with: white space, and a name in an object. */
static enum step
scan_lead(struct scan *s)
{
	skip_space(s);
	if (!in_object(s))
		return STEP_VALUE;
	if (!scan_string(s))
		return STEP_BROKEN;
	skip_space(s);
	if (!take(s, ':'))
		return STEP_BROKEN;
	skip_space(s);
	return STEP_VALUE;
}

static bool
take_close(struct scan *s)
{
	if (!take(s, in_object(s) ? '}' : ']'))
		return false;
	s->depth--;
	return true;
}

static enum step
scan_open(struct scan *s)
{
	if (!push(s, peek(s) == '{'))
		return STEP_BROKEN;
	s->at++;
	skip_space(s);
	return take_close(s) ? STEP_DONE : scan_lead(s);
}

/* A scalar whole, or the opening of an array or object. */
static enum step
scan_begin(struct scan *s)
{
	bool good;

	switch (peek(s)) {
	case '{':
	case '[':
		return scan_open(s);
	case '"':
		good = scan_string(s);
		break;
	case 't':
		good = scan_literal(s, "true");
		break;
	case 'f':
		good = scan_literal(s, "false");
		break;
	case 'n':
		good = scan_literal(s, "null");
		break;
	default:
		good = scan_number(s);
	}
	return good ? STEP_DONE : STEP_BROKEN;
}

/* After an element: the next one, or the end of what holds it. */
static enum step
scan_next(struct scan *s)
{
	skip_space(s);
	if (take(s, ','))
		return scan_lead(s);
	return take_close(s) ? STEP_DONE : STEP_BROKEN;
}

static bool
scan_value(struct scan *s)
{
	enum step step = scan_begin(s);

	while (step != STEP_BROKEN && s->depth > 0)
		step = step == STEP_VALUE ? scan_begin(s) : scan_next(s);
	return step == STEP_DONE;
}

static struct json_value
value_between(const char *start, const char *end)
{
	/* in the order of enum json_type; a digit is a number, too */
	static const char firsts[] = "nft-\"[{";
	const char *first = memchr(firsts, *start, sizeof(firsts) - 1);

	return (struct json_value){ first ? (enum json_type)(first - firsts)
					  : JSON_TYPE_NUMBER,
		{ start, (size_t)(end - start) } };
}

bool
json_scan(struct span text, struct json_value *value)
{
	struct scan s = { .at = text.at };
	const char *start, *end;

	if (text.len == 0)
		return false;
	s.end = text.at + text.len;
	skip_space(&s);
	start = s.at;
	if (!scan_value(&s))
		return false;
	end = s.at;
	skip_space(&s);
	if (s.at < s.end)
		return false;
	*value = value_between(start, end);
	return true;
}

/*
 * Over a string known to be valid: it ends at the first quote that has an
 * even number of backslashes before it.
 */
static void
pass_string(struct scan *s)
{
	const char *start = s->at + 1, *quote = s->at, *before;

	do {
		quote++;
		quote = memchr(quote, '"', (size_t)(s->end - quote));
		if (!quote) {
			s->at = s->end;
			return;
		}
		for (before = quote; before > start && before[-1] == '\\';)
			before--;
	} while ((quote - before) % 2 != 0);
	s->at = quote + 1;
}

/* The closing brace is out of reach: see json_member(). */
static void
pass_scalar(struct scan *s)
{
	while (s->at < s->end && *s->at != ',' && !is_space(*s->at))
		s->at++;
}

/* Over an array or object known to be valid: only the balance counts. */
static void
pass_container(struct scan *s)
{
	size_t level = 0;

	while (s->at < s->end) {
		if (*s->at == '"') {
			pass_string(s);
			continue;
		}
		if (*s->at == '{' || *s->at == '[')
			level++;
		else if (*s->at == '}' || *s->at == ']')
			level--;
		s->at++;
		if (level == 0)
			return;
	}
}

static void
pass_value(struct scan *s)
{
	char first = peek(s);

	if (first == '"')
		pass_string(s);
	else if (first == '{' || first == '[')
		pass_container(s);
	else
		pass_scalar(s);
}

/* Does what stands between two quotes say this name? */
static bool
says(const char *at, const char *end, struct span name)
{
	struct scan s = { .at = at, .end = end };
	unsigned long code_point;
	char bytes[4];
	size_t len;

	if (!memchr(at, '\\', (size_t)(end - at)))
		return (size_t)(end - at) == name.len &&
		    memcmp(at, name.at, name.len) == 0;
	while (s.at < s.end) {
		len = 1;
		if (*s.at != '\\')
			bytes[0] = *s.at++;
		else if (take_code_point(&s, &code_point))
			len = utf8_encode(code_point, bytes);
		else
			return false;
		if (len > name.len || memcmp(bytes, name.at, len) != 0)
			return false;
		name.at += len;
		name.len -= len;
	}
	return name.len == 0;
}

bool
json_member(
    struct json_value object, const char *name, struct json_value *member)
{
	struct scan s = { .at = object.raw.at };
	struct span wanted = span_of(name);
	const char *key, *key_end, *start;
	bool found = false;

	if (object.type != JSON_TYPE_OBJECT)
		return false;
	s.end = object.raw.at + object.raw.len - 1; /* the closing brace */
	s.at++;
	for (skip_space(&s); s.at < s.end; skip_space(&s)) {
		key = s.at + 1;
		pass_string(&s);
		key_end = s.at - 1;
		skip_space(&s);
		(void)take(&s, ':');
		skip_space(&s);
		start = s.at;
		pass_value(&s);
		if (says(key, key_end, wanted)) {
			*member = value_between(start, s.at);
			found = true;
		}
		skip_space(&s);
		(void)take(&s, ',');
	}
	return found;
}

bool
json_decode_string(struct json_value string, struct buf *out)
{
	struct scan s = { .at = string.raw.at };
	size_t old_len = out->len;
	bool old_failed = out->failed;
	unsigned long code_point;
	const char *run;

	if (string.type != JSON_TYPE_STRING)
		return false;
	s.end = string.raw.at + string.raw.len - 1; /* the closing quote */
	for (s.at++; s.at < s.end;) {
		run = s.at;
		s.at = memchr(run, '\\', (size_t)(s.end - run));
		if (!s.at)
			s.at = s.end;
		buf_append(out, run, (size_t)(s.at - run));
		if (s.at == s.end)
			break;
		if (!take_code_point(&s, &code_point)) {
			out->len = old_len;
			out->failed = old_failed;
			return false;
		}
		utf8_append(out, code_point);
	}
	return true;
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

/* U+2028 and U+2029 end a line in a script; valid UTF-8 is the premise. */
static bool
is_line_end(const char *at)
{
	return memcmp(at, "\xE2\x80\xA8", 3) == 0 ||
	    memcmp(at, "\xE2\x80\xA9", 3) == 0;
}

static bool
must_escape(const struct scan *s)
{
	if ((unsigned char)*s->at >= 0x80)
		return s->end - s->at >= 3 && is_line_end(s->at);
	return !is_plain(*s->at) || *s->at == '\x7F';
}

static void
append_escape(struct buf *out, struct scan *s)
{
	const char *meaning = memchr(short_meanings, *s->at, SHORT_ESCAPES);

	if (meaning) {
		buf_append_byte(out, '\\');
		buf_append_byte(out, short_letters[meaning - short_meanings]);
	} else if ((unsigned char)*s->at < 0x80) {
		append_unit(out, (unsigned char)*s->at);
	} else {
		append_unit(out, s->at[2] == '\xA8' ? 0x2028 : 0x2029);
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
