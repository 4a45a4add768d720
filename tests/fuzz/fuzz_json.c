/* SPDX-License-Identifier: MIT */
/*
 * fuzz_json - the scanner beside jansson, and beside itself
 *
 * Both say the same of every text, but for the reasons that are listed in
 * tests/data/json/jansson-differs; here each has a function that looks for
 * it in the text.
 */
#include "fuzz.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>

#include "json/json.h"
#include "base/utf8.h"

#define MEMBERS_MAX 24
#define LEVELS_MAX  6

/* "allows 2048 levels" */
static bool
is_too_deep(struct span text)
{
	size_t i, depth = 0;
	bool string = false;

	for (i = 0; i < text.len; i++) {
		if (string && text.at[i] == '\\')
			i++;
		else if (text.at[i] == '"')
			string = !string;
		else if (!string && (text.at[i] == '[' || text.at[i] == '{'))
			depth++;
		else if (!string && (text.at[i] == ']' || text.at[i] == '}'))
			depth--;
		if (depth > JSON_DEPTH_MAX)
			return true;
	}
	return false;
}

/*
 * "takes a NUL byte after a number for the end", and after a word: without
 * it, all is well.
 */
static bool
is_nul_after_scalar(struct span text)
{
	char *copy = malloc(text.len + 1);
	struct json_value ignored;
	size_t i, len = 0;
	bool found = false, good;

	CHECK(copy);
	for (i = 0; i < text.len; i++)
		if (text.at[i] == '\0' && len &&
		    isalnum((unsigned char)copy[len - 1]))
			found = true;
		else
			copy[len++] = text.at[i];
	good = found && json_scan((struct span){ copy, len }, &ignored);
	free(copy);
	return good;
}

/* "refuses integers beyond 64 bits", "refuses reals beyond a double" */
static bool
is_number_too_large(struct span text)
{
	size_t i, digits = 0;

	for (i = 0; i < text.len; i++) {
		digits =
		    text.at[i] >= '0' && text.at[i] <= '9' ? digits + 1 : 0;
		if (digits >= 19)
			return true;
		if (i && digits &&
		    (text.at[i - 1] == 'e' || text.at[i - 1] == 'E' ||
			text.at[i - 1] == '+' || text.at[i - 1] == '-'))
			digits += 16;
	}
	return false;
}

/* "refuses lone surrogates" */
static bool
has_surrogate(struct span text)
{
	size_t i;

	for (i = 0; i + 3 < text.len; i++)
		if (text.at[i] == '\\' && text.at[i + 1] == 'u' &&
		    (text.at[i + 2] == 'd' || text.at[i + 2] == 'D') &&
		    strchr("89abcdefABCDEF", text.at[i + 3]))
			return true;
	return false;
}

static bool
has_escaped_nul(struct span text)
{
	return memmem(text.at, text.len, "\\u0000", 6) != NULL;
}

static bool
is_listed(struct span text, bool ours, const json_error_t *why)
{
	if (!ours)
		return is_too_deep(text) || is_nul_after_scalar(text);
	switch (json_error_code(why)) {
	case json_error_numeric_overflow:
		return is_number_too_large(text);
	case json_error_null_byte_in_key:
	case json_error_null_character:
		return has_escaped_nul(text);
	case json_error_invalid_syntax:
		return has_surrogate(text);
	default:
		return false;
	}
}

static void
check_string(struct json_value value, const json_t *theirs)
{
	struct buf said = BUF_INIT(FUZZ_ROOM);
	bool good = json_decode_string(value, &said);

	CHECK(good || said.len == 0);
	CHECK(utf8_valid(buf_span(&said)));
	if (theirs) {
		CHECK(good && json_is_string(theirs));
		CHECK(fuzz_same(buf_span(&said),
		    (struct span){ json_string_value(theirs),
			json_string_length(theirs) }));
	}
	if (good && said.len && !memchr(said.at, '\0', said.len)) {
		buf_append_byte(&said, '\0');
		CHECK(json_string_is(value, said.at));
	}
	buf_free(&said);
}

/* strtod() in the C locale knows all of JSON's numbers. */
static void
check_number(struct json_value value)
{
	char *copy = malloc(value.raw.len + 1);
	double got = -1, want;

	CHECK(copy);
	memcpy(copy, value.raw.at, value.raw.len);
	copy[value.raw.len] = '\0';
	want = strtod(copy, NULL);
	CHECK(json_number(value, &got));
	CHECK(got == want && !signbit(got) == !signbit(want));
	free(copy);
}

static void check_value(
    struct json_value value, const json_t *theirs, unsigned level);

/* The member of a name is the last one that the walk met. */
static void
check_name(struct json_value object, struct json_value name,
    struct json_value last, size_t count, const json_t *theirs, unsigned level)
{
	struct buf said = BUF_INIT(FUZZ_ROOM);
	struct json_value found = { JSON_TYPE_NULL, { NULL, 0 } };
	struct json_members members;

	if (json_decode_string(name, &said) &&
	    (!said.len || !memchr(said.at, '\0', said.len))) {
		buf_append_byte(&said, '\0');
		CHECK(json_member(object, said.at, &found));
		CHECK(found.raw.at == last.raw.at &&
		    found.raw.len == last.raw.len && found.type == last.type);
		CHECK(json_member_count(object, said.at) == count);
		CHECK(json_scan_members(object.raw, &found, &members));
		CHECK(json_listed(&members, said.at, &found));
		CHECK(found.raw.at == last.raw.at);
		if (theirs) {
			theirs = json_object_get(theirs, said.at);
			CHECK(theirs);
		}
		check_value(found, theirs, level + 1);
	}
	buf_free(&said);
}

static bool
same_name(struct json_value a, struct json_value b)
{
	struct buf one = BUF_INIT(FUZZ_ROOM), two = BUF_INIT(FUZZ_ROOM);
	bool same = json_decode_string(a, &one) &&
	    json_decode_string(b, &two) &&
	    fuzz_same(buf_span(&one), buf_span(&two));

	buf_free(&one);
	buf_free(&two);
	return same;
}

/* Members of an object that is known to be sound. */
static void
check_object(struct json_value object, const json_t *theirs, unsigned level)
{
	struct json_value names[MEMBERS_MAX], values[MEMBERS_MAX], ignored;
	struct json_walk walk;
	size_t i, j, count = 0, last, same;
	bool there = false;

	CHECK(json_walk_start(object.raw, &walk));
	while (json_walk_name(&walk, &ignored)) {
		if (count == MEMBERS_MAX)
			return;
		names[count] = ignored;
		CHECK(json_walk_value(&walk, &values[count]));
		count++;
	}
	CHECK(walk.closed && walk.rest.len == 0);
	CHECK(!theirs || json_is_object(theirs));
	for (i = 0; i < count; i++) {
		for (j = 0, same = 0, last = i; j < count; j++)
			if (same_name(names[i], names[j])) {
				same++;
				last = j;
			}
		check_name(object, names[i], values[last], same, theirs, level);
		/* The fuzzer reads what it is compared with, and writes it. */
		there |= json_string_is(names[i], "hardly anybody's");
	}
	CHECK(json_member(object, "hardly anybody's", &ignored) == there);
}

static void
check_value(struct json_value value, const json_t *theirs, unsigned level)
{
	struct json_value again;

	if (level > LEVELS_MAX)
		return;
	CHECK(json_scan(value.raw, &again));
	CHECK(again.type == value.type && again.raw.at == value.raw.at &&
	    again.raw.len == value.raw.len);
	switch (value.type) {
	case JSON_TYPE_STRING:
		check_string(value, theirs);
		break;
	case JSON_TYPE_NUMBER:
		CHECK(!theirs || json_is_number(theirs));
		check_number(value);
		break;
	case JSON_TYPE_OBJECT:
		check_object(value, theirs, level);
		break;
	case JSON_TYPE_ARRAY:
		CHECK(!theirs || json_is_array(theirs));
		(void)json_array_has(value, "a");
		break;
	case JSON_TYPE_NULL:
		CHECK(!theirs || json_is_null(theirs));
		break;
	case JSON_TYPE_TRUE:
		CHECK(!theirs || json_is_true(theirs));
		break;
	case JSON_TYPE_FALSE:
		CHECK(!theirs || json_is_false(theirs));
		break;
	}
}

/* Each part that a walk hands out is sound, whatever comes behind it. */
static void
check_broken(struct span text)
{
	struct json_value part, ignored;
	struct json_walk walk;
	size_t count = 0;

	if (!json_walk_start(text, &walk))
		return;
	while (count++ < 1000) {
		if (walk.object) {
			if (!json_walk_name(&walk, &part))
				break;
			CHECK(part.type == JSON_TYPE_STRING);
			CHECK(json_scan(part.raw, &ignored));
		}
		if (!json_walk_value(&walk, &part))
			break;
		CHECK(json_scan(part.raw, &ignored));
	}
}

/* A walk meets the members that were noted, in the same order. */
static void
check_notes(const struct json_members *noted, struct span object,
    unsigned level, size_t *count)
{
	struct json_value name, value;
	const struct json_note *note;
	struct json_walk walk;

	CHECK(json_walk_start(object, &walk));
	while (json_walk_name(&walk, &name)) {
		CHECK(json_walk_value(&walk, &value) && *count < noted->count);
		note = &noted->list[(*count)++];
		CHECK(note->level == level);
		CHECK(note->name.at == name.raw.at + 1 &&
		    note->name.len == name.raw.len - 2);
		CHECK(note->value.raw.at == value.raw.at &&
		    note->value.raw.len == value.raw.len &&
		    note->value.type == value.type);
		if (level < JSON_LEVELS_MAX && value.type == JSON_TYPE_OBJECT)
			check_notes(noted, value.raw, level + 1, count);
	}
}

/* Judging and noting at once comes to the same as one after the other. */
static void
check_members(struct span text, bool sound, struct json_value value)
{
	struct json_value again = { JSON_TYPE_NULL, { NULL, 7 } };
	struct json_members noted;
	size_t count = 0;

	CHECK(json_scan_members(text, &again, &noted) == sound);
	CHECK(again.raw.at == value.raw.at && again.raw.len == value.raw.len);
	if (sound && value.type == JSON_TYPE_OBJECT && !noted.full)
		check_notes(&noted, value.raw, 1, &count);
	CHECK(noted.full ? noted.count == (sound ? JSON_MEMBERS_MAX : 0)
			 : noted.count == count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_value value = { JSON_TYPE_NULL, { NULL, 7 } };
	json_error_t why = { .text = "" };
	struct span text;
	struct input in;
	json_t *theirs;
	bool ours;

	input_start(&in, data, size);
	text = input_rest(&in);
	ours = json_scan(text, &value);
	theirs = json_loadb(
	    text.at, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (ours != (theirs != NULL))
		CHECK(is_listed(text, ours, &why));
	if (ours) {
		CHECK(value.raw.at >= text.at &&
		    value.raw.at + value.raw.len <= text.at + text.len);
		check_value(value, theirs, 0);
	} else {
		CHECK(value.raw.len == 7 && !value.raw.at);
	}
	check_members(text, ours, value);
	check_broken(text);
	json_decref(theirs);
	input_end(&in);
	return 0;
}
