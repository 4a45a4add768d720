/* SPDX-License-Identifier: MIT */
/*
 * call - a quarantined event as the call that it was
 */
#include "call.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "envelope.h"
#include "hmac.h"

#define QUARANTINED "hookdir.quarantined"

/* One that has the place of another in an event was said already. */
static int
add_header(struct call_headers *headers, const char *name, struct error *err)
{
	char attribute[ENVELOPE_NAME_SIZE], other[ENVELOPE_NAME_SIZE];
	size_t i;

	if (headers->count == MESSAGE_HEADERS_MAX ||
	    !envelope_attribute(name, attribute))
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_HEADERS: %s cannot be kept", name);
	for (i = 0; i < headers->count; i++)
		if (envelope_attribute(headers->names[i], other) &&
		    strcmp(attribute, other) == 0)
			return 0;
	headers->names[headers->count++] = name;
	return 0;
}

int
call_headers_read(struct call_headers *headers, const struct sender *sender,
    const char *further, struct error *err)
{
	char *name, *rest;
	size_t i;

	*headers = (struct call_headers){ .count = 0 };
	for (i = 0; i < SENDER_HEADERS_MAX && sender->headers[i]; i++)
		headers->names[headers->count++] = sender->headers[i];
	if (!further)
		return 0;
	headers->text = rest = strdup(further);
	if (!rest)
		return error_set(err, ERROR_MEMORY, "no memory");
	while ((name = strtok_r(rest, " \t", &rest)) != NULL)
		if (add_header(headers, name, err) < 0)
			return -1;
	return 0;
}

void
call_headers_free(struct call_headers *headers)
{
	free(headers->text);
	headers->text = NULL;
	headers->count = 0;
}

void
call_init(struct call *call)
{
	/* What fits in an event fits: a ceiling here would stop us for good. */
	const struct buf text = BUF_INIT(EVENT_MAX);

	event_init(&call->event);
	message_init(&call->message, EVENT_MAX);
	call->method = text;
	call->source = text;
	call->path = text;
	call->query = text;
	call->content_type = text;
}

void
call_free(struct call *call)
{
	event_free(&call->event);
	message_free(&call->message);
	buf_free(&call->method);
	buf_free(&call->source);
	buf_free(&call->path);
	buf_free(&call->query);
	buf_free(&call->content_type);
}

static int
altered(struct error *err, const char *what)
{
	return error_set(
	    err, ERROR_FORM, "not as it was quarantined: %s", what);
}

/*
 * What a member of the event says, with a NUL behind it; empty where there
 * is none. A NUL inside never came from a request.
 */
static int
read_member(const struct call *call, const char *name, struct buf *out,
    struct error *err)
{
	struct json_value member;

	if (json_member(call->event.root, name, &member) &&
	    !json_decode_string(member, out))
		return altered(err, name);
	if (out->len && memchr(out->at, '\0', out->len))
		return altered(err, name);
	buf_append_byte(out, '\0');
	if (buf_check(out, err) < 0)
		return -1;
	out->len--;
	return 0;
}

static int
read_headers(
    struct call *call, const struct call_headers *headers, struct error *err)
{
	struct message *m = &call->message;
	char name[ENVELOPE_NAME_SIZE];
	struct header *header;
	size_t i;

	for (i = 0; i < headers->count; i++) {
		header = &m->headers[m->header_count];
		header->name = headers->names[i];
		header->value = (struct buf)BUF_INIT(EVENT_MAX);
		if (!envelope_attribute(header->name, name))
			continue;
		if (read_member(call, name, &header->value, err) < 0) {
			buf_free(&header->value);
			return -1;
		}
		if (header->value.len)
			m->header_count++;
		else
			buf_free(&header->value);
	}
	return 0;
}

/* How the call came. */
static int
read_request(struct call *call, struct error *err)
{
	struct message *m = &call->message;
	struct span time = event_get(&call->event, EVENT_TIME);

	if (read_member(call, "method", &call->method, err) < 0 ||
	    read_member(call, "source", &call->source, err) < 0 ||
	    read_member(call, "path", &call->path, err) < 0 ||
	    read_member(call, "query", &call->query, err) < 0 ||
	    read_member(call, "datacontenttype", &call->content_type, err) < 0)
		return -1;
	if (!call->source.len)
		return altered(err, "source");
	if (!clock_read_rfc3339(time.at, time.len, &m->received))
		return altered(err, "time");
	m->method = call->method.at;
	m->source = call->source.at;
	m->path = buf_span(&call->path);
	m->query = buf_span(&call->query);
	m->content_type = buf_span(&call->content_type);
	m->passed_by = "quarantine";
	return 0;
}

static int
read_body(struct call *call, struct error *err)
{
	struct buf *body = &call->message.body;
	char digest[SHA256_HEX_SIZE];
	struct json_value member;

	if (!json_member(call->event.root, "data_base64", &member))
		return altered(err, "data_base64");
	if (event_payload(&call->event, body, err) < 0 ||
	    sha256_hex(buf_span(body), digest, err) < 0)
		return -1;
	if (!json_member(call->event.root, "bodysha256", &member) ||
	    !json_string_is(member, digest))
		return altered(err, "bodysha256");
	return 0;
}

int
call_read(struct call *call, int fd, const struct call_headers *headers,
    struct error *err)
{
	if (event_read(&call->event, fd, err) < 0)
		return -1;
	if (!span_is(event_get(&call->event, EVENT_TYPE), QUARANTINED))
		return altered(err, "type");
	if (read_request(call, err) < 0 || read_body(call, err) < 0)
		return -1;
	return read_headers(call, headers, err);
}
