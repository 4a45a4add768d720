/* SPDX-License-Identifier: MIT */
/*
 * json - a scanner over JSON bytes (RFC 8259)
 *
 * Valid or not, where is member X, what does this string say. There is no
 * tree and nothing is rewritten: a value is a view of the bytes that the
 * sender wrote, so what is handed on is handed on byte for byte.
 *
 * One left-to-right pass without recursion. What RFC 8259 leaves open:
 * numbers of any size and precision, duplicate names, \u0000 and lone
 * surrogate escapes are valid; a byte order mark, bytes that are not UTF-8
 * (RFC 3629) and nesting deeper than JSON_DEPTH_MAX are not.
 */
#ifndef HOOKDIR_JSON_H
#define HOOKDIR_JSON_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * jq 1.6 stops at 256 levels, and an event adds one: what is accepted here
 * can be read by every consumer.
 */
#define JSON_DEPTH_MAX 250

/* Prefixed so: jansson.h has the shorter names. */
enum json_type {
	JSON_TYPE_NULL,
	JSON_TYPE_FALSE,
	JSON_TYPE_TRUE,
	JSON_TYPE_NUMBER,
	JSON_TYPE_STRING,
	JSON_TYPE_ARRAY,
	JSON_TYPE_OBJECT
};

struct json_value {
	enum json_type type;
	struct span raw; /* the value's bytes, no white space around */
};

/*
 * The members of an object and those of its members that are objects, noted
 * while it is scanned, for a caller that needs several. What is no object has
 * none. Views of the same bytes; nothing to free.
 */
#define JSON_LEVELS_MAX	 2
#define JSON_MEMBERS_MAX 96

struct json_note {
	unsigned level;	  /* 1: of the object; 2: of the last one of level 1 */
	struct span name; /* between the quotes, as it was written */
	struct json_value value;
};

struct json_members {
	struct json_value object;
	size_t count;
	bool full; /* there are more, and json_member() finds them all */
	struct json_note list[JSON_MEMBERS_MAX];
};

/*
 * Is this one JSON text (RFC 8259 section 2), whole? If so, *value is its
 * value. On false *value is untouched.
 */
bool json_scan(struct span text, struct json_value *value);

/* The same, and unless members is NULL note them; on false there are none. */
bool json_scan_members(
    struct span text, struct json_value *value, struct json_members *members);

/*
 * The elements of an array or the members of an object one after the other,
 * from the front of a text that may be cut off or broken further on: each part
 * is judged when it is reached. Start: false where neither begins. In an
 * array: values; in an object: name, then value, in turns. False where there
 * is none, and closed says whether the array or object ended.
 */
struct json_walk {
	struct span rest;
	bool object;
	bool inside; /* past the first name, or value of an array */
	bool closed;
};

bool json_walk_start(struct span text, struct json_walk *walk);
bool json_walk_name(struct json_walk *walk, struct json_value *name);
bool json_walk_value(struct json_walk *walk, struct json_value *value);

/*
 * The member of an object by its decoded name; the last one of that name.
 * False and *member untouched when there is none or the value is no object.
 * Needs no memory, so that "none" always means that the sender wrote none.
 */
bool json_member(
    struct json_value object, const char *name, struct json_value *member);

/* Note the members of a value that was scanned before. */
void json_list(struct json_value object, struct json_members *members);

/* As json_member(). */
bool json_listed(const struct json_members *members, const char *name,
    struct json_value *member);

/* The same for a member inside members: "meta.messageId". */
bool json_path(const struct json_members *members, const char *path,
    struct json_value *found);

/* The element of an array; the first has the index 0. As json_member(). */
bool json_element(
    struct json_value array, size_t index, struct json_value *element);

/*
 * The value that a JSON Pointer (RFC 6901) names; "" is the value itself.
 * False and *found untouched when there is none, or when the pointer is no
 * valid one. A part of it has at most 255 bytes.
 */
bool json_pointer(
    struct json_value value, const char *pointer, struct json_value *found);
bool json_pointer_valid(const char *pointer);

/* How many members of that name the object has; 0 for what is no object. */
size_t json_member_count(struct json_value object, const char *name);

/* Is it a string that says exactly this? Needs no memory. */
bool json_string_is(struct json_value string, const char *text);

/* Is it an array with such a string in it? Needs no memory. */
bool json_array_has(struct json_value array, const char *text);

/*
 * Append what a string says, as UTF-8; U+0000 becomes a NUL byte. False
 * and *out as it was when it is no string or holds a lone surrogate, which
 * UTF-8 cannot say. Look at buf_check() for memory.
 */
bool json_decode_string(struct json_value string, struct buf *out);

/*
 * A number's value, rounded to the nearest double however many digits it
 * has; HUGE_VAL with its sign beyond the range. False and *number untouched
 * when it is no number.
 */
bool json_number(struct json_value value, double *number);

/*
 * Append bytes as a JSON string with its quotes. The bytes must be UTF-8,
 * see lib/base/utf8; only what RFC 8259 section 7 demands is escaped, and
 * DEL, U+2028/2029 and the controls of writing direction along with it, so
 * that a terminal and a script both survive it.
 */
void json_append_string(struct buf *out, struct span utf8);

/*
 * Append ,"NAME":"TEXT". The text may be any bytes: as_utf8 makes UTF-8 of
 * them and is utf8_append_latin1() or utf8_append_printable().
 */
void json_append_member(struct buf *out, const char *name, struct span text,
    void (*as_utf8)(struct buf *out, struct span bytes));

/* Is it application/json, or does it end in "+json" (RFC 6839 3.1)? */
bool json_media_type(struct span type);

#endif
