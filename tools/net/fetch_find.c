/* SPDX-License-Identifier: MIT */
/*
 * fetch_find - which documents does this data refer to?
 *
 * No tree is made, because trees refuse data that is valid, and the elements
 * are to be handed on byte for byte.
 */
#include "net/fetch_find.h"

#include <stdlib.h>

#include "net/fetch_url.h"

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

static int
take_array(
    struct fetch_references *found, struct json_value array, struct error *err)
{
	struct json_value element;
	struct json_walk walk;
	int rc = 0;

	if (array.type != JSON_TYPE_ARRAY || !json_walk_start(array.raw, &walk))
		return 0;
	while (rc == 0 && json_walk_value(&walk, &element))
		if (element.type == JSON_TYPE_OBJECT)
			rc = take_element(found, element, err);
	return rc;
}

/* As deep as JSON is nested, which is JSON_DEPTH_MAX at most. */
static int
find_inside(
    struct fetch_references *found, struct json_value value, struct error *err)
{
	struct json_value name = { JSON_TYPE_NULL, { NULL, 0 } }, inside;
	struct json_walk walk;
	int rc = 0;

	if (!json_walk_start(value.raw, &walk))
		return 0;
	while (rc == 0 && (!walk.object || json_walk_name(&walk, &name)) &&
	    json_walk_value(&walk, &inside)) {
		if (walk.object && json_string_is(name, "documents"))
			rc = take_array(found, inside, err);
		if (rc == 0)
			rc = find_inside(found, inside, err);
	}
	return rc;
}

int
fetch_find(
    struct json_value data, struct fetch_references *found, struct error *err)
{
	*found = (struct fetch_references)FETCH_REFERENCES_INIT;
	return find_inside(found, data, err);
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
