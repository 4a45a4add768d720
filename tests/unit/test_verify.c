/* SPDX-License-Identifier: MIT */
/*
 * test_verify - lib/message/verify: from a body to a message
 *
 * tests/data/payloads lists what can be signed and what data becomes of
 * it; a new case is a new line there. None of it is ever refused.
 */
#include "calls.h"

#include "json/json.h"
#include "message/verify.h"

/* Verify a call whose body is this; m is then to be freed. */
static enum error_code
verify_body(struct message *m, struct span body)
{
	struct keyring keys = call_keys();
	struct error err = ERROR_INIT;
	struct span copy = exact(body);
	int rc;

	/* In a block of its size, which the message takes over. */
	free(m->body.at);
	m->body.at = (char *)(uintptr_t)copy.at;
	m->body.len = m->body.size = copy.len;
	rc = message_verify(m, &keys, &err);
	if ((rc == 0) != (err.code == ERROR_NONE))
		fail_msg("got %d with rule %s", rc, error_rule(err.code));
	return err.code;
}

static void
verify_payload(struct message *m, struct span payload)
{
	struct buf body = BUF_INIT(ROOM);
	enum error_code code;

	append_signed_body(&body, payload);
	code = verify_body(m, buf_span(&body));
	if (code != ERROR_NONE)
		fail_msg("payload \"%s\": got %s, want none", show(payload),
		    error_rule(code));
	buf_free(&body);
}

static void
assert_data(const char *what, const struct message *m, enum data_kind kind,
    struct span data)
{
	struct json_value again;

	if (m->data_kind != kind)
		fail_msg("%s: got kind %d, want %d", what, (int)m->data_kind,
		    (int)kind);
	assert_same(what, m->data, data);
	if (kind != DATA_JSON)
		return;
	assert_true(json_scan(m->data, &again));
	if (m->members.count == 0)
		return; /* nobody will ask for any */
	assert_int_equal(again.type, m->members.object.type);
	assert_true(m->members.object.raw.at == m->data.at);
	assert_int_equal(m->members.object.raw.len, m->data.len);
}

static void
test_payloads(void **state)
{
	struct payload_case c = { .payload = BUF_INIT(ROOM),
		.data = BUF_INIT(ROOM) };
	struct buf text = BUF_INIT(ROOM);
	struct span rest;
	struct message m;
	char name[256];
	unsigned cases = 0;

	(void)state;
	append_data_file(&text, "payloads");
	rest = buf_span(&text);
	while (next_payload(&rest, &c)) {
		(void)snprintf(name, sizeof(name), "%s", show(c.name));
		start_call(&m, "shipmondo");
		verify_payload(&m, buf_span(&c.payload));
		assert_data(name, &m, kind_of(c.kind), buf_span(&c.data));
		assert_string_equal(m.verified_by, "jwt");
		assert_string_equal(m.key_used, "current");
		assert_true(m.type.len > 0);
		message_free(&m);
		cases++;
	}
	print_message("%u payloads\n", cases);
	assert_true(cases >= 100);
	buf_free(&c.payload);
	buf_free(&c.data);
	buf_free(&text);
}

/* Shipmondo's forms A, A' and B of one resource: one data */
static void
test_forms_agree(void **state)
{
	static const char resource[] =
	    "{\"id\":119175,\"price\":1.10,\"weight\":1E2,\"tiny\":-0.0e-0,"
	    "\"barcode\":370720000000000000000000000017,\"a\":1,\"a\":2,"
	    "\"ordered_at \":\"x\",\"note\":\"a\\u0000b\",\"half\":\"\\ud83d\","
	    "\"city\":\"N\xc3\xb8rresundby\",\"q\":\"\\\"\\\\\\/\"}";
	struct buf form[3] = { BUF_INIT(ROOM), BUF_INIT(ROOM), BUF_INIT(ROOM) };
	struct buf inner = BUF_INIT(ROOM);
	struct message m;
	size_t i;

	(void)state;
	buf_printf(&form[0], "{\"webhook\":\"W\",\"data\":%s,\"url\":\"u\"}",
	    resource);
	json_append_string(&form[1], buf_span(&form[0]));
	buf_append_text(&inner, "{\"webhook\":\"W\",\"data\":");
	json_append_string(&inner, span_of(resource));
	buf_append_text(&inner, ",\"url\":\"u\"}");
	json_append_string(&form[2], buf_span(&inner));
	for (i = 0; i < COUNT(form); i++) {
		start_call(&m, "shipmondo");
		verify_payload(&m, buf_span(&form[i]));
		assert_data("form", &m, DATA_JSON, buf_span(&form[0]));
		assert_same("subject", buf_span(&m.subject), span_of("119175"));
		message_free(&m);
		buf_reset(&inner);
	}
	for (i = 0; i < COUNT(form); i++)
		buf_free(&form[i]);
	buf_free(&inner);
}

static void
append_nested(struct buf *out, size_t depth)
{
	append_times(out, "[", depth);
	append_times(out, "]", depth);
}

/* What is too deep for a consumer is kept as text. */
static void
test_depth(void **state)
{
	static const struct {
		size_t depth;
		enum data_kind want;
	} rows[] = {
		{ 1, DATA_JSON },
		{ JSON_DEPTH_MAX, DATA_JSON },
		{ JSON_DEPTH_MAX + 1, DATA_TEXT },
		{ 256, DATA_TEXT },
		{ 2049, DATA_TEXT },
		{ 100000, DATA_TEXT },
	};
	struct buf payload = BUF_INIT(ROOM);
	struct message m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&payload);
		append_nested(&payload, rows[i].depth);
		start_call(&m, "shipmondo");
		verify_payload(&m, buf_span(&payload));
		assert_data("nested", &m, rows[i].want, buf_span(&payload));
		message_free(&m);
	}
	buf_free(&payload);
}

/* In a string it is unwrapped only if what comes of it can be read. */
static void
test_depth_in_strings(void **state)
{
	/* levels of the array in the string; unwrapped or not */
	static const struct {
		size_t depth;
		bool in_data, want;
	} rows[] = {
		{ JSON_DEPTH_MAX, false, true },
		{ JSON_DEPTH_MAX + 1, false, false },
		{ 100000, false, false },
		{ JSON_DEPTH_MAX - 1, true, true },
		{ JSON_DEPTH_MAX, true, false },
		{ JSON_DEPTH_MAX + 1, true, false },
		{ 100000, true, false },
	};
	struct buf bare = BUF_INIT(ROOM), payload = BUF_INIT(ROOM);
	struct message m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		const char *before = rows[i].in_data ? "{\"data\":" : "";
		const char *quote = rows[i].in_data ? "\"" : "";

		buf_reset(&bare);
		buf_reset(&payload);
		append_nested(&bare, rows[i].depth);
		buf_append_text(&payload, before);
		json_append_string(&payload, buf_span(&bare));
		buf_append_text(&payload, rows[i].in_data ? "}" : "");
		start_call(&m, "shipmondo");
		verify_payload(&m, buf_span(&payload));
		if (rows[i].want) {
			buf_reset(&payload);
			buf_append_text(&payload, before);
			buf_append_span(&payload, buf_span(&bare));
			buf_append_text(&payload, *quote ? "}" : "");
		}
		assert_data(
		    "deep in a string", &m, DATA_JSON, buf_span(&payload));
		message_free(&m);
	}
	buf_free(&bare);
	buf_free(&payload);
}

/* A body with a token in it that is not there, or not as it should be */
static void
test_form_errors(void **state)
{
	static const struct span bodies[] = { LITERAL(""), LITERAL(" "),
		LITERAL("\xef\xbb\xbf"), LITERAL("hello"), LITERAL("null"),
		LITERAL("1"), LITERAL("[]"), LITERAL("{}"), LITERAL("\"x\""),
		LITERAL("{\"data\":null}"), LITERAL("{\"data\":1}"),
		LITERAL("{\"data\":true}"), LITERAL("{\"data\":[\"a.b.c\"]}"),
		LITERAL("{\"data\":{\"token\":\"a.b.c\"}}"),
		LITERAL("{\"Data\":\"a.b.c\"}"),
		LITERAL("{\"data \":\"a.b.c\"}"),
		LITERAL("{\"token\":\"a.b.c\"}"),
		LITERAL("[{\"data\":\"a.b.c\"}]"), LITERAL("a.b.c"),
		LITERAL("\"a.b.c\""), LITERAL("data=a.b.c"),
		LITERAL("{\"data\":\"a.b.c\"}}"),
		LITERAL("{\"data\":\"a.b.c\",}"),
		LITERAL("{\"data\":\"a.b.c\""),
		LITERAL("{\"data\":\"a.b.c\"}\0"),
		LITERAL("{\"data\":\"\\ud83d\"}"),
		LITERAL("{\"data\":\"a.b.c\",\"data\":1}"),
		LITERAL("{\"data\":\"\xff\"}"), LITERAL("\xff\xfe{\0}\0") };
	struct message m;
	enum error_code got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bodies); i++) {
		start_call(&m, "shipmondo");
		got = verify_body(&m, bodies[i]);
		if (got != ERROR_FORM)
			fail_msg("body \"%s\": got %s, want form-unknown",
			    show(bodies[i]), error_rule(got));
		assert_int_equal(strlen(m.body_sha256), 64);
		assert_true(span_is(m.id, m.body_sha256));
		message_free(&m);
	}
}

/* The form is right, so the token has the say. */
static void
test_bad_tokens(void **state)
{
	static const struct {
		const char *body;
		enum error_code want;
	} rows[] = {
		{ "{\"data\":\"\"}", ERROR_TOKEN_FORM },
		{ "{\"data\":\"a.b.c\"}", ERROR_TOKEN_FORM },
		{ "{\"data\":\"eyJhbGciOiJub25lIn0.e30.\"}", ERROR_ALGORITHM },
		{ "{\"data\":\"eyJhbGciOiJIUzI1NiJ9.e30.\"}", ERROR_SIGNATURE },
		{ "{\"data\":\"eyJhbGciOiJIUzI1NiJ9.e30.AAAA\"}",
		    ERROR_SIGNATURE },
	};
	struct message m;
	enum error_code got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		start_call(&m, "shipmondo");
		got = verify_body(&m, span_of(rows[i].body));
		if (got != rows[i].want)
			fail_msg("%s: got %s, want %s", rows[i].body,
			    error_rule(got), error_rule(rows[i].want));
		message_free(&m);
	}
}

/* The member is found whatever stands around it. */
static void
test_bodies_with_a_token(void **state)
{
	/* %s is the token */
	static const char *const bodies[] = {
		"{\"data\":\"%s\"}",
		" { \"data\" : \"%s\" }\r\n",
		"\xef\xbb\xbf{\"data\":\"%s\"}",
		"{\"\\u0064ata\":\"%s\"}",
		"{\"data\":null,\"data\":\"%s\"}",
		"{\"data\":\"a.b.c\",\"data\":\"%s\"}",
		"{\"x\":{\"data\":\"a.b.c\"},\"data\":\"%s\",\"y\":[]}",
		"{\"data\":\"%s\",\"meta\":{\"n\":1e400,\"s\":\"\\ud83d\"}}",
	};
	struct buf token = BUF_INIT(ROOM), body = BUF_INIT(ROOM);
	struct message m;
	const char *hole;
	size_t i;

	(void)state;
	append_token(&token, span_of("{\"alg\":\"HS256\"}"), span_of("[1.10]"),
	    span_of(CALL_KEY));
	for (i = 0; i < COUNT(bodies); i++) {
		buf_reset(&body);
		hole = strstr(bodies[i], "%s");
		buf_append(&body, bodies[i], (size_t)(hole - bodies[i]));
		buf_append_span(&body, buf_span(&token));
		buf_append_text(&body, hole + 2);
		start_call(&m, "shipmondo");
		if (verify_body(&m, buf_span(&body)) != ERROR_NONE)
			fail_msg("not let in: %s", bodies[i]);
		assert_data(bodies[i], &m, DATA_JSON, span_of("[1.10]"));
		message_free(&m);
	}
	/* RFC 8259 section 7: a token that is written in escapes */
	buf_reset(&body);
	buf_append_text(&body, "{\"data\":\"");
	for (i = 0; i < token.len; i++)
		buf_printf(&body, "\\u%04X", (unsigned)token.at[i]);
	buf_append_text(&body, "\"}");
	start_call(&m, "shipmondo");
	assert_int_equal(verify_body(&m, buf_span(&body)), ERROR_NONE);
	assert_data("escapes", &m, DATA_JSON, span_of("[1.10]"));
	message_free(&m);
	buf_free(&token);
	buf_free(&body);
}

/* RFC 7519 4.1.4, 4.1.5: bounds in the payload, in whatever form it is */
static void
test_rfc7519_times(void **state)
{
	static const struct {
		const char *payload;
		enum error_code want;
	} rows[] = {
		{ "{\"exp\":1795280733}", ERROR_NONE },
		{ "{\"exp\":1795280674}", ERROR_NONE },
		{ "{\"exp\":1795280673.2}", ERROR_NONE },
		{ "{\"exp\":1795280673.1}", ERROR_EXPIRED },
		{ "{\"exp\":1}", ERROR_EXPIRED },
		{ "\"{\\\"exp\\\":1}\"", ERROR_EXPIRED },
		{ "{\"nbf\":1795280793}", ERROR_NONE },
		{ "{\"nbf\":1795280794}", ERROR_NOT_YET_VALID },
		{ "\"{\\\"nbf\\\":9e9}\"", ERROR_NOT_YET_VALID },
		{ "{\"data\":{\"exp\":1}}", ERROR_NONE },
		{ "{\"data\":\"{\\\"exp\\\":1}\"}", ERROR_NONE },
		{ "[{\"exp\":1}]", ERROR_NONE },
		{ "{\"exp\":\"1\",\"nbf\":\"9\"}", ERROR_NONE },
	};
	struct buf body = BUF_INIT(ROOM);
	struct message m;
	enum error_code got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&body);
		append_signed_body(&body, span_of(rows[i].payload));
		start_call(&m, "shipmondo");
		got = verify_body(&m, buf_span(&body));
		if (got != rows[i].want)
			fail_msg("%s: got %s, want %s", rows[i].payload,
			    error_rule(got), error_rule(rows[i].want));
		message_free(&m);
	}
	buf_free(&body);
}

struct naming {
	/* SMD-Resource-Type, SMD-Action, SMD-Resource-Id; NULL for none */
	const char *resource, *action, *id;
	const char *event; /* HOOKDIR_EVENT or NULL */
	const char *payload;
	const char *type, *subject;
};

#define LONG_NAME_64                                                           \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LONG_NAME_1024                                                         \
	LONG_NAME_64 LONG_NAME_64 LONG_NAME_64 LONG_NAME_64 LONG_NAME_64       \
	    LONG_NAME_64 LONG_NAME_64 LONG_NAME_64 LONG_NAME_64 LONG_NAME_64   \
		LONG_NAME_64 LONG_NAME_64 LONG_NAME_64 LONG_NAME_64            \
		    LONG_NAME_64 LONG_NAME_64

static void
assert_naming(const char *sender, const struct naming *row)
{
	struct message m;

	start_call(&m, sender);
	m.event = row->event;
	if (row->resource)
		add_header(&m, "SMD-Resource-Type", span_of(row->resource));
	if (row->action)
		add_header(&m, "SMD-Action", span_of(row->action));
	if (row->id)
		add_header(&m, "SMD-Resource-Id", span_of(row->id));
	if (m.sender->scheme == SCHEME_JWT)
		verify_payload(&m, span_of(row->payload));
	else
		assert_int_equal(
		    verify_body(&m, span_of(row->payload)), ERROR_NONE);
	assert_same("type", buf_span(&m.type), span_of(row->type));
	assert_same("subject", buf_span(&m.subject), span_of(row->subject));
	message_free(&m);
}

static void
test_shipmondo_names(void **state)
{
	static const struct naming rows[] = {
		{ "Orders", "status_update", "119175", NULL, "{}",
		    "com.shipmondo.orders.status_update", "119175" },
		{ "Shipment Monitor", "latest", "7", NULL, "{}",
		    "com.shipmondo.shipment-monitor.latest", "7" },
		{ "ORDERS", "Create", "1", NULL, "{}",
		    "com.shipmondo.orders.create", "1" },
		{ "a/b\\c\"d'e<f>", "..", "../x", NULL, "{}",
		    "com.shipmondo.a-b-c-d-e-f-...", "../x" },
		{ "a\nb\tc\x01\x7f", "x_y.z-9", NULL, NULL, "{}",
		    "com.shipmondo.a-b-c--.x_y.z-9", "" },
		{ "\xc3\x98rders", "\xd8", "\xf8", NULL, "{}",
		    "com.shipmondo.--rders.-", "\xf8" },
		/* without both headers: the payload, HOOKDIR_EVENT, "event" */
		{ NULL, NULL, NULL, NULL, "{\"action\":\"connection_test\"}",
		    "com.shipmondo.connection_test", "" },
		/* it decides before the headers, and no other does */
		{ "Orders", "create", NULL, NULL,
		    "{\"action\":\"connection_test\"}",
		    "com.shipmondo.connection_test", "" },
		{ "Orders", "connection_test", NULL, "created",
		    "\"{\\\"action\\\":\\\"connection_test\\\"}\"",
		    "com.shipmondo.connection_test", "" },
		{ "Orders", "create", NULL, NULL,
		    "{\"action\":\"connection_tests\"}",
		    "com.shipmondo.orders.create", "" },
		{ "Orders", "create", NULL, NULL,
		    "{\"data\":{\"action\":\"connection_test\"}}",
		    "com.shipmondo.orders.create", "" },
		{ "Orders", "create", NULL, NULL,
		    "{\"action\":[\"connection_test\"]}",
		    "com.shipmondo.orders.create", "" },
		{ "Orders", NULL, NULL, NULL, "{\"action\":\"x\"}",
		    "com.shipmondo.x", "" },
		{ NULL, "create", NULL, NULL, "{\"action\":\"x\"}",
		    "com.shipmondo.x", "" },
		{ "Orders", NULL, NULL, NULL, "{}", "com.shipmondo.event", "" },
		{ "", "", "", NULL, "{}", "com.shipmondo.event", "" },
		{ "", "create", "", NULL, "{}", "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, "created", "{}", "com.shipmondo.created",
		    "" },
		{ NULL, NULL, NULL, "created", "{\"action\":\"x\"}",
		    "com.shipmondo.x", "" },
		{ "Orders", "create", NULL, "created", "{\"action\":\"x\"}",
		    "com.shipmondo.orders.create", "" },
		{ NULL, NULL, NULL, "Order Created!", "{}",
		    "com.shipmondo.Order-Created-", "" },
		/* the payload's action, if it is a text of some length */
		{ NULL, NULL, NULL, NULL, "{\"action\":\"\"}",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "{\"action\":1}",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "{\"action\":null}",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "{\"action\":[\"x\"]}",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "{\"action\":\"\\ud83d\"}",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "{\"action\":\"A\\u0000\\nb c\"}",
		    "com.shipmondo.A--b-c", "" },
		{ NULL, NULL, NULL, NULL, "{\"action\":\"\xc3\xb8\"}",
		    "com.shipmondo.--", "" },
		{ NULL, NULL, NULL, NULL, "{\"action\":\"x\",\"action\":\"y\"}",
		    "com.shipmondo.y", "" },
		{ NULL, NULL, NULL, NULL, "{\"action\":\"" LONG_NAME_1024 "\"}",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "{\"action\":\"" LONG_NAME_64 "\"}",
		    "com.shipmondo." LONG_NAME_64, "" },
		{ NULL, NULL, NULL, NULL, "{\"data\":{\"action\":\"x\"}}",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "[{\"action\":\"x\"}]",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "no JSON", "com.shipmondo.event",
		    "" },
		{ NULL, NULL, NULL, NULL, "", "com.shipmondo.event", "" },
		/* the id of the data, before the header */
		{ NULL, NULL, NULL, NULL, "{\"data\":{\"id\":119175}}",
		    "com.shipmondo.event", "119175" },
		{ NULL, NULL, "7", NULL, "{\"data\":{\"id\":119175}}",
		    "com.shipmondo.event", "119175" },
		{ NULL, NULL, "7", NULL, "{\"data\":{\"id\":\"\"}}",
		    "com.shipmondo.event", "7" },
		{ NULL, NULL, "7", NULL, "{\"data\":{\"shipment_id\":1168}}",
		    "com.shipmondo.event", "1168" },
		{ NULL, NULL, NULL, NULL,
		    "{\"data\":{\"shipment_id\":\"1168\",\"id\":5}}",
		    "com.shipmondo.event", "5" },
		{ NULL, NULL, "", NULL, "{\"data\":{\"id\":119175}}",
		    "com.shipmondo.event", "119175" },
		{ NULL, NULL, NULL, NULL, "{\"data\":\"{\\\"id\\\":119175}\"}",
		    "com.shipmondo.event", "119175" },
		{ NULL, NULL, NULL, NULL, "{\"data\":{\"id\":\"S\\u00f8\"}}",
		    "com.shipmondo.event", "S\xc3\xb8" },
		{ NULL, NULL, NULL, NULL, "{\"data\":{\"id\":1.10}}",
		    "com.shipmondo.event", "1.10" },
		{ NULL, NULL, NULL, NULL,
		    "{\"data\":{\"id\":370720000000000000000000000017}}",
		    "com.shipmondo.event", "370720000000000000000000000017" },
		{ NULL, NULL, NULL, NULL, "{\"data\":{\"id\":1,\"id\":2}}",
		    "com.shipmondo.event", "2" },
		{ NULL, NULL, NULL, NULL, "{\"data\":{\"id\":\"\"}}",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "{\"data\":{\"id\":\"\\ud83d\"}}",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "{\"data\":{\"id\":null}}",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "{\"data\":{\"id\":true}}",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "{\"data\":{\"id\":[1]}}",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "{\"data\":[{\"id\":1}]}",
		    "com.shipmondo.event", "" },
		{ NULL, NULL, NULL, NULL, "{\"id\":1}", "com.shipmondo.event",
		    "" },
		{ NULL, NULL, NULL, NULL,
		    "{\"data\":{\"id\":\"" LONG_NAME_1024 "\"}}",
		    "com.shipmondo.event", "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_naming("shipmondo", &rows[i]);
}

static void
test_generic_names(void **state)
{
	static const struct naming rows[] = {
		{ NULL, NULL, NULL, NULL, "{}", "webhook.received", "" },
		{ NULL, NULL, NULL, "com.example.stock", "{}",
		    "com.example.stock", "" },
		{ NULL, NULL, NULL, "Stock Level/Low", "{}", "Stock-Level-Low",
		    "" },
		/* what is Shipmondo's means nothing here */
		{ "Orders", "create", "1", NULL,
		    "{\"action\":\"x\",\"data\":{\"id\":1}}",
		    "webhook.received", "" },
		{ NULL, NULL, NULL, NULL, "", "webhook.received", "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_naming("generic", &rows[i]);
}

/* A body as it came, with its label: what it is taken for */
static void
test_generic_bodies(void **state)
{
	static const struct {
		struct span type, body;
		enum data_kind kind;
		struct span data;
		const char *data_type;
	} rows[] = {
#define SAME { NULL, 0 }
		/* objects and arrays are JSON whatever the label says */
		{ LITERAL("application/json"), LITERAL("{\"a\":1.10}"),
		    DATA_JSON, SAME, "application/json" },
		{ LITERAL(""), LITERAL("[1E2]"), DATA_JSON, SAME,
		    "application/json" },
		{ LITERAL("text/plain"), LITERAL("{}"), DATA_JSON, SAME,
		    "application/json" },
		{ LITERAL("application/x-www-form-urlencoded"), LITERAL("[]"),
		    DATA_JSON, SAME, "application/json" },
		{ LITERAL("text/plain"), LITERAL(" {\"a\":\"\\ud83d\"}\n"),
		    DATA_JSON, LITERAL("{\"a\":\"\\ud83d\"}"),
		    "application/json" },
		{ LITERAL("application/json"), LITERAL("\xef\xbb\xbf{\"a\":1}"),
		    DATA_JSON, LITERAL("{\"a\":1}"), "application/json" },
		/* a label of JSON is kept as it was */
		{ LITERAL("application/json; charset=utf-8"), LITERAL("{}"),
		    DATA_JSON, SAME, "application/json; charset=utf-8" },
		{ LITERAL("Application/JSON"), LITERAL("{}"), DATA_JSON, SAME,
		    "Application/JSON" },
		{ LITERAL("application/json;charset=x"), LITERAL("1"),
		    DATA_JSON, SAME, "application/json;charset=x" },
		{ LITERAL("application/json\tx"), LITERAL("1"), DATA_JSON, SAME,
		    "application/json" },
		{ LITERAL("application/cloudevents+json"), LITERAL("{}"),
		    DATA_JSON, SAME, "application/cloudevents+json" },
		{ LITERAL("application/vnd.x+JSON; v=1"), LITERAL("\"s\""),
		    DATA_JSON, SAME, "application/vnd.x+JSON; v=1" },
		/* a lone scalar needs the label */
		{ LITERAL("application/json"), LITERAL("123"), DATA_JSON, SAME,
		    "application/json" },
		{ LITERAL(""), LITERAL("123"), DATA_JSON, SAME,
		    "application/json" },
		{ LITERAL("text/plain"), LITERAL("123"), DATA_TEXT, SAME,
		    "text/plain" },
		{ LITERAL("text/plain; charset=utf-8"), LITERAL("\"s\""),
		    DATA_TEXT, SAME, "text/plain; charset=utf-8" },
		{ LITERAL("application/jsonp"), LITERAL("null"), DATA_TEXT,
		    SAME, "application/jsonp" },
		{ LITERAL("application/jso"), LITERAL("null"), DATA_TEXT, SAME,
		    "application/jso" },
		{ LITERAL("+json"), LITERAL("null"), DATA_TEXT, SAME,
		    "text/plain" },
		{ LITERAL("text/json+xml"), LITERAL("true"), DATA_TEXT, SAME,
		    "text/json+xml" },
		/* what is no JSON keeps its label, if that says no JSON */
		{ LITERAL("application/xml"), LITERAL("<order id=\"1\"/>"),
		    DATA_TEXT, SAME, "application/xml" },
		{ LITERAL("application/json"), LITERAL("<order/>"), DATA_TEXT,
		    SAME, "text/plain" },
		{ LITERAL("application/json"), LITERAL("{'a':1}"), DATA_TEXT,
		    SAME, "text/plain" },
		{ LITERAL("application/vnd.x+json"), LITERAL("{"), DATA_TEXT,
		    SAME, "text/plain" },
		{ LITERAL(""), LITERAL("a=1"), DATA_TEXT, SAME, "text/plain" },
		{ LITERAL("application/x-www-form-urlencoded"),
		    LITERAL("a=1&b=2"), DATA_TEXT, SAME,
		    "application/x-www-form-urlencoded" },
		{ LITERAL("text/plain"), LITERAL("\0"), DATA_TEXT, SAME,
		    "text/plain" },
		{ LITERAL("application/pdf"), LITERAL("%PDF\xff\xfe\0"),
		    DATA_BINARY, SAME, "application/pdf" },
		{ LITERAL("application/json"), LITERAL("{\"a\":\"\xf8\"}"),
		    DATA_BINARY, SAME, "application/json" },
		{ LITERAL(""), LITERAL("\x80"), DATA_BINARY, SAME,
		    "application/octet-stream" },
		{ LITERAL("text/plain; charset=iso-8859-1"),
		    LITERAL("S\xf8ren"), DATA_BINARY, SAME,
		    "text/plain; charset=iso-8859-1" },
		/* an odd label is nothing to stumble over */
		{ LITERAL(";"), LITERAL("{}"), DATA_JSON, SAME,
		    "application/json" },
		{ LITERAL("\xff\x01"), LITERAL("x"), DATA_TEXT, SAME,
		    "text/plain" },
		{ LITERAL("application/json, application/json"), LITERAL("{}"),
		    DATA_JSON, SAME, "application/json" },
	};
	struct message m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		start_call(&m, "generic");
		m.content_type = exact(rows[i].type);
		assert_int_equal(verify_body(&m, rows[i].body), ERROR_NONE);
		assert_data(show(rows[i].body), &m, rows[i].kind,
		    rows[i].data.at ? rows[i].data : rows[i].body);
		assert_same(
		    "data type", m.data_type, span_of(rows[i].data_type));
		assert_string_equal(m.verified_by, "basic");
		assert_null(m.key_used);
		let_go(m.content_type);
		message_free(&m);
	}
}

/* A string is not unwrapped where nobody said that it holds JSON. */
static void
test_generic_is_not_unwrapped(void **state)
{
	static const char *const bodies[] = {
		"\"{\\\"a\\\":1}\"",
		"{\"data\":\"{\\\"a\\\":1}\"}",
		"{\"data\":\"a.b.c\"}",
		"{\"exp\":1}",
	};
	struct message m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bodies); i++) {
		start_call(&m, "generic");
		m.content_type = span_of("application/json");
		assert_int_equal(
		    verify_body(&m, span_of(bodies[i])), ERROR_NONE);
		assert_data(bodies[i], &m, DATA_JSON, span_of(bodies[i]));
		message_free(&m);
	}
}

static void
test_generic_empty(void **state)
{
	static const char *const types[] = { "", "application/json",
		"text/plain" };
	struct message m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(types); i++) {
		start_call(&m, "generic");
		m.content_type = span_of(types[i]);
		assert_int_equal(verify_body(&m, span_of("")), ERROR_NONE);
		assert_int_equal(m.data_kind, DATA_ABSENT);
		assert_int_equal(m.data.len, 0);
		assert_string_equal(m.body_sha256,
		    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b"
		    "7852b855");
		assert_int_equal(m.id.len, 64);
		message_free(&m);
	}
}

/* A call, and the number of the message that it is, the first 0 */
struct repeat {
	const char *sender, *event, *query;
	const char *resource, *action; /* SMD-Resource-Type, SMD-Action */
	const char *body; /* of shipmondo: the payload, %s the token */
	const char *around;
	int message;
};

static void
verify_repeat(struct message *m, const struct repeat *row)
{
	struct buf body = BUF_INIT(ROOM);
	const char *hole = row->around ? strchr(row->around, '%') : NULL;

	start_call(m, row->sender);
	m->event = row->event;
	m->query = span_of(row->query);
	if (row->resource)
		add_header(m, "SMD-Resource-Type", span_of(row->resource));
	if (row->action)
		add_header(m, "SMD-Action", span_of(row->action));
	if (hole) {
		buf_append(&body, row->around, (size_t)(hole - row->around));
		append_token(&body, span_of("{\"alg\":\"HS256\"}"),
		    span_of(row->body), span_of(CALL_KEY));
		buf_append_text(&body, hole + 1);
	} else {
		buf_append_text(&body, row->body);
	}
	assert_int_equal(verify_body(m, buf_span(&body)), ERROR_NONE);
	buf_free(&body);
}

/* CloudEvents 1.0.2, "id": equal for repeats, else different */
static void
test_ids(void **state)
{
	static const struct repeat rows[] = {
		{ "generic", NULL, "", NULL, NULL, "{}", NULL, 0 },
		{ "generic", NULL, "", NULL, NULL, "{}", NULL, 0 },
		{ "generic", NULL, "", "Orders", "create", "{}", NULL, 0 },
		{ "generic", NULL, "", NULL, NULL, "{ }", NULL, 1 },
		{ "generic", NULL, "a", NULL, NULL, "{}", NULL, 2 },
		{ "generic", NULL, "b", NULL, NULL, "{}", NULL, 3 },
		{ "generic", "stock", "", NULL, NULL, "{}", NULL, 4 },
		{ "generic", NULL, "", NULL, NULL, "", NULL, 5 },
		{ "generic", NULL, "a", NULL, NULL, "", NULL, 6 },
		{ "nshift", "a", "", NULL, NULL, "{}", NULL, 7 },
		{ "nshift", "b", "", NULL, NULL, "{}", NULL, 8 },
		{ "shipmondo", NULL, "", "Orders", "create", "{}",
		    "{\"data\":\"%\"}", 9 },
		{ "shipmondo", NULL, "q", "ORDERS", "create", "{}",
		    " {\"a\":1,\"data\" : \"%\"}\n", 9 },
		{ "shipmondo", "x", "", "Orders", "create", "{}",
		    "{\"data\":1,\"data\":\"%\"}", 9 },
		{ "shipmondo", NULL, "", "Orders", "cancel", "{}",
		    "{\"data\":\"%\"}", 10 },
		{ "shipmondo", NULL, "", "Drafts", "create", "{}",
		    "{\"data\":\"%\"}", 11 },
		{ "shipmondo", NULL, "", "Orders", "create", "{ }",
		    "{\"data\":\"%\"}", 12 },
		{ "shipmondo", NULL, "", "Orders", "create", "no JSON",
		    "{\"data\":\"%\"}", 13 },
		{ "shipmondo", NULL, "", "Orders", "create", "",
		    "{\"data\":\"%\"}", 14 },
	};
	struct message m[COUNT(rows)];
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		verify_repeat(&m[i], &rows[i]);
		assert_int_equal(m[i].id.len, 64);
		for (j = 0; j < i; j++)
			if (span_equal(m[i].id, m[j].id) !=
			    (rows[i].message == rows[j].message))
				fail_msg("rows %zu and %zu: got %s ids", j, i,
				    span_equal(m[i].id, m[j].id) ? "equal"
								 : "other");
	}
	for (i = 0; i < COUNT(rows); i++)
		message_free(&m[i]);
}

/* The same token under two keys, as in a rotation */
static void
test_id_is_of_no_key(void **state)
{
	static const char *const keys[] = { CALL_KEY, "another key" };
	struct keyring ring = call_keys();
	struct error err = ERROR_INIT;
	struct message m[2];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		ring.keys[0].bytes = span_of(keys[i]);
		start_call(&m[i], "shipmondo");
		buf_append_text(&m[i].body, "{\"data\":\"");
		append_token(&m[i].body, span_of("{\"alg\":\"HS256\"}"),
		    span_of("{\"data\":{\"id\":1}}"), span_of(keys[i]));
		buf_append_text(&m[i].body, "\"}");
		assert_int_equal(message_verify(&m[i], &ring, &err), 0);
	}
	assert_string_not_equal(m[0].body_sha256, m[1].body_sha256);
	assert_string_equal(m[0].content_sha256, m[1].content_sha256);
	assert_true(span_equal(m[0].id, m[1].id));
	for (i = 0; i < 2; i++)
		message_free(&m[i]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_payloads),
		cmocka_unit_test(test_forms_agree),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_depth_in_strings),
		cmocka_unit_test(test_form_errors),
		cmocka_unit_test(test_bad_tokens),
		cmocka_unit_test(test_bodies_with_a_token),
		cmocka_unit_test(test_rfc7519_times),
		cmocka_unit_test(test_shipmondo_names),
		cmocka_unit_test(test_generic_names),
		cmocka_unit_test(test_generic_bodies),
		cmocka_unit_test(test_generic_is_not_unwrapped),
		cmocka_unit_test(test_generic_empty),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_id_is_of_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
