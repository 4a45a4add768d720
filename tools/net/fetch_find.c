/* SPDX-License-Identifier: MIT */
/*
 * fetch_find - which documents does this data refer to?
 *
 * The data is known to be sound JSON, so one pass over its bytes is enough:
 * strings are skipped, and one with a colon behind it is a name. No tree is
 * made, because trees refuse data that is valid, and the elements are to be
 * handed on byte for byte.
 */
#include "net/fetch_find.h"

#include <stdlib.h>
#include <string.h>

#include "net/fetch_url.h"

static void
skip_space(struct span *text)
{
	while (text->len && strchr(" \t\r\n", text->at[0]) && text->at[0]) {
		text->at++;
		text->len--;
	}
}

/* The length of the string at the start of a text. */
static size_t
string_length(struct span text)
{
	size_t i;

	for (i = 1; i < text.len && text.at[i] != '"'; i++)
		if (text.at[i] == '\\')
			i++;
	return i < text.len ? i + 1 : text.len;
}

/* The length of the value at the start of a text. */
static size_t
value_length(struct span text)
{
	size_t i = 0, level = 0;
	char c;

	while (i < text.len) {
		c = text.at[i];
		if (level == 0 && (c == ',' || c == ']' || c == '}'))
			return i;
		if (c == '"') {
			i += string_length(
			    (struct span){ text.at + i, text.len - i });
		} else {
			level += c == '[' || c == '{';
			level -= c == ']' || c == '}';
			i++;
		}
		if (level == 0 && (c == '"' || c == ']' || c == '}'))
			return i;
	}
	return i;
}

static bool
is_known(
    const struct fetch_references *found, bool by_id, const struct buf *text)
{
	size_t i;

	for (i = 0; i < found->count; i++)
		if (found->list[i].by_id == by_id &&
		    span_equal(buf_span(&found->list[i].text), buf_span(text)))
			return true;
	return false;
}

static int
add(struct fetch_references *found, const struct fetch_reference *reference,
    struct error *err)
{
	struct fetch_reference *grown;

	if (found->count == FETCH_REFERENCES_MAX)
		return error_set(err, ERROR_FORM, "more than %d documents",
		    FETCH_REFERENCES_MAX);
	grown = realloc(found->list, (found->count + 1) * sizeof(*grown));
	if (!grown)
		return error_set(err, ERROR_MEMORY, "no memory");
	found->list = grown;
	grown[found->count++] = *reference;
	return 0;
}

/* What a member says; "" is as if it were not there. */
static bool
take_text(struct json_value element, const char *name, struct buf *text)
{
	struct json_value value;

	buf_reset(text);
	if (!json_member(element, name, &value) ||
	    value.type != JSON_TYPE_STRING)
		return false;
	/* What cannot be said, or is too long, is no good id nor address. */
	if (!json_decode_string(value, text) || text->len > FETCH_URL_MAX) {
		buf_reset(text);
		buf_append_byte(text, '?');
	}
	return text->len > 0 || text->failed;
}

static int
take_element(struct fetch_references *found, struct json_value element,
    struct error *err)
{
	struct fetch_reference reference = { .element = element,
		.text = BUF_INIT((size_t)128 << 20) };
	int rc;

	reference.by_id = take_text(element, "objectId", &reference.text);
	if (!reference.by_id && !take_text(element, "url", &reference.text)) {
		buf_free(&reference.text);
		return 0;
	}
	rc = buf_check(&reference.text, err);
	if (rc == 0 && !is_known(found, reference.by_id, &reference.text)) {
		rc = add(found, &reference, err);
		if (rc == 0)
			return 0;
	}
	buf_free(&reference.text);
	return rc;
}

/* The elements of the array at the start of a text. */
static int
take_array(struct fetch_references *found, struct span text, struct error *err)
{
	struct json_value element;
	size_t len;

	do {
		text = span_skip(text, 1); /* the bracket, or a comma */
		skip_space(&text);
		len = value_length(text);
		if (json_scan((struct span){ text.at, len }, &element) &&
		    element.type == JSON_TYPE_OBJECT &&
		    take_element(found, element, err) < 0)
			return -1;
		text = span_skip(text, len);
		skip_space(&text);
	} while (text.len && text.at[0] == ',');
	return 0;
}

int
fetch_find(
    struct json_value data, struct fetch_references *found, struct error *err)
{
	struct json_value string = { JSON_TYPE_STRING, { NULL, 0 } };
	struct span text = data.raw;

	*found = (struct fetch_references)FETCH_REFERENCES_INIT;
	while (text.len) {
		if (text.at[0] != '"') {
			text = span_skip(text, 1);
			continue;
		}
		string.raw.at = text.at;
		string.raw.len = string_length(text);
		text = span_skip(text, string.raw.len);
		skip_space(&text);
		if (!text.len || text.at[0] != ':' ||
		    !json_string_is(string, "documents"))
			continue;
		text = span_skip(text, 1);
		skip_space(&text);
		if (text.len && text.at[0] == '[' &&
		    take_array(found, text, err) < 0)
			return -1;
	}
	return 0;
}

void
fetch_references_free(struct fetch_references *found)
{
	size_t i;

	for (i = 0; i < found->count; i++)
		buf_free(&found->list[i].text);
	free(found->list);
	*found = (struct fetch_references)FETCH_REFERENCES_INIT;
}
