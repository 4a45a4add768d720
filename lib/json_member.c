/* SPDX-License-Identifier: MIT */
/*
 * json_member - where things are in a value known to be sound
 *
 * What json_scan() has let through is passed over by quote and bracket;
 * nothing is judged a second time. Time is linear in the bytes given, and
 * no memory is needed.
 */
#include "json.h"

#include <string.h>

#include "json_cursor.h"
#include "utf8.h"

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
			*member = json_value_between(start, s.at);
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

bool
json_path(struct json_value object, const char *path, struct json_value *found)
{
	char name[64];
	size_t len;

	for (; *path; path += len + (path[len] == '.')) {
		len = strcspn(path, ".");
		if (len >= sizeof(name))
			return false;
		memcpy(name, path, len);
		name[len] = '\0';
		if (!json_member(object, name, &object))
			return false;
	}
	*found = object;
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
		if (json_string_is(json_value_between(start, s.at), text))
			return true;
		skip_space(&s);
		(void)take(&s, ',');
	}
	return false;
}
