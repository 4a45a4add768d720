/* SPDX-License-Identifier: MIT */
/*
 * json_member - members: found, noted and written
 *
 * To find something is a json_walk: linear in the bytes given, without memory.
 */
#include "json/json.h"

#include <string.h>

#include "json/json_cursor.h"
#include "base/utf8.h"

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

/* How many there are; *member is the last of them. */
static size_t
find_members(
    struct json_value object, const char *name, struct json_value *member)
{
	struct json_value said, value;
	struct json_walk walk;
	size_t count = 0;

	if (!json_walk_start(object.raw, &walk))
		return 0;
	while (json_walk_name(&walk, &said) && json_walk_value(&walk, &value))
		if (json_string_is(said, name)) {
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
	(void)json_scan_members(object.raw, &object, members);
}

/* The last one of that name, of the object or of a member; NULL for none. */
static const struct json_note *
find_note(const struct json_members *members, const struct json_note *owner,
    const char *name)
{
	const struct json_note *end = members->list + members->count,
			       *note = owner ? owner + 1 : members->list,
			       *found = NULL;
	struct span wanted = span_of(name);
	unsigned level = owner ? 2 : 1;

	for (; note < end && note->level >= level; note++)
		if (note->level == level && says(note->name, wanted))
			found = note;
	return found;
}

bool
json_listed(const struct json_members *members, const char *name,
    struct json_value *member)
{
	const struct json_note *note;

	if (members->full)
		return json_member(members->object, name, member);
	note = find_note(members, NULL, name);
	if (note)
		*member = note->value;
	return note != NULL;
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

bool
json_path(const struct json_members *members, const char *path,
    struct json_value *found)
{
	const struct json_note *note = NULL;
	struct json_value value = members->object;
	unsigned level = 0;
	char name[64];

	do {
		if (!next_part(&path, name))
			return false;
		if (!members->full && level++ < JSON_LEVELS_MAX) {
			note = find_note(members, note, name);
			if (!note)
				return false;
			value = note->value;
		} else if (!json_member(value, name, &value)) {
			return false;
		}
	} while (*path);
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
	struct json_value element;
	struct json_walk walk;

	if (array.type != JSON_TYPE_ARRAY || !json_walk_start(array.raw, &walk))
		return false;
	while (json_walk_value(&walk, &element))
		if (json_string_is(element, text))
			return true;
	return false;
}

bool
json_element(struct json_value array, size_t index, struct json_value *element)
{
	struct json_value at;
	struct json_walk walk;

	if (array.type != JSON_TYPE_ARRAY || !json_walk_start(array.raw, &walk))
		return false;
	while (json_walk_value(&walk, &at))
		if (index-- == 0) {
			*element = at;
			return true;
		}
	return false;
}

void
json_append_member(struct buf *out, const char *name, struct span text,
    void (*as_utf8)(struct buf *out, struct span bytes))
{
	struct buf utf8 = BUF_INIT(out->max);

	as_utf8(&utf8, text);
	buf_printf(out, ",\"%s\":", name);
	json_append_string(out, buf_span(&utf8));
	out->failed |= utf8.failed;
	buf_free(&utf8);
}
