/* SPDX-License-Identifier: MIT */
/*
 * json_cursor - what the parts of json share
 *
 * A place in a text and the smallest steps from there. Not for others:
 * their header is json.h.
 */
#ifndef HOOKDIR_JSON_CURSOR_H
#define HOOKDIR_JSON_CURSOR_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "json/json.h"

struct scan {
	const char *at;
	const char *end;
	unsigned depth;
	uint64_t objects[JSON_DEPTH_MAX / 64 + 1]; /* a bit a level */
	struct json_members *members;		   /* NULL: none are noted */
	size_t open[JSON_LEVELS_MAX]; /* the note of a level that has no end */
};

/*
 * The byte here, NUL at the end. JSON has no place for a NUL byte, so one
 * in the text fails like an end that comes too early.
 */
static inline char
peek(const struct scan *s)
{
	return s->at < s->end ? *s->at : '\0';
}

static inline bool
take(struct scan *s, char wanted)
{
	if (peek(s) != wanted)
		return false;
	s->at++;
	return true;
}

/* RFC 8259 section 2: these four and no others */
static inline bool
is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static inline void
skip_space(struct scan *s)
{
	while (is_space(peek(s)))
		s->at++;
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

#define JSON_EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* Eight bytes, the first of them lowest. */
static inline uint64_t
json_load(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return le64toh(word);
}

/* Which of eight bytes is the first that has its high bit set? */
static inline size_t
json_first_byte(uint64_t high_bits)
{
	return (size_t)__builtin_ctzll(high_bits) / 8;
}

/*
 * High bits are set only if there is such a byte among the eight: that of the
 * first one, and above it, through borrows, perhaps of others.
 */
static inline uint64_t
json_has_byte(uint64_t word, unsigned char byte)
{
	uint64_t zero = word ^ JSON_EACH_BYTE(byte);

	return (zero - JSON_EACH_BYTE(1)) & ~zero & JSON_EACH_BYTE(0x80);
}

/* ASCII that may stand in a string as it is */
static inline bool
is_plain(char c)
{
	return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 &&
	    c != '"' && c != '\\';
}

/*
 * RFC 8259 section 7: what a letter after the backslash means; 0 for "u" and
 * for what is no escape.
 */
extern const char json_escapes[256];

/*
 * One escape (RFC 8259 section 7): the UTF-16 code unit that it means.
 * False, and the cursor somewhere in it, when it is none.
 */
bool json_take_escape(struct scan *s, unsigned *unit);

/* One escape, or two that make a pair; false for a lone surrogate. */
bool json_take_code_point(struct scan *s, unsigned long *code_point);

/* The value that stands there, its type told from its first byte. */
struct json_value json_value_between(const char *start, const char *end);

#endif
