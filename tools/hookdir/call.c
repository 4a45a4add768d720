/* SPDX-License-Identifier: MIT */
/*
 * call - a quarantined event as the call that it was
 */
#include "hookdir/call.h"

#include <string.h>

#include "base/clock.h"
#include "message/envelope.h"
#include "message/head.h"
#include "base/hmac.h"

#define QUARANTINED "hookdir.quarantined"

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

/* The member that a header became. */
static int
read_attribute(const struct call *call, const char *header, struct buf *out,
    struct error *err)
{
	char name[ENVELOPE_NAME_SIZE];

	if (!envelope_attribute(header, name))
		return 0;
	return read_member(call, name, out, err);
}

/* A header that came several times is a list (RFC 9110 5.2). */
static int
read_header(
    struct span headers, const char *wanted, struct buf *out, struct error *err)
{
	struct span name, value;
	bool first = true;

	while (head_read_header(&headers, &name, &value)) {
		if (!header_is(name, wanted))
			continue;
		if (!first)
			buf_append_text(out, ", ");
		buf_append_span(out, value);
		first = false;
	}
	if (headers.len)
		return altered(err, "request");
	return buf_check(out, err);
}

/* headers: those of the head; no bytes at all where there is none. */
static int
read_kept(struct call *call, struct span headers,
    const struct header_list *kept, struct error *err)
{
	struct message *m = &call->message;
	struct header *header;
	size_t i;
	int rc;

	for (i = 0; i < kept->count; i++) {
		header = &m->headers[m->header_count];
		header->name = kept->names[i];
		header->value = (struct buf)BUF_INIT(EVENT_MAX);
		/* A digest is of no use in an event. */
		if (i < kept->count - kept->looked &&
		    header_secrecy(span_of(header->name)) != HEADER_OPEN)
			continue;
		rc = headers.at
		    ? read_header(headers, header->name, &header->value, err)
		    : read_attribute(call, header->name, &header->value, err);
		if (rc < 0) {
			buf_free(&header->value);
			return -1;
		}
		if (!header->value.len) {
			buf_free(&header->value);
			continue;
		}
		m->header_count++;
		if (i >= kept->count - kept->looked)
			m->looked_count++;
	}
	return 0;
}

/* *headers is what follows the first line of the head. */
static int
read_head(struct call *call, struct span *headers, struct error *err)
{
	struct span line;

	*headers = buf_span(&call->message.head);
	if (memchr(headers->at, '\0', headers->len) ||
	    !head_read_request(headers, &line))
		return altered(err, "request");
	return read_header(*headers, "content-type", &call->content_type, err);
}

/*
 * From the members, where the path ends and the query begins is certain; see
 * head.h. No signature of those that are checked here is over any of them.
 */
static int
read_target(struct call *call, struct error *err)
{
	if (read_member(call, "method", &call->method, err) < 0 ||
	    read_member(call, "path", &call->path, err) < 0)
		return -1;
	return read_member(call, "query", &call->query, err);
}

/* How the call came. */
static int
read_request(
    struct call *call, const struct header_list *kept, struct error *err)
{
	struct message *m = &call->message;
	struct span time = event_get(&call->event, EVENT_TIME);
	struct span headers = { NULL, 0 };
	int rc = event_bytes(&call->event, "request", &m->head, err);

	if (rc > 0)
		rc = read_head(call, &headers, err);
	else if (rc == 0) /* as it was before there was a head */
		rc = read_member(
		    call, "datacontenttype", &call->content_type, err);
	if (rc < 0 || read_target(call, err) < 0 ||
	    read_member(call, "source", &call->source, err) < 0)
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
	m->digested = true;
	return read_kept(call, headers, kept, err);
}

static int
read_body(struct call *call, struct error *err)
{
	struct buf *body = &call->message.body;
	char digest[SHA256_HEX_SIZE];
	struct json_value member;
	int rc = event_bytes(&call->event, "data_base64", body, err);

	if (rc == 0)
		return altered(err, "data_base64");
	if (rc < 0 || sha256_hex(buf_span(body), digest, err) < 0)
		return -1;
	if (!json_member(call->event.root, "bodysha256", &member) ||
	    !json_string_is(member, digest))
		return altered(err, "bodysha256");
	return 0;
}

int
call_read(struct call *call, int fd, const struct header_list *kept,
    struct error *err)
{
	if (event_read(&call->event, fd, err) < 0)
		return -1;
	if (!span_is(event_get(&call->event, EVENT_TYPE), QUARANTINED))
		return altered(err, "type");
	if (read_body(call, err) < 0)
		return -1;
	return read_request(call, kept, err);
}
