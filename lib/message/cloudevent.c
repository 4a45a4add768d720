/* SPDX-License-Identifier: MIT */
/*
 * cloudevent - calls that are CloudEvents themselves
 */
#include "message/cloudevent.h"

#include <strings.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/hex.h"
#include "message/header.h"
#include "message/media_type.h"

#define STRUCTURED "application/cloudevents+json"

const char cloudevent_headers[] =
    "ce-specversion ce-id ce-source ce-type ce-time ce-subject";

/* The text that was appended from there on. */
static struct span
since(const struct buf *text, size_t start)
{
	return (struct span){ text->at + start, text->len - start };
}

static bool
is_whole(struct message *m, struct span version)
{
	struct own_attributes *own = &m->own;
	struct timespec when;

	if (!span_is(version, "1.0") || !own->id.len || !own->source.len ||
	    !own->type.len || m->own_text.failed) {
		*own = (struct own_attributes){ .id = { NULL, 0 } };
		return false;
	}
	if (!clock_read_rfc3339(own->time.at, own->time.len, &when))
		own->time.len = 0;
	return true;
}

/* --- binary mode --------------------------------------------------------- */

/* 3.1.3.2: what is not printable ASCII comes as %XX. */
static struct span
decoded(struct message *m, const char *header)
{
	struct span value = message_find_header(m, span_of(header));
	size_t start = m->own_text.len, used;
	char byte;

	for (; value.len; value = span_skip(value, used)) {
		used = hex_percent(value, &byte);
		buf_append_byte(&m->own_text, byte);
	}
	return since(&m->own_text, start);
}

static bool
read_binary(struct message *m)
{
	struct own_attributes *own = &m->own;
	struct span version = message_find_header(m, span_of("ce-specversion"));

	/* Room for all at once: the spans stay where they are. */
	if (!version.len || !buf_room(&m->own_text, m->own_text.max))
		return false;
	own->id = decoded(m, "ce-id");
	own->source = decoded(m, "ce-source");
	own->type = decoded(m, "ce-type");
	own->time = decoded(m, "ce-time");
	own->subject = decoded(m, "ce-subject");
	return is_whole(m, version);
}

/* --- structured mode ----------------------------------------------------- */

static struct span
member(struct message *m, struct json_value root, const char *name)
{
	size_t start = m->own_text.len;
	struct json_value value;

	if (json_member(root, name, &value))
		(void)json_decode_string(value, &m->own_text);
	return since(&m->own_text, start);
}

static void
take_data(struct message *m, struct json_value root)
{
	struct json_value value;
	bool json =
	    !m->data_type.len || json_media_type(media_type_of(m->data_type));

	m->data = (struct span){ "", 0 };
	m->data_kind = DATA_ABSENT;
	if (json_member(root, "data_base64", &value)) {
		if (json_decode_string(value, &m->nested) &&
		    base64_decode_any(buf_span(&m->nested), &m->unwrapped))
			m->data = buf_span(&m->unwrapped);
	} else if (json_member(root, "data", &value)) {
		/* 3.1.1 of the JSON format: else it is a text. */
		if (!json && json_decode_string(value, &m->unwrapped)) {
			m->data = buf_span(&m->unwrapped);
		} else {
			m->data = value.raw;
			m->data_kind = DATA_JSON;
			m->has_members =
			    json_scan_members(value.raw, &value, &m->members);
		}
	}
}

static bool
is_structured(struct span type)
{
	size_t len = sizeof(STRUCTURED) - 1;

	return type.len >= len && strncasecmp(type.at, STRUCTURED, len) == 0 &&
	    (type.len == len || type.at[len] == ';' || type.at[len] == ' ');
}

static bool
read_structured(struct message *m)
{
	struct own_attributes *own = &m->own;
	struct json_value root;
	struct span version;

	if (!is_structured(m->content_type) ||
	    !json_scan(buf_span(&m->body), &root) ||
	    !buf_room(&m->own_text, m->own_text.max))
		return false;
	version = member(m, root, "specversion");
	own->id = member(m, root, "id");
	own->source = member(m, root, "source");
	own->type = member(m, root, "type");
	own->time = member(m, root, "time");
	own->subject = member(m, root, "subject");
	own->data_type = member(m, root, "datacontenttype");
	if (!is_whole(m, version))
		return false;
	own->structured = true;
	m->data_type = own->data_type;
	take_data(m, root);
	return true;
}

bool
cloudevent_read(struct message *m)
{
	return read_binary(m) || read_structured(m);
}
