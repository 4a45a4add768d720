/* SPDX-License-Identifier: MIT */
/*
 * message - one call: what was received, and what verifying made of it
 */
#include "message.h"

#include <string.h>
#include <strings.h>

void
message_init(struct message *m, size_t max_body)
{
	memset(m, 0, sizeof(*m));
	m->server = "";
	m->method = "";
	m->passed_by = "";
	m->body.max = max_body;
	/* Every layer is shorter than the one around it. */
	m->token.max = max_body;
	m->payload.max = max_body;
	m->unwrapped.max = max_body;
	m->nested.max = max_body;
	m->type.max = MESSAGE_TEXT_MAX;
	m->subject.max = MESSAGE_TEXT_MAX;
	m->id_text.max = MESSAGE_TEXT_MAX;
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
	buf_free(&m->id_text);
	buf_free(&m->type);
	buf_free(&m->subject);
}

struct span
message_header(const struct message *m, const char *name)
{
	size_t i;

	for (i = 0; name && i < m->header_count; i++)
		if (strcasecmp(m->headers[i].name, name) == 0)
			return buf_span(&m->headers[i].value);
	return (struct span){ NULL, 0 };
}
