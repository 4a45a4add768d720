/* SPDX-License-Identifier: MIT */
/*
 * fuzz_verify - from a body to a message, to its event, and back again
 *
 * A byte chooses the sender, another says whether the call is signed here.
 * Then content type, path, query, HOOKDIR_EVENT and the kept headers, a NUL
 * behind each, and the body. Of a sender whose body is a token it is the
 * payload that stands there, where it is signed here.
 *
 * A call that does not verify goes through the quarantine, and must get the
 * same verdict when it comes out of there.
 */
#include "hookdir/call.h"
#include "calls.h"
#include "message/envelope.h"
#include "events.h"
#include "message/verify.h"

static const char *const senders[] = { "generic", "shipmondo", "tradecloud",
	"nshift", "standard-webhooks", "github", "shopify", "stripe" };

static void
append_token_body(struct message *m, struct span payload)
{
	struct buf token = BUF_INIT(FUZZ_ROOM);

	fuzz_token(
	    &token, span_of("{\"alg\":\"HS256\"}"), payload, span_of(CALL_KEY));
	buf_append_text(&m->body, "{\"data\":\"");
	buf_append_span(&m->body, buf_span(&token));
	buf_append_text(&m->body, "\"}");
	buf_free(&token);
}

/* Replace whatever the input says by a good signature. */
static void
sign_headers(struct message *m)
{
	const struct rule *rule = call_rule(m->sender);
	struct parts p = { rule, "msg_1", "1795280733", buf_span(&m->body) };
	struct buf header = BUF_INIT(FUZZ_ROOM);
	unsigned char mac[32];
	size_t i, count = m->header_count;

	for (m->header_count = i = 0; i < count; i++) {
		if (strcmp(m->headers[i].name, rule->header) == 0 ||
		    (rule->id_header &&
			strcmp(m->headers[i].name, rule->id_header) == 0) ||
		    (rule->time_header &&
			strcmp(m->headers[i].name, rule->time_header) == 0))
			buf_free(&m->headers[i].value);
		else
			m->headers[m->header_count++] = m->headers[i];
	}
	call_sign(&p, mac);
	call_append_header(&p, mac, &header);
	call_set_header(m, rule->header, buf_span(&header));
	if (rule->id_header)
		call_set_header(m, rule->id_header, span_of(p.id));
	if (rule->time_header)
		call_set_header(m, rule->time_header, span_of(p.time));
	buf_free(&header);
}

static void
check_verified(const struct message *m, bool made_here, struct span body)
{
	struct json_value scanned;
	struct envelope envelope;
	struct error err = ERROR_INIT;
	size_t i;

	CHECK(m->id.len && m->type.len && m->verified_by);
	for (i = 0; i < m->type.len; i++)
		CHECK(m->type.at[i] == '.' || m->type.at[i] == '-' ||
		    m->type.at[i] == '_' ||
		    (m->type.at[i] >= '0' && m->type.at[i] <= '9') ||
		    ((m->type.at[i] | 32) >= 'a' &&
			(m->type.at[i] | 32) <= 'z'));
	CHECK((m->data_kind == DATA_ABSENT) == (m->data.len == 0));
	if (m->data_kind == DATA_JSON)
		CHECK(json_scan(m->data, &scanned) &&
		    scanned.raw.len == m->data.len);
	if (m->data_kind == DATA_TEXT)
		CHECK(utf8_valid(m->data));
	if (m->data_kind == DATA_BINARY)
		CHECK(!utf8_valid(m->data));
	/* What is no JSON is there whole. */
	if (m->data_kind != DATA_JSON && (made_here || !m->key_used) &&
	    !m->own.structured)
		CHECK(fuzz_same(m->data, body));
	CHECK(envelope_write(&envelope, m, &err) == 0);
	events_check(&envelope, m);
	envelope_free(&envelope);
}

static void
check_same_call(const struct message *m, const struct message *again)
{
	size_t i;

	CHECK(fuzz_same(buf_span(&m->body), buf_span(&again->body)));
	CHECK(strcmp(m->method, again->method) == 0);
	CHECK(fuzz_same(m->path, again->path));
	CHECK(fuzz_same(m->query, again->query));
	CHECK(fuzz_same(m->content_type, again->content_type));
	CHECK(m->received.tv_sec == again->received.tv_sec);
	for (i = 0; i < m->header_count; i++)
		CHECK(fuzz_same(buf_span(&m->headers[i].value),
		    call_kept_header(again, m->headers[i].name)));
}

static void
check_rejected(
    struct message *m, const struct keyring *keys, const struct error *verdict)
{
	struct buf text = BUF_INIT(FUZZ_ROOM);
	struct error err = ERROR_INIT;
	struct header_list kept;
	struct envelope envelope;
	struct call call;
	bool exact;

	CHECK(error_class(verdict->code) == CLASS_VERDICT && verdict->text[0]);
	exact = events_add_head(m);
	CHECK(envelope_write_rejected(&envelope, m, verdict, &err) == 0);
	events_check_head(&envelope);
	events_join(&envelope, &text);
	call_init(&call);
	header_list_start(&kept, m->sender);
	CHECK(call_read(&call, fuzz_file(buf_span(&text)), &kept, &err) == 0);
	CHECK(span_is(
	    event_get(&call.event, EVENT_REASON), error_rule(verdict->code)));
	if (exact) {
		check_same_call(m, &call.message);
		call.message.sender = m->sender;
		call.message.event = m->event;
		CHECK(message_verify(&call.message, keys, &err) < 0);
		CHECK(err.code == verdict->code);
	}
	call_free(&call);
	envelope_free(&envelope);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error err = ERROR_INIT;
	struct keyring keys;
	struct message m;
	struct span body;
	struct input in;
	bool made_here;
	size_t i;

	input_start(&in, data, size);
	message_init(&m, FUZZ_ROOM);
	m.sender = sender_find(senders[input_byte(&in) % 8]);
	made_here = input_byte(&in) % 2;
	m.method = "POST";
	m.server = "shop.example";
	m.passed_by = "basic";
	m.received = (struct timespec){ CALL_NOW, 123456000 };
	m.content_type = span_of(input_text(&in));
	m.path = span_of(input_text(&in));
	m.query = span_of(input_text(&in));
	m.event = input_text(&in);
	if (m.event[0] == '\0')
		m.event = m.sender->needs_event ? "booked" : NULL;
	if (m.sender->notice.method && m.query.len % 2)
		m.method = m.sender->notice.method;
	for (i = 0; i < SENDER_HEADERS_MAX && m.sender->headers[i]; i++)
		call_set_header(
		    &m, m.sender->headers[i], span_of(input_text(&in)));
	body = input_rest(&in);
	if (made_here && m.sender->scheme == SCHEME_JWT)
		append_token_body(&m, body);
	else
		buf_append_span(&m.body, body);
	if (made_here && m.sender->scheme == SCHEME_HMAC)
		sign_headers(&m);
	keys = call_keys(m.sender);
	if (message_verify(&m, &keys, &err) == 0)
		check_verified(&m, made_here, body);
	else
		check_rejected(&m, &keys, &err);
	message_free(&m);
	input_end(&in);
	return 0;
}
