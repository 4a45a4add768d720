/* SPDX-License-Identifier: MIT */
/*
 * test_notice - lib/message/notice: what the address of a call without a body
 * says
 *
 * Tradecloud's notices: GET, with the id in the path or in the query.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "message/notice.h"
#include "message/verify.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define UUID	     "7c5bd1a2-3a4c-4f0e-9b1d-0f2a6c7e8d90"
#define NOW	     1795280733

/* A copy in a block of exactly its size */
static struct span
exact(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return (struct span){ copy, len };
}

static void
let_go(struct span bytes)
{
	free((void *)(uintptr_t)bytes.at);
}

static void
start_call(struct message *m, struct span path, struct span query)
{
	message_init(m, 1 << 20);
	m->sender = sender_find("tradecloud");
	assert_non_null(m->sender);
	m->method = "GET";
	m->passed_by = "basic";
	m->path = path;
	m->query = query;
	m->received = (struct timespec){ NOW, 123456789 };
}

static void
must_verify(struct message *m)
{
	const struct keyring none = { .count = 0 };
	struct error err = ERROR_INIT;

	if (message_verify(m, &none, &err) < 0)
		fail_msg("%.*s?%.*s: got %s", (int)m->path.len, m->path.at,
		    (int)m->query.len, m->query.at, err.text);
	assert_int_equal(err.code, ERROR_NONE);
}

static void
assert_address(const char *path_text, const char *query_text, const char *kind,
    const char *subject)
{
	struct span path = exact(path_text), query = exact(query_text);
	struct buf type = BUF_INIT(128);
	struct message m;

	start_call(&m, path, query);
	must_verify(&m);
	buf_printf(&type, "com.tradecloud1.%s", kind);
	if (!span_is(buf_span(&m.type), type.at) ||
	    !span_is(buf_span(&m.subject), subject))
		fail_msg("%s?%s: got %.*s \"%.*s\", want %s \"%s\"", path_text,
		    query_text, (int)m.type.len, m.type.at, (int)m.subject.len,
		    m.subject.len ? m.subject.at : "", kind, subject);
	assert_int_equal(m.id.len, 64);
	assert_int_equal(m.data_kind, DATA_ABSENT);
	assert_string_equal(m.verified_by, "basic");
	assert_null(m.key_used);
	message_free(&m);
	buf_free(&type);
	let_go(query);
	let_go(path);
}

static void
test_addresses(void **state)
{
	static const char order[] = "order.notified",
			  shipment[] = "shipment.notified", event[] = "event";
	const struct {
		const char *path, *query, *kind, *subject;
	} rows[] = {
		/* in the query */
		{ "/hook", "orderId=" UUID, order, UUID },
		{ "/hook", "shipmentId=" UUID, shipment, UUID },
		{ "/hook/", "orderId=1", order, "1" },
		{ "", "orderId=1", order, "1" },
		{ "/", "orderId=1", order, "1" },
		{ "/hook", "a=b&orderId=1", order, "1" },
		{ "/hook", "orderId=1&a=b", order, "1" },
		{ "/hook", "a&&b=&orderId=1&", order, "1" },
		{ "/hook", "orderId=a%2Fb%20c+d", order, "a/b c d" },
		{ "/hook", "orderId=n%C3%B8", order, "n\xc3\xb8" },
		{ "/hook", "orderId=a=b", order, "a=b" },
		{ "/hook", "orderId=1&orderId=2", order, "1" },
		/* both: the first */
		{ "/hook", "orderId=1&shipmentId=2", order, "1" },
		{ "/hook", "shipmentId=2&orderId=1", shipment, "2" },
		/* one without a value says nothing */
		{ "/hook", "orderId=&shipmentId=2", shipment, "2" },
		{ "/hook", "orderId&shipmentId=2", shipment, "2" },
		{ "/hook", "orderId=&orderId=2", order, "2" },
		{ "/hook", "orderId=", event, "" },
		{ "/hook", "orderId", event, "" },
		/* other names */
		{ "/hook", "", event, "" },
		{ "/hook", "id=1", event, "" },
		{ "/hook", "orderid=1", event, "" },
		{ "/hook", "OrderId=1", event, "" },
		{ "/hook", "orderIds=1", event, "" },
		{ "/hook", "xorderId=1", event, "" },
		{ "/hook", "order=1", event, "" },
		{ "/hook", "=1", event, "" },
		{ "/hook", "=&=&&", event, "" },
		/* at the end of the path */
		{ "/order/" UUID, "", order, UUID },
		{ "/orders/" UUID, "", order, UUID },
		{ "/shipment/" UUID, "", shipment, UUID },
		{ "/shipments/" UUID, "", shipment, UUID },
		{ "/hook/order/1", "", order, "1" },
		{ "/a/b/c/orders/1", "", order, "1" },
		{ "order/1", "", order, "1" },
		{ "/orders/eu/1", "", order, "1" },
		{ "/order/1/", "", order, "1" },
		{ "/shipments/" UUID "/", "", shipment, UUID },
		{ "//order//1", "", order, "1" },
		{ "/order/a%2Fb%20c", "", order, "a/b c" },
		{ "/order/n%c3%b8", "", order, "n\xc3\xb8" },
		{ "/order/%", "", order, "%" },
		{ "/order/1", "a=b", order, "1" },
		{ "/order/1", "orderId=", order, "1" },
		/* the word nearest to the id */
		{ "/orders/1/shipments/2", "", shipment, "2" },
		{ "/shipment/1/order/2", "", order, "2" },
		/* the query says more than the path */
		{ "/order/1", "orderId=2", order, "2" },
		{ "/order/1", "shipmentId=2", shipment, "2" },
		{ "/order", "orderId=2", order, "2" },
		/* no id, or no word */
		{ "", "", event, "" },
		{ "/", "", event, "" },
		{ "/order", "", event, "" },
		{ "/orders", "", event, "" },
		{ "/order/", "", event, "" },
		{ "/order//", "", event, "" },
		{ "/hook/1", "", event, "" },
		{ "/" UUID, "", event, "" },
		{ "/Order/1", "", event, "" },
		{ "/orderss/1", "", event, "" },
		{ "/ordera/1", "", event, "" },
		{ "/orde/1", "", event, "" },
		{ "/preorder/1", "", event, "" },
		{ "/1/order", "", event, "" },
		{ "/order-1", "", event, "" },
		{ "/order?1", "", event, "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_address(
		    rows[i].path, rows[i].query, rows[i].kind, rows[i].subject);
}

/* RFC 3986: + in a path is +; only in a form it is a space. */
static void
test_rfc3986_plus_in_a_path(void **state)
{
	(void)state;
	assert_address("/order/a+b", "", "order.notified", "a+b");
}

/* The id of the event a call at this time makes */
static void
id_of(const char *path, const char *query, time_t seconds, long nanoseconds,
    char id[SHA256_HEX_SIZE])
{
	struct message m;

	start_call(&m, span_of(path), span_of(query));
	m.received = (struct timespec){ seconds, nanoseconds };
	must_verify(&m);
	assert_int_equal(m.id.len, SHA256_HEX_SIZE - 1);
	memcpy(id, m.id.at, m.id.len);
	id[m.id.len] = '\0';
	message_free(&m);
}

/* Two notices of one order are two changes of it. */
static void
test_ids_differ_by_time_and_address(void **state)
{
	char first[SHA256_HEX_SIZE], again[SHA256_HEX_SIZE];

	(void)state;
	id_of("/order/1", "", NOW, 5, first);
	id_of("/order/1", "", NOW, 5, again);
	assert_string_equal(first, again);
	id_of("/order/1", "", NOW + 1, 5, again);
	assert_string_not_equal(first, again);
	id_of("/order/1", "", NOW, 6, again);
	assert_string_not_equal(first, again);
	id_of("/order/2", "", NOW, 5, again);
	assert_string_not_equal(first, again);
	id_of("/order/1", "a", NOW, 5, again);
	assert_string_not_equal(first, again);
	id_of("/order", "/1", NOW, 5, again);
	assert_string_not_equal(first, again);
}

/* Every row is asked, and most of them have no notices. */
static void
test_who_sends_notices(void **state)
{
	static const struct {
		const char *sender, *method;
		bool want;
	} rows[] = {
		{ "tradecloud", "GET", true },
		{ "tradecloud", "POST", false },
		{ "tradecloud", "get", false },
		{ "tradecloud", "HEAD", false },
		{ "tradecloud", "", false },
		{ "shipmondo", "GET", false },
		{ "nshift", "GET", false },
		{ "github", "GET", false },
		{ "shopify", "GET", false },
		{ "stripe", "GET", false },
		{ "standard-webhooks", "GET", false },
		{ "generic", "GET", false },
	};
	struct message m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		start_call(&m, span_of("/order/1"), span_of(""));
		m.sender = sender_find(rows[i].sender);
		assert_non_null(m.sender);
		m.method = rows[i].method;
		if (notice_is(&m) != rows[i].want)
			fail_msg("%s %s: want %d", rows[i].sender,
			    rows[i].method, rows[i].want);
		message_free(&m);
	}
}

/* A posted message says itself what it is, whatever its address. */
static void
test_posted_message_is_none(void **state)
{
	struct message m;

	(void)state;
	start_call(&m, span_of("/order/1"), span_of("orderId=1"));
	m.method = "POST";
	buf_append_text(&m.body,
	    "{\"eventName\":\"orderChanged\",\"orderEvent\":{\"id\":\"x\"}}");
	must_verify(&m);
	assert_true(span_is(buf_span(&m.type), "com.tradecloud1.orderChanged"));
	assert_true(span_is(buf_span(&m.subject), "x"));
	message_free(&m);
}

static void
test_long_address(void **state)
{
	struct buf path = BUF_INIT(2 << 20);
	struct message m;
	size_t i;

	(void)state;
	buf_append_text(&path, "/order/");
	for (i = 0; i < 65536; i++)
		buf_append_text(&path, "%41");
	start_call(&m, buf_span(&path), span_of(""));
	must_verify(&m);
	assert_int_equal(m.subject.len, 65536);
	for (i = 0; i < m.subject.len; i++)
		assert_int_equal(m.subject.at[i], 'A');
	message_free(&m);
	buf_free(&path);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_rfc3986_plus_in_a_path),
		cmocka_unit_test(test_ids_differ_by_time_and_address),
		cmocka_unit_test(test_who_sends_notices),
		cmocka_unit_test(test_posted_message_is_none),
		cmocka_unit_test(test_long_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
