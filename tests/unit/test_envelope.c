/* SPDX-License-Identifier: MIT */
/*
 * test_envelope - lib/message/envelope: one CloudEvents 1.0 event, whatever
 * comes
 *
 * Every event is read by jansson and by lib/json, and the data's bytes must
 * be found in it as they are.
 */
#include "calls.h"

#include <jansson.h>

#include "message/envelope.h"
#include "json/json.h"
#include "base/utf8.h"
#include "message/verify.h"

/* The pieces, one after another */
static void
append_pieces(struct buf *out, const struct envelope *envelope)
{
	int i;

	for (i = 0; i < envelope->count; i++)
		buf_append(out, envelope->pieces[i].iov_base,
		    envelope->pieces[i].iov_len);
}

/* One JSON object, and a newline at its end */
static void
assert_event(const char *what, struct span text)
{
	struct json_value value;

	if (text.len == 0 || text.at[text.len - 1] != '\n')
		fail_msg("%s: no newline at the end", what);
	if (!json_scan(text, &value) || value.type != JSON_TYPE_OBJECT ||
	    value.raw.len != text.len - 1)
		fail_msg("%s: no JSON object: %s", what, show(text));
	if (memchr(text.at, '\n', text.len - 1) && value.raw.at != text.at)
		fail_msg("%s: white space in front", what);
}

static json_t *
load(const char *what, struct span text)
{
	json_error_t why;
	json_t *event = json_loadb(
	    text.at, text.len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &why);

	if (!event)
		fail_msg("%s: %s in %s", what, why.text, show(text));
	return event;
}

/* What the event says of a member; "" when it has none */
static struct span
text_of(const json_t *event, const char *name)
{
	const json_t *member = json_object_get(event, name);

	if (!json_is_string(member))
		return span_of("");
	return (struct span){ json_string_value(member),
		json_string_length(member) };
}

static void
assert_text(const json_t *event, const char *name, const char *want)
{
	if ((json_object_get(event, name) != NULL) != (want != NULL))
		fail_msg("%s: want %s", name, want ? want : "no such member");
	if (want)
		assert_same(name, text_of(event, name), span_of(want));
}

/* The event of a call that verifies, at the end of out */
static void
write_verified(struct buf *out, struct message *m)
{
	struct keyring keys = call_keys();
	struct error err = ERROR_INIT;
	struct envelope envelope;

	if (message_verify(m, &keys, &err) < 0)
		fail_msg("not verified: %s", err.text);
	assert_int_equal(envelope_write(&envelope, m, &err), 0);
	assert_true(envelope.count <= ENVELOPE_PIECES);
	append_pieces(out, &envelope);
	envelope_free(&envelope);
	envelope_free(&envelope);
}

/* RFC 4648 section 4, decoded by libcrypto; padding is strict there, too. */
static void
append_decoded(struct buf *out, struct span base64)
{
	char *to = buf_room(out, base64.len + 1);
	size_t pad = 0;
	int len;

	assert_int_equal(base64.len % 4, 0);
	if (base64.len == 0)
		return;
	len = EVP_DecodeBlock((unsigned char *)to,
	    (const unsigned char *)base64.at, (int)base64.len);
	assert_int_equal(len, base64.len / 4 * 3);
	while (pad < 2 && base64.at[base64.len - 1 - pad] == '=')
		pad++;
	out->len += (size_t)len - pad;
}

/* The event holds these data, in the way of that kind. */
static void
assert_data(
    const char *what, struct span text, enum data_kind kind, struct span want)
{
	struct buf said = BUF_INIT(ROOM);
	struct json_value event, data, base64;
	bool has_data, has_base64;

	assert_true(json_scan(text, &event));
	has_data = json_member(event, "data", &data);
	has_base64 = json_member(event, "data_base64", &base64);
	if (has_data != (kind == DATA_JSON || kind == DATA_TEXT) ||
	    has_base64 != (kind == DATA_BINARY))
		fail_msg(
		    "%s: data %d, data_base64 %d", what, has_data, has_base64);
	if (kind == DATA_JSON)
		assert_same(what, has_data ? data.raw : want, want);
	if (kind == DATA_TEXT) {
		assert_true(json_decode_string(data, &said));
		assert_same(what, buf_span(&said), want);
	}
	if (kind == DATA_BINARY) {
		append_decoded(&said,
		    (struct span){ base64.raw.at + 1, base64.raw.len - 2 });
		assert_same(what, buf_span(&said), want);
	}
	buf_free(&said);
}

/* tests/data/payloads: what a consumer gets is what was signed. */
static void
test_payloads(void **state)
{
	struct payload_case c = { .payload = BUF_INIT(ROOM),
		.data = BUF_INIT(ROOM) };
	struct buf list = BUF_INIT(ROOM), text = BUF_INIT(ROOM);
	struct message m;
	struct span rest;
	char name[512];

	(void)state;
	append_data_file(&list, "payloads");
	rest = buf_span(&list);
	while (next_payload(&rest, &c)) {
		(void)snprintf(name, sizeof(name), "%s", show(c.name));
		buf_reset(&text);
		start_call(&m, "shipmondo");
		append_signed_body(&m.body, buf_span(&c.payload));
		write_verified(&text, &m);
		assert_event(name, buf_span(&text));
		assert_data(
		    name, buf_span(&text), kind_of(c.kind), buf_span(&c.data));
		message_free(&m);
	}
	buf_free(&c.payload);
	buf_free(&c.data);
	buf_free(&list);
	buf_free(&text);
}

/* CloudEvents 1.0.2: the event that the manual shows */
static void
test_members(void **state)
{
	struct buf text = BUF_INIT(ROOM);
	struct message m;
	json_t *event;

	(void)state;
	start_call(&m, "shipmondo");
	m.query = span_of("a=1");
	add_header(&m, "SMD-Resource-Type", span_of("Orders"));
	add_header(&m, "SMD-Resource-Id", span_of("119175"));
	add_header(&m, "SMD-Webhook-Id", span_of("77"));
	add_header(&m, "SMD-Action", span_of("status_update"));
	add_header(&m, "SMD-User", span_of("S\xf8ren"));
	append_signed_body(&m.body, span_of("{\"data\":{\"price\":1.10}}"));
	write_verified(&text, &m);
	assert_event("event", buf_span(&text));
	event = load("event", buf_span(&text));
	assert_text(event, "specversion", "1.0");
	assert_same("id", text_of(event, "id"), m.id);
	assert_text(event, "source", "https://shop.example/webhook");
	assert_text(event, "type", "com.shipmondo.orders.status_update");
	assert_text(event, "subject", "119175");
	assert_text(event, "time", "2026-11-21T17:05:33.123456Z");
	assert_text(event, "datacontenttype", "application/json");
	assert_text(event, "sender", "shipmondo");
	assert_text(event, "verifiedby", "jwt");
	assert_text(event, "keyused", "current");
	assert_text(event, "bodysha256", m.body_sha256);
	assert_text(event, "method", "POST");
	assert_text(event, "path", "/webhook");
	assert_text(event, "query", "a=1");
	assert_text(event, "smdresourcetype", "Orders");
	assert_text(event, "smdresourceid", "119175");
	assert_text(event, "smdwebhookid", "77");
	assert_text(event, "smdaction", "status_update");
	assert_text(event, "smduser", "S\xc3\xb8ren");
	assert_int_equal(json_object_size(event), 20);
	json_decref(event);
	message_free(&m);
	buf_free(&text);
}

/* What is not known is not said. */
static void
test_members_left_out(void **state)
{
	struct buf text = BUF_INIT(ROOM);
	struct message m;
	json_t *event;

	(void)state;
	start_call(&m, "generic");
	write_verified(&text, &m);
	event = load("event", buf_span(&text));
	assert_text(event, "subject", NULL);
	assert_text(event, "keyused", NULL);
	assert_text(event, "data", NULL);
	assert_text(event, "data_base64", NULL);
	assert_text(event, "verifiedby", "basic");
	assert_text(event, "query", "");
	json_decref(event);
	message_free(&m);
	buf_free(&text);
}

/* CloudEvents 1.0.2 "Naming Conventions": lower-case letters and digits */
static void
test_attribute_names(void **state)
{
	static const struct {
		const char *header, *want; /* NULL: it has none */
	} rows[] = {
		{ "SMD-Resource-Type", "smdresourcetype" },
		{ "X-Request-ID", "xrequestid" },
		{ "x_9", "x9" },
		{ "A", "a" },
		{ "", NULL },
		{ "-", NULL },
		{ "__", NULL },
		{ "\xc3\xb8", NULL },
		{ "\xc3\xb8x", "x" },
		{ "Id", NULL },
		{ "I-D", NULL },
		{ "Source", NULL },
		{ "Type", NULL },
		{ "Subject", NULL },
		{ "Time", NULL },
		{ "Spec-Version", NULL },
		{ "Data-Content-Type", NULL },
		{ "Data-Schema", NULL },
		{ "Data", NULL },
		{ "Data-Base64", NULL },
		{ "Sender", NULL },
		{ "Verified-By", NULL },
		{ "Key-Used", NULL },
		{ "Body-SHA256", NULL },
		{ "Method", NULL },
		{ "Path", NULL },
		{ "Query", NULL },
		{ "Reason", NULL },
		{ "Detail", NULL },
		{ "Request", NULL },
		{ "Schema-URL", NULL },
		{ "Content-Type", "contenttype" },
		{ "Identity", "identity" },
		{ "a23456789-123456789-123456789-123456789-123456789-"
		  "123456789-1234",
		    "a2345678912345678912345678912345678912345678912345678"
		    "91234" },
		{ "a23456789012345678901234567890123456789012345678901234"
		  "567890123",
		    "a234567890123456789012345678901234567890123456789012"
		    "34567890123" },
		{ "a23456789012345678901234567890123456789012345678901234"
		  "5678901234",
		    NULL },
	};
	char name[ENVELOPE_NAME_SIZE];
	bool got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		got = envelope_attribute(rows[i].header, name);
		if (got != (rows[i].want != NULL))
			fail_msg(
			    "%s: got %s", rows[i].header, got ? name : "none");
		if (got)
			assert_string_equal(name, rows[i].want);
	}
}

/* No header takes the place of what the handler says itself. */
static void
test_headers_in_disguise(void **state)
{
	static const char *const names[] = { "Id", "Verified-By", "data",
		"Data_Base64", "Sender", "Key-Used", "TYPE", "Reason" };
	struct buf text = BUF_INIT(ROOM);
	struct message m;
	json_t *event;
	size_t i;

	(void)state;
	start_call(&m, "generic");
	for (i = 0; i < COUNT(names); i++)
		add_header(&m, names[i], span_of("forged"));
	buf_append_text(&m.body, "{}");
	write_verified(&text, &m);
	event = load("event", buf_span(&text));
	assert_text(event, "verifiedby", "basic");
	assert_null(memmem(text.at, text.len, "forged", 6));
	json_decref(event);
	message_free(&m);
	buf_free(&text);
}

/* Text from outside with whatever bytes, in every place that takes it */
static void
test_odd_bytes_everywhere(void **state)
{
	static const struct {
		struct span given;
		const char *want;
		size_t len;
	} rows[] = {
		{ LITERAL("\",\"id\":\"forged"), "\",\"id\":\"forged", 14 },
		{ LITERAL("\\"), "\\", 1 },
		/* CloudEvents 1.0.2, String: no such characters */
		{ LITERAL("a\nb\r\tc\x01\x1f\x7f"),
		    "a\xe2\x90\x8a"
		    "b\xe2\x90\x8d\xe2\x90\x89"
		    "c\xe2\x90\x81\xe2\x90\x9f\xe2\x90\xa1",
		    21 },
		{ LITERAL("a\0b"),
		    "a\xe2\x90\x80"
		    "b",
		    5 },
		{ LITERAL("\xc2\x80\xc2\x9f\xc2\xa0"),
		    "\xef\xbf\xbd\xef\xbf\xbd\xc2\xa0", 8 },
		{ LITERAL("\xef\xb7\x90\xef\xbf\xbf\xf4\x8f\xbf\xbe"),
		    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 9 },
		{ LITERAL("N\xc3\xb8rresundby"), "N\xc3\xb8rresundby", 12 },
		{ LITERAL("S\xf8ren"), "S\xc3\xb8ren", 6 },
		{ LITERAL("\x80\xff\xfe"), "\xef\xbf\xbd\xc3\xbf\xc3\xbe", 7 },
		{ LITERAL("\xed\xa0\x80"), "\xc3\xad\xc2\xa0\xef\xbf\xbd", 7 },
		{ LITERAL("\xe2\x80\xa8\xe2\x80\xa9"),
		    "\xe2\x80\xa8\xe2\x80\xa9", 6 },
		{ LITERAL("\xf0\x9f\x94\x91"), "\xf0\x9f\x94\x91", 4 },
		{ LITERAL("</script>"), "</script>", 9 },
	};
	static const char *const members[] = { "path", "query", "xone", "xtwo",
		"contenttype", "method", "verifiedby" };
	struct buf text = BUF_INIT(ROOM);
	struct message m;
	json_t *event;
	char word[64];
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		struct span want = { rows[i].want, rows[i].len };

		start_call(&m, "generic");
		buf_reset(&text);
		m.path = m.query = m.content_type = exact(rows[i].given);
		add_header(&m, "X-One", rows[i].given);
		add_header(&m, "X-Two", rows[i].given);
		/* These are texts with an end: NUL cannot be in them. */
		(void)snprintf(word, sizeof(word), "%.*s",
		    (int)rows[i].given.len, rows[i].given.at);
		m.method = m.passed_by = m.server = word;
		buf_append_text(&m.body, "no JSON");
		write_verified(&text, &m);
		assert_event(show(rows[i].given), buf_span(&text));
		event = load("odd bytes", buf_span(&text));
		for (j = 0; j < COUNT(members); j++)
			if (strlen(word) == rows[i].given.len || j < 5)
				assert_same(members[j],
				    text_of(event, members[j]), want);
		assert_text(event, "datacontenttype", "text/plain");
		assert_null(memchr(text.at, 0x7f, text.len));
		assert_int_equal(strlen(m.body_sha256), 64);
		assert_same("id", text_of(event, "id"), m.id);
		json_decref(event);
		let_go(m.path);
		message_free(&m);
	}
	buf_free(&text);
}

/* CloudEvents 1.0.2 "source": a URI reference (RFC 3986) */
static void
test_sources(void **state)
{
	static const struct {
		const char *source, *server, *path, *want;
	} rows[] = {
		{ NULL, "shop.example", "/webhook",
		    "https://shop.example/webhook" },
		{ NULL, "shop.example", "/", "https://shop.example/" },
		{ NULL, "shop.example", "", "https://shop.example" },
		{ NULL, "", "", "https://" },
		{ NULL, "[2001:db8::1]", "/w", "https://[2001:db8::1]/w" },
		{ NULL, "shop.example:8443", "/w",
		    "https://shop.example:8443/w" },
		{ NULL, "shop.example", "/a%20b",
		    "https://shop.example/a%20b" },
		{ NULL, "shop.example", "/a b\"c<d>\\^`{|}",
		    "https://shop.example/a%20b%22c%3Cd%3E%5C%5E%60%7B%7C%7D" },
		{ NULL, "shop.example", "/\xc3\xb8\xff\x01\x7f",
		    "https://shop.example/%C3%B8%FF%01%7F" },
		{ NULL, "s\xf8", "/", "https://s%F8/" },
		/* What is no URI by itself */
		{ NULL, "shop.example", "/webhook/[",
		    "https://shop.example/webhook/%5B" },
		{ NULL, "shop.example", "/%/%2/%zz/%41",
		    "https://shop.example/%25/%252/%25zz/%41" },
		{ NULL, "shop.example", "/#/:@",
		    "https://shop.example/%23/:@" },
		{ NULL, "shop.example", "*", "https://shop.example/*" },
		{ NULL, "shop.example", "webhook",
		    "https://shop.example/webhook" },
		{ NULL, "~^(www\\.)?x", "/", "https://~%5E(www%5C.)%3Fx/" },
		{ NULL, "[::1", "/", "https://%5B%3A%3A1/" },
		{ NULL, "a/b@c", "/", "https://a%2Fb%40c/" },
		{ NULL, "_", "/", "https://_/" },
		{ "urn:shop:1", "shop.example", "/webhook", "urn:shop:1" },
		{ "https://other.example/x?y#z", "shop.example", "/webhook",
		    "https://other.example/x?y#z" },
		{ "/rel \"x\"", "shop.example", "/webhook", "/rel%20%22x%22" },
		{ "https://a/[", "shop.example", "/", "https%3A//a/%5B" },
	};
	struct buf text = BUF_INIT(ROOM);
	struct message m;
	json_t *event;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		start_call(&m, "generic");
		buf_reset(&text);
		m.source = rows[i].source;
		m.server = rows[i].server;
		m.path = span_of(rows[i].path);
		write_verified(&text, &m);
		event = load("source", buf_span(&text));
		assert_text(event, "source", rows[i].want);
		json_decref(event);
		message_free(&m);
	}
	buf_free(&text);
}

/* RFC 2046: what is no media type is beside the one that fits the data. */
static void
test_media_types(void **state)
{
	static const struct {
		const char *sent;
		struct span body;
		const char *want, *other; /* NULL: no such member */
	} rows[] = {
		{ "", LITERAL("{}"), "application/json", NULL },
		{ "application/json", LITERAL("{}"), "application/json", NULL },
		{ "garbage", LITERAL("{}"), "application/json", "garbage" },
		{ "garbage", LITERAL("x"), "text/plain", "garbage" },
		{ "garbage", LITERAL("\xff"), "application/octet-stream",
		    "garbage" },
		{ "text/x-a; b=\"c;\\\"\"", LITERAL("x"),
		    "text/x-a; b=\"c;\\\"\"", NULL },
		{ "text/xml;", LITERAL("<a/>"), "text/xml", "text/xml;" },
		{ "text/xml; charset", LITERAL("<a/>"), "text/xml",
		    "text/xml; charset" },
		{ "text plain", LITERAL("x"), "text/plain", "text plain" },
		{ "a/b; c=\"", LITERAL("x"), "a/b", "a/b; c=\"" },
		{ "application/json", LITERAL("{"), "text/plain",
		    "application/json" },
		/* The sender's own beside bytes: Latin-1, compressed */
		{ "application/json; charset=iso-8859-1",
		    LITERAL("{\"a\":\"\xf8\"}"),
		    "application/json; charset=iso-8859-1", NULL },
		{ "application/json", LITERAL("\x1f\x8b\x08\x00\xff"),
		    "application/json", NULL },
		{ "text/csv", LITERAL(""), NULL, "text/csv" },
		{ "", LITERAL(""), NULL, NULL },
	};
	struct buf text = BUF_INIT(ROOM);
	struct message m;
	json_t *event;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		start_call(&m, "generic");
		buf_reset(&text);
		m.content_type = span_of(rows[i].sent);
		buf_append_span(&m.body, rows[i].body);
		write_verified(&text, &m);
		event = load("media type", buf_span(&text));
		assert_text(event, "datacontenttype", rows[i].want);
		assert_text(event, "contenttype", rows[i].other);
		json_decref(event);
		message_free(&m);
	}
	/* One that an operator keeps by its name is there once. */
	start_call(&m, "generic");
	buf_reset(&text);
	m.content_type = span_of("garbage");
	add_header(&m, "Content-Type", span_of("garbage"));
	write_verified(&text, &m);
	event = load("kept", buf_span(&text));
	assert_text(event, "contenttype", "garbage");
	json_decref(event);
	message_free(&m);
	buf_free(&text);
}

/* Text that is the data may be any JSON string: nothing is replaced. */
static void
test_data_is_untouched(void **state)
{
	struct span body = LITERAL("a\x01\x7f\xc2\x80\xef\xbf\xbf\0");
	struct buf text = BUF_INIT(ROOM);
	struct message m;

	(void)state;
	start_call(&m, "generic");
	buf_append_span(&m.body, body);
	write_verified(&text, &m);
	assert_data("text", buf_span(&text), DATA_TEXT, body);
	message_free(&m);
	buf_free(&text);
}

/* Of a rejected call: its head, and no header that carries a secret. */
static void
test_rejected_head(void **state)
{
	struct error verdict = ERROR_INIT, err = ERROR_INIT;
	struct buf text = BUF_INIT(ROOM), said = BUF_INIT(ROOM);
	struct envelope envelope;
	struct message m;
	json_t *event;

	(void)state;
	start_call(&m, "generic");
	add_header(&m, "X-Api-Key", span_of("canary"));
	add_header(&m, "Authorization", span_of("canary"));
	add_header(&m, "X-Plain", span_of("plain"));
	buf_append_text(&m.head, "POST /\nx: \xff\t\n");
	(void)error_set(&verdict, ERROR_SIGNATURE, "wrong");
	assert_int_equal(
	    envelope_write_rejected(&envelope, &m, &verdict, &err), 0);
	append_pieces(&text, &envelope);
	event = load("rejected", buf_span(&text));
	append_decoded(&said, text_of(event, "request"));
	assert_same("head", buf_span(&said), buf_span(&m.head));
	assert_text(event, "xplain", "plain");
	assert_null(memmem(text.at, text.len, "canary", 6));
	json_decref(event);
	envelope_free(&envelope);
	message_free(&m);
	buf_free(&text);
	buf_free(&said);
}

static void
test_rejected(void **state)
{
	static const struct span bodies[] = { LITERAL(""), LITERAL("x"),
		LITERAL("xy"), LITERAL("xyz"), LITERAL("{\"data\":\"a.b.c\"}"),
		LITERAL("\0\xff\"\\\n"), LITERAL("{}\0") };
	struct keyring keys = call_keys();
	struct buf text = BUF_INIT(ROOM), said = BUF_INIT(ROOM);
	struct envelope envelope;
	struct error verdict, err = ERROR_INIT;
	struct message m;
	json_t *event;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bodies); i++) {
		verdict = (struct error)ERROR_INIT;
		buf_reset(&text);
		buf_reset(&said);
		start_call(&m, "shipmondo");
		m.content_type = span_of("text/x\xff");
		add_header(&m, "SMD-User", span_of("\"\xf8"));
		m.cause = i % 2 ? "key-hex" : NULL;
		buf_append_span(&m.body, bodies[i]);
		assert_int_equal(message_verify(&m, &keys, &verdict), -1);
		assert_int_equal(
		    envelope_write_rejected(&envelope, &m, &verdict, &err), 0);
		append_pieces(&text, &envelope);
		envelope_free(&envelope);
		assert_event("rejected", buf_span(&text));
		event = load("rejected", buf_span(&text));
		assert_text(event, "specversion", "1.0");
		assert_text(event, "type", "hookdir.quarantined");
		assert_text(event, "id", m.body_sha256);
		assert_text(event, "bodysha256", m.body_sha256);
		assert_text(event, "source", "https://shop.example/webhook");
		assert_text(event, "time", "2026-11-21T17:05:33.123456Z");
		assert_text(event, "datacontenttype", NULL);
		assert_text(event, "contenttype", "text/x\xc3\xbf");
		assert_text(event, "sender", "shipmondo");
		assert_text(event, "reason", error_rule(verdict.code));
		assert_text(event, "detail", verdict.text);
		assert_text(event, "cause", m.cause);
		assert_text(event, "smduser", "\"\xc3\xb8");
		assert_text(event, "verifiedby", NULL);
		assert_text(event, "keyused", NULL);
		assert_text(event, "data", NULL);
		append_decoded(&said, text_of(event, "data_base64"));
		assert_same("body", buf_span(&said), bodies[i]);
		json_decref(event);
		message_free(&m);
	}
	buf_free(&text);
	buf_free(&said);
}

/* A simple generator, the same on every run */
static uint32_t
next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Up to 40 bytes, of which some kinds come more often */
static struct span
random_bytes(uint32_t *seed)
{
	static const char often[] = "\"\\{}[]:,\n\0\x7f\xc3\xb8\xed\xa0\x80u";
	size_t len = next_random(seed) % 40, i;
	bool plain = next_random(seed) % 3 == 0;
	char bytes[40];

	for (i = 0; i < len; i++)
		bytes[i] = plain ? (char)(next_random(seed) % 95 + 32)
		    : next_random(seed) % 2
		    ? often[next_random(seed) % (sizeof(often) - 1)]
		    : (char)next_random(seed);
	return exact((struct span){ bytes, len });
}

/* The same with an end, and without NUL before it */
static char *
random_text(uint32_t *seed)
{
	struct span bytes = random_bytes(seed);
	char *text = malloc(bytes.len + 1);

	assert_non_null(text);
	if (bytes.len)
		memcpy(text, bytes.at, bytes.len);
	text[bytes.len] = '\0';
	let_go(bytes);
	return text;
}

/* Whatever stands in a call, what comes of it is one JSON text. */
static void
test_random_calls(void **state)
{
	static const char *const types[] = { "", "application/json",
		"text/plain" };
	struct keyring keys = call_keys();
	struct buf text = BUF_INIT(ROOM), said = BUF_INIT(ROOM);
	struct span spans[5];
	char *texts[4];
	uint32_t seed = 20261121;
	struct envelope envelope;
	struct error err, verdict;
	struct message m;
	unsigned round, kinds[4] = { 0 };
	size_t i;

	(void)state;
	for (round = 0; round < 6000; round++) {
		bool signed_one = next_random(&seed) % 2;

		err = verdict = (struct error)ERROR_INIT;
		for (i = 0; i < COUNT(spans); i++)
			spans[i] = random_bytes(&seed);
		for (i = 0; i < COUNT(texts); i++)
			texts[i] = random_text(&seed);
		start_call(&m, signed_one ? "shipmondo" : "generic");
		m.path = spans[0];
		m.query = spans[1];
		m.content_type = next_random(&seed) % 2
		    ? spans[2]
		    : span_of(types[next_random(&seed) % COUNT(types)]);
		add_header(&m, "SMD-User", spans[3]);
		add_header(&m, "SMD-Action", spans[2]);
		add_header(&m, "SMD-Resource-Type", spans[1]);
		add_header(&m, "SMD-Resource-Id", spans[0]);
		m.server = texts[0];
		m.method = texts[1];
		m.event = texts[2][0] ? texts[2] : NULL;
		m.source = texts[3][0] ? texts[3] : NULL;
		if (signed_one && next_random(&seed) % 4)
			append_signed_body(&m.body, spans[4]);
		else
			buf_append_span(&m.body, spans[4]);
		buf_reset(&text);
		if (message_verify(&m, &keys, &verdict) == 0) {
			assert_int_equal(
			    envelope_write(&envelope, &m, &err), 0);
			kinds[m.data_kind]++;
		} else {
			assert_int_equal(
			    error_class(verdict.code), CLASS_VERDICT);
			assert_int_equal(envelope_write_rejected(
					     &envelope, &m, &verdict, &err),
			    0);
		}
		append_pieces(&text, &envelope);
		envelope_free(&envelope);
		assert_event("random", buf_span(&text));
		json_decref(load("random", buf_span(&text)));
		message_free(&m);
		for (i = 0; i < COUNT(spans); i++)
			let_go(spans[i]);
		for (i = 0; i < COUNT(texts); i++)
			free(texts[i]);
	}
	for (i = 0; i < COUNT(kinds); i++)
		assert_true(kinds[i] > 0);
	buf_free(&text);
	buf_free(&said);
}

/* The widest that text can become: six bytes for one */
static void
test_text_at_its_worst(void **state)
{
	struct buf text = BUF_INIT(ROOM * 4);
	struct message m;

	(void)state;
	start_call(&m, "generic");
	append_times(&m.body, "\x01", 8 << 20);
	write_verified(&text, &m);
	assert_event("control characters", buf_span(&text));
	assert_true(text.len > 6u * (8u << 20));
	message_free(&m);
	buf_reset(&text);
	start_call(&m, "generic");
	append_times(&m.body, "\xff", 8 << 20);
	write_verified(&text, &m);
	assert_event("no UTF-8", buf_span(&text));
	message_free(&m);
	buf_free(&text);
}

/* More headers than there is room for are a fault, and no crash. */
static void
test_headers_over_the_ceiling(void **state)
{
	static char names[MESSAGE_HEADERS_MAX][16];
	struct buf value = BUF_INIT(ROOM);
	struct keyring keys = call_keys();
	struct error err = ERROR_INIT;
	struct envelope envelope;
	struct message m;
	size_t i;

	(void)state;
	append_times(&value, "\x01", MESSAGE_TEXT_MAX);
	start_call(&m, "generic");
	for (i = 0; i < MESSAGE_HEADERS_MAX; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "X-H%zu", i);
		add_header(&m, names[i], buf_span(&value));
	}
	assert_int_equal(message_verify(&m, &keys, &err), 0);
	assert_int_equal(envelope_write(&envelope, &m, &err), -1);
	assert_string_equal(error_rule(err.code), "out-of-memory");
	envelope_free(&envelope);
	message_free(&m);
	buf_free(&value);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_payloads),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_members_left_out),
		cmocka_unit_test(test_attribute_names),
		cmocka_unit_test(test_headers_in_disguise),
		cmocka_unit_test(test_odd_bytes_everywhere),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_media_types),
		cmocka_unit_test(test_data_is_untouched),
		cmocka_unit_test(test_rejected_head),
		cmocka_unit_test(test_rejected),
		cmocka_unit_test(test_random_calls),
		cmocka_unit_test(test_text_at_its_worst),
		cmocka_unit_test(test_headers_over_the_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
