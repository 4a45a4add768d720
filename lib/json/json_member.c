/* SPDX-License-Identifier: MIT */
/*
 * json_member - where things are in a value known to be sound
 *
 * What json_scan() has let through is passed over by quote and bracket;
 * nothing is judged a second time. Time is linear in the bytes given, and
 * no memory is needed.
 */
#include "json/json.h"

#include <string.h>
#include <sys/types.h>

#include "json/json_cursor.h"
#include "base/utf8.h"

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
says(struct span said, struct span name)
{
	struct scan s;
	unsigned long code_point;
	char bytes[4];
	size_t len;

	if (said.len < name.len) /* an escape says less than it takes */
		return false;
	if (!memchr(said.at, '\\', said.len))
		return span_equal(said, name);
	s.at = said.at;
	s.end = said.at + said.len;
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

/*
 * Walks over the members of a valid object. False at its end; else the name,
 * as it was written, and the value.
 */
static bool
next_member(struct scan *s, struct span *name, struct json_value *value)
{
	const char *start;

	skip_space(s);
	(void)take(s, ',');
	skip_space(s);
	if (s->at == s->end)
		return false;
	start = s->at + 1;
	pass_string(s);
	*name = (struct span){ start, (size_t)(s->at - 1 - start) };
	skip_space(s);
	(void)take(s, ':');
	skip_space(s);
	start = s->at;
	pass_value(s);
	*value = json_value_between(start, s->at);
	return true;
}

/* False for what is no object. */
static bool
enter(struct json_value object, struct scan *s)
{
	if (object.type != JSON_TYPE_OBJECT)
		return false;
	s->at = object.raw.at + 1;
	s->end = object.raw.at + object.raw.len - 1; /* the closing brace */
	return true;
}

/* How many there are; *member is the last of them. */
static size_t
find_members(
    struct json_value object, const char *name, struct json_value *member)
{
	struct span wanted = span_of(name), found;
	struct json_value value;
	struct scan s;
	size_t count = 0;

	if (!enter(object, &s))
		return 0;
	while (next_member(&s, &found, &value))
		if (says(found, wanted)) {
			*member = value;
			count++;
		}
	return count;
}

bool
json_member(
    struct json_value object, const char *name, struct json_value *member)
{
	return find_members(object, name, member) > 0;
}

void
json_list(struct json_value object, struct json_members *members)
{
	struct json_note note = { .owner = 0 };
	struct scan s;

	members->object = object;
	members->count = 0;
	members->inside_count = 0;
	if (!enter(object, &s))
		return;
	while (next_member(&s, &note.name, &note.value)) {
		if (members->count == JSON_MEMBERS_MAX) {
			members->count++;
			return;
		}
		members->list[members->count++] = note;
	}
}

/* The last one of that name: where it stands in the list, or -1. */
static ssize_t
find_listed(const struct json_members *members, struct span name)
{
	size_t i;

	for (i = members->count; i-- > 0;)
		if (says(members->list[i].name, name))
			return (ssize_t)i;
	return -1;
}

bool
json_listed(const struct json_members *members, const char *name,
    struct json_value *member)
{
	ssize_t i;

	if (members->count > JSON_MEMBERS_MAX)
		return json_member(members->object, name, member);
	i = find_listed(members, span_of(name));
	if (i >= 0)
		*member = members->list[i].value;
	return i >= 0;
}

/* The part of a path before the next dot; false when it is too long. */
static bool
next_part(const char **path, char name[64])
{
	size_t len = strcspn(*path, ".");

	if (len >= 64)
		return false;
	memcpy(name, *path, len);
	name[len] = '\0';
	*path += len + ((*path)[len] == '.');
	return true;
}

/* The member of a listed one. */
static bool
member_inside(const struct json_members *members, size_t owner,
    const char *name, struct json_value *member)
{
	const struct json_note *note = &members->list[owner];
	struct span wanted = span_of(name);
	size_t i;

	if (!note->inside_noted)
		return json_member(note->value, name, member);
	for (i = members->inside_count; i-- > 0;) {
		note = &members->inside[i];
		if (note->owner == owner && says(note->name, wanted)) {
			*member = note->value;
			return true;
		}
	}
	return false;
}

bool
json_path(const struct json_members *members, const char *path,
    struct json_value *found)
{
	struct json_value value;
	char name[64];
	ssize_t listed = -1;

	if (!next_part(&path, name))
		return false;
	if (members->count <= JSON_MEMBERS_MAX) {
		listed = find_listed(members, span_of(name));
		if (listed < 0)
			return false;
		value = members->list[listed].value;
	} else if (!json_member(members->object, name, &value)) {
		return false;
	}
	for (; *path; listed = -1)
		if (!next_part(&path, name) ||
		    !(listed >= 0 ? member_inside(
					members, (size_t)listed, name, &value)
				  : json_member(value, name, &value)))
			return false;
	*found = value;
	return true;
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
	    says((struct span){ string.raw.at + 1, string.raw.len - 2 },
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
		if (json_string_is(json_value_between(start, s.at), text))
			return true;
		skip_space(&s);
		(void)take(&s, ',');
	}
	return false;
}
