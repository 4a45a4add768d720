/* SPDX-License-Identifier: MIT */
/*
 * json - a scanner over JSON bytes (RFC 8259)
 *
 * What is here judges the bytes of a sender. It keeps one bit a level, array
 * or object, and no C stack, so that nesting can do no harm.
 *
 * Everything takes time linear in the bytes given and no memory.
 */
#include "json/json.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "json/json_cursor.h"
#include "base/utf8.h"

enum step {
	STEP_BROKEN,
	STEP_VALUE, /* a value comes next */
	STEP_DONE   /* a value ended here */
};

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

/* Strings are most of a payload: eight plain bytes at a time. */
static void
skip_plain(struct scan *s)
{
	uint64_t word, stop;

	while ((size_t)(s->end - s->at) >= sizeof(word)) {
		word = json_load(s->at);
		stop = word | (word - JSON_EACH_BYTE(0x20)) |
		    json_has_byte(word, '"') | json_has_byte(word, '\\');
		stop &= JSON_EACH_BYTE(0x80);
		if (stop) {
			s->at += json_first_byte(stop);
			return;
		}
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
			if (s->end - s->at > 2 &&
			    json_escapes[(unsigned char)s->at[1]])
				s->at += 2;
			else if (!json_take_escape(s, &ignored))
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

/* A member up to its value; the name is what stands between the quotes. */
static bool
scan_name(struct scan *s, struct span *name)
{
	const char *start;

	skip_space(s);
	start = s->at;
	if (!scan_string(s))
		return false;
	*name = (struct span){ start + 1, (size_t)(s->at - start - 2) };
	skip_space(s);
	if (!take(s, ':'))
		return false;
	skip_space(s);
	return true;
}

static bool
is_noted(const struct scan *s)
{
	return s->members && !s->members->full && s->depth <= JSON_LEVELS_MAX &&
	    in_object(s);
}

/* At the value of a member. */
static void
note_start(struct scan *s, struct span name)
{
	struct json_members *members = s->members;
	struct json_note *note = &members->list[members->count];

	members->full = members->count == JSON_MEMBERS_MAX;
	if (members->full)
		return;
	s->open[s->depth - 1] = members->count++;
	note->level = s->depth;
	note->name = name;
	note->value.raw.at = s->at;
}

/* Behind it. */
static void
note_end(struct scan *s)
{
	struct json_note *note = &s->members->list[s->open[s->depth - 1]];

	note->value = json_value_between(note->value.raw.at, s->at);
}

/* What every element starts with: white space, and a name in an object. */
static enum step
scan_lead(struct scan *s)
{
	struct span name;

	skip_space(s);
	if (!in_object(s))
		return STEP_VALUE;
	if (!scan_name(s, &name))
		return STEP_BROKEN;
	if (is_noted(s))
		note_start(s, name);
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
	if (is_noted(s))
		note_end(s);
	skip_space(s);
	if (take(s, ','))
		return scan_lead(s);
	return take_close(s) ? STEP_DONE : STEP_BROKEN;
}

static bool
scan_value(struct scan *s)
{
	const unsigned depth = s->depth;
	enum step step = scan_begin(s);

	while (step != STEP_BROKEN && s->depth > depth)
		step = step == STEP_VALUE ? scan_begin(s) : scan_next(s);
	return step == STEP_DONE;
}

struct json_value
json_value_between(const char *start, const char *end)
{
	/* in the order of enum json_type; a digit is a number, too */
	static const char firsts[] = "nft-\"[{";
	const char *first = memchr(firsts, *start, sizeof(firsts) - 1);

	return (struct json_value){ first ? (enum json_type)(first - firsts)
					  : JSON_TYPE_NUMBER,
		{ start, (size_t)(end - start) } };
}

static struct scan
scan_from(struct span text)
{
	/* An empty text may be at NULL, which nothing can be added to. */
	return (struct scan){ .at = text.at,
		.end = text.len ? text.at + text.len : text.at };
}

/* White space, a value, white space, and nothing more. */
static bool
scan_text(struct scan *s, struct json_value *value)
{
	const char *start, *end;

	skip_space(s);
	start = s->at;
	if (!scan_value(s))
		return false;
	end = s->at;
	skip_space(s);
	if (s->at < s->end)
		return false;
	*value = json_value_between(start, end);
	return true;
}

bool
json_scan_members(
    struct span text, struct json_value *value, struct json_members *members)
{
	struct scan s = scan_from(text);
	bool sound;

	skip_space(&s);
	if (members) {
		members->count = 0;
		members->full = false;
		s.members = peek(&s) == '{' ? members : NULL;
	}
	sound = scan_text(&s, value);
	if (members && sound)
		members->object = *value;
	else if (members)
		members->count = 0;
	return sound;
}

bool
json_scan(struct span text, struct json_value *value)
{
	return json_scan_members(text, value, NULL);
}

/* Take the walk on to where the scan has come. */
static void
step_to(struct json_walk *walk, const struct scan *s)
{
	walk->rest = (struct span){ s->at, (size_t)(s->end - s->at) };
}

bool
json_walk_start(struct span text, struct json_walk *walk)
{
	struct scan s = scan_from(text);

	skip_space(&s);
	if (peek(&s) != '{' && peek(&s) != '[')
		return false;
	*walk = (struct json_walk){ .object = take(&s, '{') };
	if (!walk->object)
		(void)take(&s, '[');
	step_to(walk, &s);
	return true;
}

/* To the next element; false where there is none. */
static bool
walk_on(struct json_walk *walk, struct scan *s)
{
	if (walk->closed)
		return false;
	skip_space(s);
	if (take(s, walk->object ? '}' : ']')) {
		walk->closed = true;
		step_to(walk, s);
		return false;
	}
	if (walk->inside && !take(s, ','))
		return false;
	walk->inside = true;
	return true;
}

bool
json_walk_name(struct json_walk *walk, struct json_value *name)
{
	struct scan s = scan_from(walk->rest);
	struct span said;

	if (!walk->object || !walk_on(walk, &s) || !scan_name(&s, &said))
		return false;
	step_to(walk, &s);
	*name = json_value_between(said.at - 1, said.at + said.len + 1);
	return true;
}

bool
json_walk_value(struct json_walk *walk, struct json_value *value)
{
	struct scan s = scan_from(walk->rest);
	const char *start;

	if (!walk->object && !walk_on(walk, &s))
		return false;
	skip_space(&s);
	start = s.at;
	/* Where the text ends, a number may not be whole. */
	if (!scan_value(&s) || s.at == s.end)
		return false;
	step_to(walk, &s);
	*value = json_value_between(start, s.at);
	return true;
}

bool
json_media_type(struct span type)
{
	size_t len = 0;

	while (len < type.len && !memchr("; \t", type.at[len], 3))
		len++;
	if (len == 16 && strncasecmp(type.at, "application/json", len) == 0)
		return true;
	return len > 5 && strncasecmp(type.at + len - 5, "+json", 5) == 0;
}
