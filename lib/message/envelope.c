/* SPDX-License-Identifier: MIT */
/*
 * envelope - a message as a CloudEvents 1.0 event in JSON format
 *
 * All text from outside goes through append_member(), which makes it a
 * String of CloudEvents and escapes it; but for the data, nothing else is
 * ever put between quotes.
 */
#include "message/envelope.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "message/header.h"
#include "message/media_type.h"
#include "base/uri.h"
#include "base/utf8.h"

/* Room beside the data, which has a ceiling of its own. */
#define HEAD_MAX (16u << 20)

/* Members that a kept header may not take the place of. */
static const char *const taken[] = { "specversion", "id", "source", "type",
	"subject", "reference", "time", "datacontenttype",
	"datacontentencoding", "dataschema", "dataref", "schemaurl", "sender",
	"verifiedby", "keyused", "bodysha256", "method", "path", "query",
	"reason", "detail", "cause", "request", "data", "database64" };

bool
envelope_attribute(const char *header, char name[ENVELOPE_NAME_SIZE])
{
	size_t i, len = 0;

	for (; *header; header++) {
		if (!isalnum((unsigned char)*header))
			continue;
		if (len == ENVELOPE_NAME_SIZE - 1)
			return false;
		name[len++] = (char)tolower((unsigned char)*header);
	}
	name[len] = '\0';
	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcmp(name, taken[i]) == 0)
			return false;
	return len > 0;
}

/* A member whose value is text from outside, whatever its bytes. */
static void
append_member(struct buf *out, const char *name, struct span text)
{
	json_append_member(out, name, text, utf8_append_printable);
}

/* The same, but left out where there is nothing to say. */
static void
append_known(struct buf *out, const char *name, struct span text)
{
	if (text.len)
		append_member(out, name, text);
}

/* host [ ":" port ], or what a web server says instead of a name */
static void
append_server(struct buf *out, struct span server)
{
	struct buf uri = BUF_INIT(HEAD_MAX);

	buf_append_text(&uri, "//");
	buf_append_span(&uri, server);
	if (uri_is_reference(buf_span(&uri)) &&
	    !memchr(server.at, '/', server.len) &&
	    !memchr(server.at, '@', server.len))
		buf_append_span(out, server);
	else
		uri_append(out, server, "");
	out->failed |= uri.failed;
	buf_free(&uri);
}

void
envelope_source(const struct message *m, struct buf *out)
{
	if (m->source) {
		/* That of an old file in quarantine/ may be none. */
		if (uri_is_reference(span_of(m->source)))
			buf_append_text(out, m->source);
		else
			uri_append(out, span_of(m->source), "/");
		return;
	}
	if (m->own.source.len) {
		if (uri_is_reference(m->own.source))
			buf_append_span(out, m->own.source);
		else
			uri_append(out, m->own.source, ":@/?#");
		return;
	}
	buf_append_text(out, "https://");
	append_server(out, span_of(m->server));
	if (m->path.len && m->path.at[0] != '/')
		buf_append_byte(out, '/');
	uri_append(out, m->path, ":@/");
}

static void
append_source(struct buf *out, const struct message *m)
{
	struct buf uri = BUF_INIT(HEAD_MAX);

	envelope_source(m, &uri);
	append_member(out, "source", buf_span(&uri));
	out->failed |= uri.failed;
	buf_free(&uri);
}

static void
append_time(struct buf *out, struct timespec when)
{
	char text[CLOCK_RFC3339_SIZE];

	clock_rfc3339(when, text);
	append_member(out, "time", span_of(text));
}

/* What both kinds of event begin with. */
static void
append_context(struct buf *out, const struct message *m, struct span type,
    struct span data_type)
{
	buf_append_text(out, "{\"specversion\":\"1.0\"");
	append_member(out, "id", m->id);
	append_source(out, m);
	append_member(out, "type", type);
	append_known(out, "subject", buf_span(&m->subject));
	append_known(out, "reference", buf_span(&m->reference));
	if (m->own.time.len)
		append_member(out, "time", m->own.time);
	else
		append_time(out, m->received);
	append_known(out, "datacontenttype", data_type);
	append_member(out, "sender", span_of(m->sender->name));
}

/* Content-Type, unless an operator keeps that header by itself. */
static void
append_other_type(struct buf *out, const struct message *m, struct span type)
{
	static const char own[] = "contenttype";
	char name[ENVELOPE_NAME_SIZE];
	size_t i;

	for (i = 0; i < m->header_count - m->looked_count; i++)
		if (envelope_attribute(m->headers[i].name, name) &&
		    strcmp(name, own) == 0)
			return;
	append_known(out, own, type);
}

/* How the call came, in both kinds of event. */
static void
append_call(struct buf *out, const struct message *m, bool secrets)
{
	char name[ENVELOPE_NAME_SIZE];
	const struct header *header;
	size_t i;

	append_member(out, "bodysha256", span_of(m->body_sha256));
	append_member(out, "method", span_of(m->method));
	append_member(out, "path", m->path);
	append_member(out, "query", m->query);
	for (i = 0; i < m->header_count - m->looked_count; i++) {
		header = &m->headers[i];
		if (!secrets &&
		    header_secrecy(span_of(header->name)) != HEADER_OPEN)
			continue;
		if (envelope_attribute(header->name, name))
			append_known(out, name, buf_span(&header->value));
	}
}

static void
add_piece(struct envelope *envelope, struct span bytes)
{
	struct iovec *piece = &envelope->pieces[envelope->count++];

	/* writev() reads only; its type has no const. */
	piece->iov_base = (void *)(uintptr_t)bytes.at;
	piece->iov_len = bytes.len;
}

static void
append_base64(struct buf *out, const char *name, struct span bytes)
{
	buf_printf(out, ",\"%s\":\"", name);
	base64_encode(bytes, out);
	buf_append_byte(out, '"');
}

static void
append_data(struct buf *out, const struct message *m)
{
	switch (m->data_kind) {
	case DATA_ABSENT:
		break;
	case DATA_JSON:
		buf_append_text(out, ",\"data\":");
		break;
	case DATA_TEXT:
		buf_append_text(out, ",\"data\":");
		json_append_string(out, m->data);
		break;
	case DATA_BINARY:
		append_base64(out, "data_base64", m->data);
		break;
	}
}

int
envelope_write(
    struct envelope *envelope, const struct message *m, struct error *err)
{
	struct buf *out = &envelope->head;

	memset(envelope, 0, sizeof(*envelope));
	/* Text at its worst is six bytes for one. */
	out->max = HEAD_MAX + m->data.len * 6;
	append_context(out, m, buf_span(&m->type), m->data_type);
	append_member(out, "verifiedby", span_of(m->verified_by));
	if (m->key_used)
		append_member(out, "keyused", span_of(m->key_used));
	append_call(out, m, true);
	append_other_type(out, m, m->other_type);
	append_data(out, m);
	add_piece(envelope, buf_span(out));
	if (m->data_kind == DATA_JSON)
		add_piece(envelope, m->data);
	add_piece(envelope, span_of("}\n"));
	return buf_check(out, err);
}

int
envelope_write_rejected(struct envelope *envelope, const struct message *m,
    const struct error *verdict, struct error *err)
{
	struct span type = media_type_of(m->content_type);
	struct buf *out = &envelope->head;

	memset(envelope, 0, sizeof(*envelope));
	out->max = HEAD_MAX + m->body.len * 2 + m->head.len * 2;
	append_context(out, m, span_of("hookdir.quarantined"), type);
	append_member(out, "reason", span_of(error_rule(verdict->code)));
	append_member(out, "detail", span_of(verdict->text));
	if (m->cause)
		append_member(out, "cause", span_of(m->cause));
	if (m->key_used)
		append_member(out, "keyused", span_of(m->key_used));
	append_call(out, m, false);
	if (!span_equal(m->content_type, type))
		append_other_type(out, m, m->content_type);
	append_base64(out, "data_base64", buf_span(&m->body));
	if (m->head.len)
		append_base64(out, "request", buf_span(&m->head));
	add_piece(envelope, buf_span(out));
	add_piece(envelope, span_of("}\n"));
	return buf_check(out, err);
}

void
envelope_free(struct envelope *envelope)
{
	buf_free(&envelope->head);
	envelope->count = 0;
}
