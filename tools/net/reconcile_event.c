/* SPDX-License-Identifier: MIT */
/*
 * reconcile_event - the event of an object that was missing
 *
 * As the receiver makes it of a webhook: the same members, source and
 * subject, so that consumers see no difference but the type and verifiedby.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "message/envelope.h"
#include "message/reference.h"
#include "net/reconcile_job.h"
#include "spool/deliver.h"
#include "spool/history.h"
#include "hookdir/tool.h"

#define ACTION	 "reconciled"
#define DATA_MAX ((size_t)128 << 20)
#define WINDOW	 86400 /* seconds in which one id is delivered once */

int
reconcile_event_id(const struct reconcile_object *object, int64_t version,
    char id[SHA256_HEX_SIZE], struct error *err)
{
	char text[128];
	int len =
	    snprintf(text, sizeof(text), "shipmondo\n%s\n%" PRIu64 "\n%" PRId64,
		reconcile_kinds[object->resource].name, object->id, version);

	return sha256_hex((struct span){ text, (size_t)len }, id, err);
}

static void
add_header(struct message *m, const char *name, struct span value)
{
	struct header *header = &m->headers[m->header_count++];

	header->name = name;
	header->value = (struct buf)BUF_INIT(MESSAGE_TEXT_MAX);
	buf_append_span(&header->value, value);
}

/* What a webhook's payload has: its name, the object and the endpoint. */
static void
append_payload(struct buf *out, const struct reconcile_job *job,
    const struct reconcile_object *object)
{
	buf_append_text(out, "{\"webhook\":\"hookdir reconcile\",\"data\":");
	buf_append_span(out, object->value.raw);
	buf_append_text(out, ",\"url\":");
	json_append_string(out, span_of(job->source));
	buf_append_byte(out, '}');
}

static void
set_version(struct message *m, int64_t version)
{
	const struct timespec when = { version / 1000000,
		version % 1000000 * 1000 };
	char text[CLOCK_RFC3339_SIZE];

	if (version < 0)
		return;
	clock_rfc3339(when, text);
	buf_append_text(&m->version, text);
}

static int
fill(struct message *m, const struct reconcile_job *job,
    const struct reconcile_object *object,
    const struct reconcile_begun *delivery, struct error *err)
{
	const struct reconcile_kind *kind = &reconcile_kinds[object->resource];
	struct json_value root;

	m->sender = sender_find("shipmondo");
	m->source = job->source;
	m->method = "GET";
	m->received = clock_now();
	m->verified_by = "api";
	m->id = span_of(delivery->event);
	m->data_kind = DATA_JSON;
	m->data_type = span_of("application/json");
	/* One id is one message, whatever has changed meanwhile. */
	memcpy(m->content_sha256, delivery->event, SHA256_HEX_SIZE);
	append_payload(&m->payload, job, object);
	buf_printf(&m->subject, "%" PRIu64, object->id);
	buf_printf(&m->id_text, "%s/%" PRIu64, kind->path, object->id);
	buf_printf(&m->type, "com.shipmondo.%s.%s", kind->name, ACTION);
	set_version(m, delivery->version);
	add_header(m, "SMD-Resource-Type", span_of(kind->title));
	add_header(m, "SMD-Resource-Id", buf_span(&m->subject));
	add_header(m, "SMD-Action", span_of(ACTION));
	if (buf_check(&m->payload, err) < 0)
		return -1;
	if (!json_scan_members(buf_span(&m->payload), &root, &m->members))
		return error_set(err, ERROR_FORM, "%s: too many levels of JSON",
		    m->id_text.at);
	m->data = root.raw;
	m->path = buf_span(&m->id_text);
	reference_append(m->sender, &m->members, &m->reference);
	if (buf_check(&m->reference, err) < 0)
		return -1;
	return sha256_hex(object->value.raw, m->body_sha256, err);
}

static void
remember_it(
    const struct reconcile_job *job, const struct message *m, const char *file)
{
	struct history_entry entry = HISTORY_ENTRY_INIT;
	struct error err = ERROR_INIT;
	struct spool_name name;
	static bool said;

	if (!spool_name_parse(file, &name))
		return;
	entry.time = clock_now();
	entry.event = "reconciled";
	entry.name = span_of(name.base);
	entry.id = m->id;
	entry.type = buf_span(&m->type);
	entry.subject = buf_span(&m->subject);
	entry.reference = buf_span(&m->reference);
	entry.version = buf_span(&m->version);
	entry.sender = m->sender->name;
	entry.bytes = (int64_t)m->data.len;
	entry.by = (int64_t)getuid();
	if (history_add(job->queue.root, HISTORY_OUT, &entry, &err) < 0 &&
	    !said) {
		said = true;
		tool_warn("the history has gaps: %s", err.text);
	}
}

int
reconcile_deliver(struct reconcile_job *job,
    const struct reconcile_object *object,
    const struct reconcile_begun *delivery, struct error *err)
{
	struct envelope envelope = { .count = 0 };
	struct error off = ERROR_INIT;
	char file[SPOOL_NAME_SIZE];
	struct message m;
	int rc = -1;

	message_init(&m, DATA_MAX);
	if (fill(&m, job, object, delivery, err) == 0 &&
	    envelope_write(&envelope, &m, err) == 0)
		rc = deliver_message(
		    &job->spool, &m, &envelope, WINDOW, file, &off, err);
	if (rc == 1)
		remember_it(job, &m, file);
	envelope_free(&envelope);
	message_free(&m);
	return rc < 0 ? -1 : 0;
}
