/* SPDX-License-Identifier: MIT */
/*
 * calls - messages as the handler makes them, for tests
 */
#ifndef CALLS_H
#define CALLS_H

#include "support.h"

#include "jose/keyring.h"
#include "message/message.h"

#define CALL_KEY "our key"

/* A call as it came in; message_free() it. 2026-11-21T17:05:33.123456Z */
static inline void
start_call(struct message *m, const char *sender)
{
	message_init(m, ROOM);
	m->sender = sender_find(sender);
	assert_non_null(m->sender);
	m->server = "shop.example";
	m->method = "POST";
	m->path = span_of("/webhook");
	m->passed_by = "basic";
	m->received = (struct timespec){ 1795280733, 123456789 };
}

static inline void
add_header(struct message *m, const char *name, struct span value)
{
	struct header *header = &m->headers[m->header_count++];

	assert_true(m->header_count <= MESSAGE_HEADERS_MAX);
	header->name = name;
	header->value = (struct buf)BUF_INIT(MESSAGE_TEXT_MAX);
	buf_append_span(&header->value, value);
}

/* {"data":"TOKEN"}, as Shipmondo sends a payload */
static inline void
append_signed_body(struct buf *body, struct span payload)
{
	buf_append_text(body, "{\"data\":\"");
	append_token(
	    body, span_of("{\"alg\":\"HS256\"}"), payload, span_of(CALL_KEY));
	/* append_token() signs what it appended, not what stood there. */
	buf_append_text(body, "\"}");
}

static inline struct keyring
call_keys(void)
{
	return (struct keyring){ { { "current", LITERAL(CALL_KEY) } }, 1 };
}

/* One case of tests/data/payloads */
struct payload_case {
	struct span name, kind;
	struct buf payload, data; /* owned */
};

/* The next case of the file's text; false at the end. */
static inline bool
next_payload(struct span *rest, struct payload_case *c)
{
	struct span line, payload;

	if (!next_line(rest, &line))
		return false;
	c->name = next_field(&line);
	c->kind = next_field(&line);
	payload = next_field(&line);
	buf_reset(&c->payload);
	buf_reset(&c->data);
	append_unescaped(&c->payload, payload);
	append_unescaped(&c->data, span_is(line, "=") ? payload : line);
	return true;
}

static inline enum data_kind
kind_of(struct span word)
{
	static const char *const words[] = { "absent", "json", "text",
		"binary" };
	size_t i;

	for (i = 0; i < COUNT(words); i++)
		if (span_is(word, words[i]))
			return (enum data_kind)i;
	fail_msg("no kind of data: %s", show(word));
	return DATA_ABSENT;
}

#endif
