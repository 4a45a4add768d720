/* SPDX-License-Identifier: MIT */
/*
 * fuzz_envelope - whatever a message says, its event is JSON that says it
 *
 * A byte for the kind of data, then id, type, subject, media type, server,
 * path, query and three headers, a NUL behind each, and the data.
 */
#include "events.h"

static const char *const names[] = { "SMD-User", "X-Request-Id", "Data-Ref" };

static void
set_data(struct message *m, unsigned kind, struct span data)
{
	struct json_value value;

	m->data = data;
	m->data_kind = DATA_BINARY;
	m->data_type = span_of("application/octet-stream");
	if (!data.len) {
		m->data_kind = DATA_ABSENT;
	} else if (kind % 2 && json_scan(data, &value)) {
		m->data_kind = DATA_JSON;
		m->data = value.raw;
		m->data_type = span_of("application/json");
	} else if (kind % 3 && utf8_valid(data)) {
		m->data_kind = DATA_TEXT;
		m->data_type = span_of("text/plain");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT, verdict = ERROR_INIT;
	struct envelope envelope;
	struct message m;
	struct input in;
	unsigned kind;
	size_t i;

	input_start(&in, data, size);
	message_init(&m, FUZZ_ROOM);
	m.sender = sender_find("generic");
	m.method = "POST";
	m.verified_by = "basic";
	kind = input_byte(&in);
	m.received = (struct timespec){ (time_t)kind << kind % 48, 999999999 };
	m.id = span_of(input_text(&in));
	buf_append_text(&m.type, input_text(&in));
	buf_append_text(&m.subject, input_text(&in));
	m.content_type = span_of(input_text(&in));
	m.server = input_text(&in);
	m.path = span_of(input_text(&in));
	m.query = span_of(input_text(&in));
	for (i = 0; i < 3; i++) {
		m.headers[i].name = names[i];
		m.headers[i].value = (struct buf)BUF_INIT(MESSAGE_TEXT_MAX);
		buf_append_text(&m.headers[i].value, input_text(&in));
		m.header_count++;
	}
	set_data(&m, kind, input_rest(&in));
	CHECK(envelope_write(&envelope, &m, &err) == 0);
	events_check(&envelope, &m);
	envelope_free(&envelope);
	buf_append_span(&m.body, m.data);
	(void)error_set(&verdict, ERROR_FORM, "%.*s", (int)m.id.len, m.id.at);
	CHECK(envelope_write_rejected(&envelope, &m, &verdict, &err) == 0);
	events_check_head(&envelope);
	envelope_free(&envelope);
	message_free(&m);
	input_end(&in);
	return 0;
}
