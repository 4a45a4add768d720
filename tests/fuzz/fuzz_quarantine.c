/* SPDX-License-Identifier: MIT */
/*
 * fuzz_quarantine - a quarantined event, read as the call that it was
 *
 * A byte chooses the sender, another says what comes: a file as it is, or
 * the members of an event, a NUL, and a body whose digest is then added. What
 * is taken for a call can be quarantined again, and is then the same call.
 */
#include "hookdir/call.h"
#include "calls.h"
#include "events.h"
#include "base/hmac.h"
#include "base/uri.h"

static const char *const senders[] = { "generic", "shipmondo", "tradecloud",
	"nshift", "standard-webhooks", "github", "shopify", "stripe" };

static void
add_body(struct buf *text, struct span body)
{
	struct error err = ERROR_INIT;
	char digest[SHA256_HEX_SIZE];

	CHECK(sha256_hex(body, digest, &err) == 0);
	buf_printf(text, ",\"bodysha256\":\"%s\",\"data_base64\":\"", digest);
	fuzz_base64(text, body, false);
	buf_append_text(text, "\"}");
}

static bool
read_call(
    struct call *call, struct span file, const struct header_list *headers)
{
	struct error err = ERROR_INIT;
	int rc;

	call_init(call);
	rc = call_read(call, fuzz_file(file), headers, &err);
	CHECK(rc == 0 || err.code == ERROR_FORM);
	return rc == 0;
}

static void
check_body(const struct call *call)
{
	struct error err = ERROR_INIT;
	char digest[SHA256_HEX_SIZE];
	struct json_value member;

	CHECK(sha256_hex(buf_span(&call->message.body), digest, &err) == 0);
	CHECK(json_member(call->event.root, "bodysha256", &member));
	/* Escapes are other letters for the same digest. */
	if (!memchr(member.raw.at, '\\', member.raw.len))
		CHECK(member.raw.len == SHA256_HEX_SIZE + 1 &&
		    memcmp(member.raw.at + 1, digest, SHA256_HEX_SIZE - 1) ==
			0);
}

static void
check_again(struct call *call, const struct header_list *headers,
    const struct sender *sender)
{
	struct error err = ERROR_INIT, verdict = ERROR_INIT;
	struct buf text = BUF_INIT(FUZZ_ROOM);
	struct message *m = &call->message;
	struct envelope envelope;
	struct call again;
	size_t i;

	(void)error_set(&verdict, ERROR_SIGNATURE, "again");
	m->sender = sender;
	m->id = span_of("1");
	CHECK(sha256_hex(buf_span(&m->body), m->body_sha256, &err) == 0);
	/* A time beyond what can be said is not said. */
	if (m->received.tv_sec < 0 || m->received.tv_sec > 253402300799)
		return;
	/* Of an older file, made from its members. */
	if (!m->head.len && !events_add_head(m))
		return;
	CHECK(envelope_write_rejected(&envelope, m, &verdict, &err) == 0);
	events_check_head(&envelope);
	events_join(&envelope, &text);
	CHECK(read_call(&again, buf_span(&text), headers));
	CHECK(fuzz_same(buf_span(&again.message.body), buf_span(&m->body)));
	CHECK(events_same_member(again.message.path, m->path));
	CHECK(events_same_member(again.message.query, m->query));
	CHECK(fuzz_same(again.message.content_type, m->content_type));
	if (uri_is_reference(span_of(m->source)))
		CHECK(strcmp(again.message.source, m->source) == 0);
	CHECK(again.message.received.tv_sec == m->received.tv_sec);
	for (i = 0; i < m->header_count; i++)
		CHECK(fuzz_same(buf_span(&m->headers[i].value),
		    call_kept_header(&again.message, m->headers[i].name)));
	call_free(&again);
	envelope_free(&envelope);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT(FUZZ_ROOM);
	const struct sender *sender;
	struct error err = ERROR_INIT;
	struct header_list headers;
	struct input in;
	struct call call;
	unsigned how;

	input_start(&in, data, size);
	sender = sender_find(senders[input_byte(&in) % 8]);
	how = input_byte(&in);
	header_list_start(&headers, sender);
	if (how & 2)
		CHECK(header_list_add_kept(
			  &headers, "X-Request-Id", "X", &err) == 0);
	if (how & 1) {
		buf_append_text(&text, "{\"type\":\"hookdir.quarantined\"");
		buf_append_span(&text, input_field(&in));
		add_body(&text, input_rest(&in));
	} else {
		buf_append_span(&text, input_rest(&in));
	}
	if (read_call(&call, buf_span(&text), &headers)) {
		check_body(&call);
		check_again(&call, &headers, sender);
	}
	call_free(&call);
	buf_free(&text);
	input_end(&in);
	return 0;
}
