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
#include <string.h>

#include "json_cursor.h"
#include "utf8.h"

#define EACH_BYTE(b)  (UINT64_C(0x0101010101010101) * (b))
#define EACH_HIGH_BIT EACH_BYTE(0x80)

enum step {
	STEP_BROKEN,
	STEP_VALUE, /* a value comes next */
	STEP_DONE   /* a value ended here */
};

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
			if (!json_take_escape(s, &ignored))
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
		else if (json_take_code_point(&s, &code_point))
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

/* How many there are; *member is the last of them. */
static size_t
find_members(
    struct json_value object, const char *name, struct json_value *member)
{
	struct scan s = { .at = object.raw.at };
	struct span wanted = span_of(name);
	const char *key, *key_end, *start;
	size_t count = 0;

	if (object.type != JSON_TYPE_OBJECT)
		return 0;
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
			count++;
		}
		skip_space(&s);
		(void)take(&s, ',');
	}
	return count;
}

bool
json_member(
    struct json_value object, const char *name, struct json_value *member)
{
	return find_members(object, name, member) > 0;
}

size_t
json_member_count(struct json_value object, const char *name)
{
	struct json_value ignored;

	return find_members(object, name, &ignored);
}

bool
json_string_is(struct json_value string, const char *text)
{
	return string.type == JSON_TYPE_STRING &&
	    says(string.raw.at + 1, string.raw.at + string.raw.len - 1,
		span_of(text));
}

bool
json_array_has(struct json_value array, const char *text)
{
	struct scan s = { .at = array.raw.at };
	const char *start;

	if (array.type != JSON_TYPE_ARRAY)
		return false;
	s.end = array.raw.at + array.raw.len - 1; /* the closing bracket */
	s.at++;
	for (skip_space(&s); s.at < s.end; skip_space(&s)) {
		start = s.at;
		pass_value(&s);
		if (json_string_is(value_between(start, s.at), text))
			return true;
		skip_space(&s);
		(void)take(&s, ',');
	}
	return false;
}
