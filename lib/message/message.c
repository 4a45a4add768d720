/* SPDX-License-Identifier: MIT */
/*
 * message - one call: what was received, and what verifying made of it
 */
#include "message/message.h"

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
	buf_free(&m->head);
	buf_free(&m->id_text);
	buf_free(&m->type);
	buf_free(&m->subject);
	buf_free(&m->reference);
	buf_free(&m->version);
}

/* The header whose name is these two parts together. */
static struct span
kept_header(const struct message *m, const char *prefix, const char *rest)
{
	size_t i, len = strlen(prefix);

	for (i = 0; i < m->header_count; i++)
		if (strncasecmp(m->headers[i].name, prefix, len) == 0 &&
		    strcasecmp(m->headers[i].name + len, rest) == 0)
			return buf_span(&m->headers[i].value);
	return (struct span){ NULL, 0 };
}

struct span
message_header(const struct message *m, const char *name)
{
	const char *const *spellings = m->sender->spellings;
	const char *signature = m->sender->signature.header;
	size_t len = spellings[0] ? strlen(spellings[0]) : 0;

	if (!name)
		return (struct span){ NULL, 0 };
	if (len == 0 || strncasecmp(name, spellings[0], len) != 0 ||
	    kept_header(m, "", signature).len ||
	    !kept_header(m, spellings[1], signature + len).len)
		return kept_header(m, "", name);
	return kept_header(m, spellings[1], name + len);
}
