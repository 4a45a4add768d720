/* SPDX-License-Identifier: MIT */
/*
 * test_message - lib/message/message: one call from its start to its end
 */
#include "calls.h"

#include "message/signature.h"
#include "message/verify.h"

static void
test_init(void **state)
{
	struct message m;

	(void)state;
	memset(&m, 0x5a, sizeof(m));
	message_init(&m, 1000);
	assert_string_equal(m.server, "");
	assert_string_equal(m.method, "");
	assert_string_equal(m.passed_by, "");
	assert_int_equal(m.header_count, 0);
	assert_int_equal(m.data_kind, DATA_ABSENT);
	assert_int_equal(m.body.max, 1000);
	assert_null(m.body.at);
	assert_null(m.key_used);
	buf_append_text(&m.body, "x");
	message_free(&m);
	message_free(&m);
}

/* RFC 9110 5.1: names of headers have no case. */
static void
test_header(void **state)
{
	static const struct {
		const char *name, *want;
	} rows[] = {
		{ "SMD-User", "warehouse" },
		{ "smd-user", "warehouse" },
		{ "SMD-USER", "warehouse" },
		{ "x-two", "2" },
		{ "SMD-Use", "" },
		{ "SMD-Users", "" },
		{ "SMD_User", "" },
		{ "", "" },
		{ NULL, "" },
	};
	struct message m;
	size_t i;

	(void)state;
	start_call(&m, "generic");
	add_header(&m, "SMD-User", span_of("warehouse"));
	add_header(&m, "X-Two", span_of("2"));
	for (i = 0; i < COUNT(rows); i++)
		assert_same(rows[i].name ? rows[i].name : "NULL",
		    message_header(&m, rows[i].name), span_of(rows[i].want));
	message_free(&m);
	assert_int_equal(message_header(&m, "SMD-User").len, 0);
}

/* All headers of a call are of one spelling, that of its signature. */
static void
test_header_in_two_spellings(void **state)
{
	/* The names of the headers there are; whose id it is */
	static const struct {
		const char *names[4], *want;
	} rows[] = {
		{ { "webhook-id", "webhook-signature" }, "webhook-id" },
		{ { "svix-id", "svix-signature" }, "svix-id" },
		{ { "SVIX-ID", "Svix-Signature" }, "SVIX-ID" },
		{ { "svix-id", "svix-signature", "webhook-id" }, "svix-id" },
		{ { "svix-id", "svix-signature", "webhook-id",
		      "webhook-signature" },
		    "webhook-id" },
		{ { "svix-id", "svix-signature", "webhook-signature" }, "" },
		{ { "webhook-id", "svix-signature" }, "" },
		{ { "webhook-id", "svix-id" }, "webhook-id" },
		{ { "svix-id" }, "" },
		{ { "svixid", "svix-signature" }, "" },
	};
	struct message m;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		start_call(&m, "standard-webhooks");
		for (j = 0; j < 4 && rows[i].names[j]; j++)
			add_header(
			    &m, rows[i].names[j], span_of(rows[i].names[j]));
		add_header(&m, "X-Other", span_of("other"));
		m.variant = signature_variant(&m);
		assert_same("id", message_header(&m, "webhook-id"),
		    span_of(rows[i].want));
		assert_same(
		    "other", message_header(&m, "X-Other"), span_of("other"));
		message_free(&m);
	}
}

/* Every layer fits where the body did: no ceiling but that of the body. */
static void
test_ceilings_fit(void **state)
{
	struct keyring keys = call_keys();
	struct buf text = BUF_INIT(ROOM), inner = BUF_INIT(ROOM);
	struct buf payload = BUF_INIT(ROOM), body = BUF_INIT(ROOM);
	struct buf want = BUF_INIT(ROOM);
	struct error err = ERROR_INIT;
	struct message m;
	size_t len;

	(void)state;
	for (len = 0; len < 1200; len += len < 40 ? 1 : 97) {
		buf_reset(&text);
		buf_reset(&inner);
		buf_reset(&payload);
		buf_reset(&body);
		buf_reset(&want);
		buf_append_text(&text, "{\"x\":\"");
		append_times(&text, "x", len);
		buf_append_text(&text, "\"}");
		buf_append_text(&inner, "{\"data\":");
		json_append_string(&inner, buf_span(&text));
		buf_append_byte(&inner, '}');
		json_append_string(&payload, buf_span(&inner));
		append_signed_body(&body, buf_span(&payload));
		buf_printf(&want, "{\"data\":%.*s}", (int)text.len, text.at);
		message_init(&m, body.len);
		m.sender = sender_find("shipmondo");
		buf_append_span(&m.body, buf_span(&body));
		if (message_verify(&m, &keys, &err) < 0)
			fail_msg("body of %zu bytes: %s", body.len, err.text);
		assert_same("data", m.data, buf_span(&want));
		message_free(&m);
	}
	buf_free(&text);
	buf_free(&inner);
	buf_free(&payload);
	buf_free(&body);
	buf_free(&want);
}

/* The smallest ceilings there are */
static void
test_tiny_ceilings(void **state)
{
	struct keyring keys = call_keys();
	struct error err;
	struct message m;
	size_t max;

	(void)state;
	for (max = 0; max < 16; max++) {
		err = (struct error)ERROR_INIT;
		message_init(&m, max);
		m.sender = sender_find("generic");
		append_times(&m.body, "1", max);
		assert_false(m.body.failed);
		assert_int_equal(message_verify(&m, &keys, &err), 0);
		assert_int_equal(m.data.len, max);
		message_free(&m);
		message_init(&m, max);
		m.sender = sender_find("shipmondo");
		append_times(&m.body, "1", max);
		assert_int_equal(message_verify(&m, &keys, &err), -1);
		assert_int_equal(err.code, ERROR_FORM);
		message_free(&m);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_header_in_two_spellings),
		cmocka_unit_test(test_ceilings_fit),
		cmocka_unit_test(test_tiny_ceilings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
