/* SPDX-License-Identifier: MIT */
/*
 * fetch_event - write the event of what was fetched
 *
 * CloudEvents v1.0.2, "JSON Event Format". Text from outside goes through
 * fetch_event_add() alone.
 */
#include "net/fetch_event.h"

#include "base/clock.h"
#include "base/uri.h"
#include "base/utf8.h"
#include "message/reference.h"

void
fetch_event_add(struct buf *head, const char *name, struct span text)
{
	if (text.len)
		json_append_member(head, name, text, utf8_append_printable);
}

void
fetch_event_begin(struct buf *head, const struct fetch_job *job,
    const struct fetch_context *context)
{
	struct buf source = BUF_INIT(FETCH_HEAD_MAX);
	char now[CLOCK_RFC3339_SIZE];

	/* RFC 3986: an address may say what a URI may not. */
	if (uri_is_reference(context->source))
		buf_append_span(&source, context->source);
	else
		uri_append(&source, context->source, ":@/");
	clock_rfc3339(clock_now(), now);
	buf_append_text(head, "{\"specversion\":\"1.0\"");
	fetch_event_add(head, "id", context->id);
	fetch_event_add(head, "source", buf_span(&source));
	fetch_event_add(head, "type", span_of(context->type));
	fetch_event_add(head, "subject", context->subject);
	fetch_event_add(
	    head, "reference", event_get(&job->event, EVENT_REFERENCE));
	fetch_event_add(head, "time", span_of(now));
	fetch_event_add(head, "datacontenttype", context->data_type);
	fetch_event_add(head, "sender", span_of("tradecloud"));
	/* Source and id together name the event that made us fetch. */
	fetch_event_add(head, "causedby", event_get(&job->event, EVENT_SOURCE));
	fetch_event_add(head, "causationid", event_get(&job->event, EVENT_ID));
	head->failed |= source.failed;
	buf_free(&source);
}

/* A notice names no reference; what was fetched for it does. */
static void
add_reference(struct buf *head, const struct fetch_job *job, struct span data)
{
	struct buf reference = BUF_INIT(FETCH_HEAD_MAX);
	struct json_members members;
	struct json_value value;

	if (event_get(&job->event, EVENT_REFERENCE).len ||
	    !json_scan_members(data, &value, &members))
		return;
	reference_append(sender_find("tradecloud"), &members, &reference);
	fetch_event_add(head, "reference", buf_span(&reference));
	head->failed |= reference.failed;
	buf_free(&reference);
}

int
fetch_event_write(const struct fetch_job *job, const struct fetch_item *item,
    struct buf *head, struct span data, struct error *err)
{
	static const char end[] = "}\n";
	struct iovec pieces[3];

	add_reference(head, job, data);
	if (data.len)
		buf_append_text(head, ",\"data\":");
	if (buf_check(head, err) < 0)
		return -1;
	/* writev() reads only; its type has no const. */
	pieces[0] = (struct iovec){ head->at, head->len };
	pieces[1] = (struct iovec){ (void *)(uintptr_t)data.at, data.len };
	pieces[2] = (struct iovec){ (void *)(uintptr_t)end, 2 };
	return fetch_outbox_write(&job->outbox, item, pieces, 3, err);
}
