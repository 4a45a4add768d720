/* SPDX-License-Identifier: MIT */
/*
 * test_header - lib/message/header, lib/message/header_list and
 * lib/message/head: what is kept of a call's headers, and what becomes of
 * secrets
 */
#include "calls.h"

#include "message/head.h"
#include "message/header.h"
#include "message/header_list.h"
#include "base/hmac.h"

static void
test_secrecy(void **state)
{
	static const struct {
		const char *name;
		enum header_secrecy want;
	} rows[] = {
		{ "Authorization", HEADER_WITHHELD },
		{ "AUTHORIZATION", HEADER_WITHHELD },
		{ "Proxy-Authorization", HEADER_WITHHELD },
		{ "PROXY_AUTHORIZATION", HEADER_WITHHELD },
		{ "cookie", HEADER_WITHHELD },
		{ "X-Gitlab-Token", HEADER_SECRET },
		{ "X_GITLAB_TOKEN", HEADER_SECRET },
		{ "Token", HEADER_SECRET },
		{ "X-Telegram-Bot-Api-Secret-Token", HEADER_SECRET },
		{ "X-Shared-Secret", HEADER_SECRET },
		{ "X-Api-Key", HEADER_SECRET },
		{ "api_key", HEADER_SECRET },
		{ "apikey", HEADER_SECRET },
		{ "X-Auth-Key", HEADER_SECRET },
		{ "X-Password", HEADER_SECRET },
		{ "X-Forwarded-Authorization", HEADER_SECRET },
		{ "X-Original-Cookie", HEADER_SECRET },
		{ "Cf-Access-Jwt-Assertion", HEADER_SECRET },
		{ "X-Hub-Signature-256", HEADER_OPEN },
		{ "X-Shopify-Hmac-SHA256", HEADER_OPEN },
		{ "Stripe-Signature", HEADER_OPEN },
		{ "webhook-signature", HEADER_OPEN },
		/* No secret, but nothing is verified by it either */
		{ "Idempotency-Key", HEADER_SECRET },
		{ "aeg-sas-key", HEADER_SECRET },
		{ "Ocp-Apim-Subscription-Key", HEADER_SECRET },
		{ "X-Api-Secret-Key", HEADER_SECRET },
		{ "X-AccessToken", HEADER_SECRET },
		{ "X-Keys", HEADER_OPEN },
		{ "X-Tokens", HEADER_OPEN },
		{ "X-Token-Id", HEADER_OPEN },
		{ "Mytoken", HEADER_OPEN },
		{ "Authorization2", HEADER_OPEN },
		{ "", HEADER_OPEN },
		{ "-", HEADER_OPEN },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		if (header_secrecy(span_of(rows[i].name)) != rows[i].want)
			fail_msg("%s: got %d", rows[i].name,
			    header_secrecy(span_of(rows[i].name)));
}

/* No sender's own header is unfit to be verified again. */
static void
test_senders(void **state)
{
	static const char *const names[] = { "shipmondo", "tradecloud",
		"nshift", "standard-webhooks", "github", "shopify", "stripe",
		"generic" };
	struct header_list list;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		header_list_start(&list, sender_find(names[i]));
		assert_true(
		    header_list_has(&list, span_of("content_encoding")));
		for (j = 0; j < list.count; j++)
			assert_int_equal(header_secrecy(span_of(list.names[j])),
			    HEADER_OPEN);
	}
}

static void
test_lists(void **state)
{
	static const struct {
		const char *text, *wrong; /* NULL: it is taken */
		size_t count;
	} rows[] = {
		{ "X-One X-Two", NULL, 3 },
		{ " \tX-One\t ", NULL, 2 },
		{ "X-One x_one Content-Encoding", NULL, 2 },
		{ "X-One XOne", "XOne", 0 },
		{ "Id", "Id", 0 },
		{ "X:One", "names of headers", 0 },
		{ "a1 a2 a3 a4 a5 a6 a7 a8 a9 b1 b2 b3 b4 b5 b6 b7 b8 b9 c1 c2 "
		  "c3 c4 c5 c6 c7 c8 c9 d1 d2 d3 d4 d5",
		    NULL, 33 },
		{ "a1 a2 a3 a4 a5 a6 a7 a8 a9 b1 b2 b3 b4 b5 b6 b7 b8 b9 c1 c2 "
		  "c3 c4 c5 c6 c7 c8 c9 d1 d2 d3 d4 d5 d6",
		    "d6", 0 },
	};
	struct header_list list;
	struct error err;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		err = (struct error)ERROR_INIT;
		header_list_start(&list, sender_find("generic"));
		assert_int_equal(header_list_add_kept(
				     &list, rows[i].text, "HOOKDIR_X", &err),
		    rows[i].wrong ? -1 : 0);
		if (!rows[i].wrong)
			assert_int_equal(list.count, rows[i].count);
		else if (!strstr(err.text, rows[i].wrong) ||
		    err.code != ERROR_CONFIGURATION ||
		    strncmp(err.text, "HOOKDIR_X: ", 11) != 0)
			fail_msg("%s: got %s", rows[i].text, err.text);
	}
}

static void
assert_next(struct span *rest, const char *name, const char *value)
{
	struct span got_name, got_value;

	assert_true(head_read_header(rest, &got_name, &got_value));
	assert_same("name", got_name, span_of(name));
	assert_same("value", got_value, span_of(value));
}

static void
test_head(void **state)
{
	struct error err = ERROR_INIT;
	char salt[HEAD_SALT_SIZE], other[HEAD_SALT_SIZE];
	struct buf text = BUF_INIT(ROOM), want = BUF_INIT(ROOM);
	struct span rest, line;
	char digest[SHA256_HEX_SIZE];
	struct message m;

	(void)state;
	start_call(&m, "generic");
	m.path = span_of("/a b\xff\x01");
	m.query = span_of("c?d");
	m.content_type = span_of("text/x");
	assert_int_equal(head_make_salt(salt, &err), 0);
	assert_int_equal(head_make_salt(other, &err), 0);
	assert_int_equal(strlen(salt), 32);
	assert_string_not_equal(salt, other);
	head_start(&text, &m);
	assert_int_equal(head_add(&text, salt, span_of("X_ONE"), "a\tb\xf8: c ",
			     HEADER_OPEN, &err),
	    0);
	assert_int_equal(head_add(&text, salt, span_of("X_LINE"),
			     "a\r\nx-forged: b", HEADER_OPEN, &err),
	    0);
	assert_int_equal(head_add(&text, salt, span_of("X_TOKEN"), "canary",
			     HEADER_SECRET, &err),
	    0);
	assert_int_equal(head_add(&text, salt, span_of("COOKIE"), "canary",
			     HEADER_WITHHELD, &err),
	    0);
	assert_int_equal(
	    head_add(&text, salt, span_of("EMPTY"), "", HEADER_OPEN, &err), 0);
	assert_null(memmem(text.at, text.len, "canary", 6));
	rest = buf_span(&text);
	assert_true(head_read_request(&rest, &line));
	assert_same("line", line, span_of("POST /a b\xff\x01?c?d"));
	assert_next(&rest, "content-type", "text/x");
	assert_next(&rest, "x-one", "a\tb\xf8: c ");
	assert_next(&rest, "x-line", "a  x-forged: b");
	/* printf '%s:%s' SALT VALUE | sha256sum */
	buf_printf(&want, "%s:canary", salt);
	assert_int_equal(sha256_hex(buf_span(&want), digest, &err), 0);
	buf_reset(&want);
	buf_printf(&want, "sha256:%s:%s", salt, digest);
	buf_append_byte(&want, '\0');
	assert_next(&rest, "x-token", want.at);
	assert_next(&rest, "empty", "");
	assert_int_equal(rest.len, 0);
	buf_free(&text);
	buf_free(&want);
	message_free(&m);
}

static void
test_broken_heads(void **state)
{
	static const char *const rows[] = { "", "POST", "\n", "POST /\nx",
		"POST /\nx:", "POST /\nx:y", "POST /\n:\n" };
	struct span rest, a, b;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		rest = span_of(rows[i]);
		if (head_read_request(&rest, &a) && rest.len &&
		    head_read_header(&rest, &a, &b))
			fail_msg("%s: taken", rows[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrecy),
		cmocka_unit_test(test_senders),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_broken_heads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
