/* SPDX-License-Identifier: MIT */
/*
 * events - what must hold for an event that was written
 */
#ifndef FUZZ_EVENTS_H
#define FUZZ_EVENTS_H

#include <jansson.h>

#include "message/envelope.h"
#include "message/event.h"
#include "fuzz.h"
#include "message/head.h"
#include "base/utf8.h"

static inline void
events_join(const struct envelope *envelope, struct buf *out)
{
	int i;

	for (i = 0; i < envelope->count; i++)
		buf_append(out, envelope->pieces[i].iov_base,
		    envelope->pieces[i].iov_len);
	CHECK(!out->failed && out->len > 2);
	CHECK(out->at[out->len - 1] == '\n');
	CHECK(memchr(out->at, '\n', out->len) == out->at + out->len - 1 ||
	    envelope->count == ENVELOPE_PIECES);
}

/* The head is JSON for others as well, and has no member twice. */
static inline void
events_check_head(const struct envelope *envelope)
{
	struct buf text = BUF_INIT(FUZZ_ROOM);
	json_error_t why;
	json_t *root;

	buf_append(
	    &text, envelope->pieces[0].iov_base, envelope->pieces[0].iov_len);
	buf_append_text(
	    &text, envelope->count == ENVELOPE_PIECES ? "null}" : "}");
	root = json_loadb(
	    text.at, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
	CHECK(json_is_object(root));
	json_decref(root);
	buf_free(&text);
}

/* As append_member() in envelope.c writes it: is it the same? */
static inline bool
events_same_member(struct span got, struct span raw)
{
	struct buf utf8 = BUF_INIT(FUZZ_ROOM);
	bool same;

	utf8_append_printable(&utf8, raw);
	same = fuzz_same(got, buf_span(&utf8));
	buf_free(&utf8);
	return same;
}

static inline void
events_check_attribute(
    const struct event *event, enum event_attribute which, struct span want)
{
	CHECK(events_same_member(event_get(event, which), want));
}

/* Read again, the event says what the message says, byte for byte. */
static inline void
events_check(const struct envelope *envelope, const struct message *m)
{
	struct buf text = BUF_INIT(FUZZ_ROOM), payload = BUF_INIT(FUZZ_ROOM);
	struct error err = ERROR_INIT;
	struct event event;
	int fd;

	events_check_head(envelope);
	events_join(envelope, &text);
	fd = fuzz_file(buf_span(&text));
	event_init(&event);
	CHECK(event_peek(&event, fd, &err) == 0);
	events_check_attribute(&event, EVENT_ID, m->id);
	CHECK(event_read(&event, fd, &err) == 0);
	CHECK(event_payload(&event, &payload, &err) == 0);
	CHECK(fuzz_same(buf_span(&payload), m->data));
	events_check_attribute(&event, EVENT_ID, m->id);
	events_check_attribute(&event, EVENT_TYPE, buf_span(&m->type));
	events_check_attribute(&event, EVENT_SUBJECT, buf_span(&m->subject));
	events_check_attribute(&event, EVENT_DATACONTENTTYPE, m->data_type);
	CHECK(event_get(&event, EVENT_SOURCE).len);
	event_free(&event);
	buf_free(&text);
	buf_free(&payload);
}

static inline bool
events_one_line(struct span text, const char *unfit)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.at[i] == '\0' || strchr(unfit, text.at[i]))
			return false;
	return true;
}

/* Give the message the head of its call; false if it cannot say it all. */
static inline bool
events_add_head(struct message *m)
{
	char salt[HEAD_SALT_SIZE];
	struct error err = ERROR_INIT;
	size_t i;

	if (!events_one_line(span_of(m->method), "\r\n ") ||
	    !events_same_member(m->path, m->path) ||
	    !events_same_member(m->query, m->query) ||
	    !events_one_line(m->content_type, "\r\n"))
		return false;
	for (i = 0; i < m->header_count; i++)
		if (!events_one_line(buf_span(&m->headers[i].value), "\r\n"))
			return false;
	CHECK(head_make_salt(salt, &err) == 0);
	buf_reset(&m->head);
	head_start(&m->head, m);
	for (i = 0; i < m->header_count; i++) {
		buf_append_byte(&m->headers[i].value, '\0');
		m->headers[i].value.len--;
		CHECK(head_add(&m->head, salt, span_of(m->headers[i].name),
			  m->headers[i].value.at, HEADER_OPEN, &err) == 0);
	}
	return !m->head.failed;
}

#endif
