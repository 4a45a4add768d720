/* SPDX-License-Identifier: MIT */
/*
 * message - one call: what was received, and what verifying made of it
 */
#include "message/message.h"

#include <string.h>
#include <strings.h>

const char *const message_place_names[PLACES] = { [PLACE_ID] = "ID",
	[PLACE_TYPE] = "TYPE",
	[PLACE_SUBJECT] = "SUBJECT",
	[PLACE_REFERENCE] = "REFERENCE" };

void
message_init(struct message *m, size_t max_body)
{
	static const struct message_places as_the_row;

	memset(m, 0, sizeof(*m));
	m->server = "";
	m->method = "";
	m->passed_by = "";
	m->places = &as_the_row;
	m->body.max = max_body;
	m->head.max = MESSAGE_HEAD_MAX;
	/* Every layer is shorter than the one around it. */
	m->token.max = max_body;
	m->payload.max = max_body;
	m->unwrapped.max = max_body;
	m->nested.max = max_body;
	m->type.max = MESSAGE_TEXT_MAX;
	m->subject.max = MESSAGE_TEXT_MAX;
	m->reference.max = MESSAGE_TEXT_MAX;
	m->version.max = MESSAGE_TEXT_MAX;
	m->id_text.max = MESSAGE_TEXT_MAX;
	m->own_text.max = MESSAGE_OWN_MAX;
}

void
message_free_body(struct message *m)
{
	buf_free(&m->body);
	buf_free(&m->token);
	buf_free(&m->payload);
	buf_free(&m->unwrapped);
	buf_free(&m->nested);
	m->data = (struct span){ NULL, 0 };
	m->members.count = 0;
	m->data_kind = DATA_ABSENT;
}

void
message_free(struct message *m)
{
	size_t i;

	message_free_body(m);
	for (i = 0; i < m->header_count; i++)
		buf_free(&m->headers[i].value);
	m->header_count = 0;
	m->looked_count = 0;
	buf_free(&m->head);
	buf_free(&m->id_text);
	buf_free(&m->own_text);
	buf_free(&m->type);
	buf_free(&m->subject);
	buf_free(&m->reference);
	buf_free(&m->version);
}

const struct scheme_set *
message_schemes(const struct message *m)
{
	return m->schemes ? m->schemes : sender_schemes(m->sender);
}

/* The header whose name is these two parts together. */
static struct span
find(const struct message *m, struct span front, struct span rest)
{
	const struct header *header;
	size_t i;

	for (i = 0; i < m->header_count; i++) {
		header = &m->headers[i];
		if (strlen(header->name) == front.len + rest.len &&
		    strncasecmp(header->name, front.at, front.len) == 0 &&
		    strncasecmp(header->name + front.len, rest.at, rest.len) ==
			0)
			return buf_span(&header->value);
	}
	return (struct span){ NULL, 0 };
}

struct span
message_find_header(const struct message *m, struct span name)
{
	return find(m, span_of(""), name);
}

struct span
message_header(const struct message *m, const char *name)
{
	const char *const *spellings = m->sender->spellings;
	size_t len = spellings[0] ? strlen(spellings[0]) : 0;

	if (!name)
		return (struct span){ NULL, 0 };
	if (m->variant == 0 || len == 0 ||
	    strncasecmp(name, spellings[0], len) != 0)
		return message_find_header(m, span_of(name));
	return find(m, span_of(spellings[1]), span_of(name + len));
}
