/* SPDX-License-Identifier: MIT */
/*
 * media_type - media types (RFC 2046, in the grammar of RFC 2045 section 5.1)
 */
#include "message/media_type.h"

#include <string.h>

static size_t
spaces(struct span text)
{
	size_t len = 0;

	while (len < text.len && text.at[len] == ' ')
		len++;
	return len;
}

/* RFC 2045 5.1: ASCII without controls, space and tspecials */
static size_t
token(struct span text)
{
	size_t len = 0;

	while (len < text.len && text.at[len] > ' ' && text.at[len] < 0x7f &&
	    !strchr("()<>@,;:\\\"/[]?=", text.at[len]))
		len++;
	return len;
}

/* RFC 822 3.3: a quoted-string, here of printable ASCII; 0 if it is none */
static size_t
quoted(struct span text)
{
	size_t i;

	if (!text.len || text.at[0] != '"')
		return 0;
	for (i = 1; i < text.len; i++) {
		if (text.at[i] == '"')
			return i + 1;
		if (text.at[i] == '\\')
			i++;
		if (i == text.len || text.at[i] < ' ' || text.at[i] >= 0x7f)
			return 0;
	}
	return 0;
}

/* name and separator; 0 if it is not there */
static size_t
name_before(struct span text, char separator)
{
	size_t len = token(text);

	return len && len < text.len && text.at[len] == separator ? len + 1 : 0;
}

/* ";" name "=" value, with spaces around the first; 0 if it is none */
static size_t
parameter(struct span text)
{
	size_t len = spaces(text), name, value;

	if (len == text.len || text.at[len] != ';')
		return 0;
	len++;
	len += spaces(span_skip(text, len));
	name = name_before(span_skip(text, len), '=');
	value = token(span_skip(text, len + name));
	if (!value)
		value = quoted(span_skip(text, len + name));
	return name && value ? len + name + value : 0;
}

struct span
media_type_of(struct span header)
{
	size_t start = spaces(header), type, subtype, len, more;
	struct span rest;

	header = span_skip(header, start);
	type = name_before(header, '/');
	subtype = token(span_skip(header, type));
	if (!type || !subtype)
		return (struct span){ NULL, 0 };
	len = type + subtype;
	rest = span_skip(header, len);
	/* Something else behind the subtype makes it no subtype. */
	if (spaces(rest) < rest.len && rest.at[spaces(rest)] != ';')
		return (struct span){ NULL, 0 };
	while ((more = parameter(span_skip(header, len))) != 0)
		len += more;
	return (struct span){ header.at, len };
}
