/* SPDX-License-Identifier: MIT */
/*
 * test_reference - lib/reference: the number by which people know a message
 */
#include "support.h"

#include <sys/mman.h>

#include "message/event.h"
#include "message/reference.h"
#include "base/utf8.h"

#define ORDER "\"buyerOrder\":{\"purchaseOrderNumber\":\"PO7\"}"
#define NUL   "\\u0000"

static const struct {
	const char *sender, *data, *want;
} cases[] = {
	{ "shipmondo",
	    "{\"data\":{\"id\":9,\"order_id\":\"2042\",\"reference\":\"R\"}}",
	    "2042" },
	{ "shipmondo", "{\"data\":{\"id\":9,\"order_id\":2042}}", "2042" },
	{ "shipmondo", "{\"data\":{\"order_id\":null,\"reference\":\"R 1\"}}",
	    "R 1" },
	{ "shipmondo", "{\"data\":{\"order_id\":\"  \",\"reference\":\"R\"}}",
	    "R" },
	{ "shipmondo", "{\"data\":{\"order_id\":{},\"pkg_no\":\"P1\"}}", "P1" },
	{ "shipmondo",
	    "{\"data\":{\"shipment_id\":5,\"carrier_track_id\":\"T\"}}", "T" },
	{ "shipmondo", "{\"data\":[{\"order_id\":1}]}", "" },
	{ "shipmondo", "[]", "" },
	{ "tradecloud", "{\"orderEvent\":{\"orderId\":\"u\"," ORDER "}}",
	    "PO7" },
	{ "tradecloud", "{\"singleDeliveryOrderEvent\":{" ORDER "}}", "PO7" },
	{ "tradecloud", "{\"simpleOrderEvent\":{" ORDER "}}", "PO7" },
	{ "tradecloud",
	    "{\"orderDocumentsEvent\":{\"purchaseOrderNumber\":\"PO7\"}}",
	    "PO7" },
	{ "tradecloud",
	    "{\"shipment\":{\"id\":\"u\","
	    "\"supplierShipment\":{\"shipmentNumber\":\"S1\"}}}",
	    "S1" },
	{ "tradecloud", "{" ORDER "}", "PO7" },
	{ "nshift", "{\"orderNo\":\"123\"}", "123" },
	{ "nshift", "{\"order\":{\"orderNumber\":\"123\"}}", "123" },
	{ "github", "{\"issue\":{\"number\":17}}", "17" },
	{ "shopify", "{\"id\":820,\"name\":\"#1001\"}", "#1001" },
	{ "stripe", "{\"data\":{\"object\":{\"number\":\"INV-1\"}}}", "INV-1" },
	{ "standard-webhooks", "{\"data\":{\"number\":3}}", "3" },
	{ "generic", "{\"reference\":\"a\"}", "a" },
	/* What could steer a terminal is made visible. */
	{ "generic", "{\"reference\":\"\\u001b[31m" NUL "\\n\\u009b1\\u007f\"}",
	    "\xe2\x90\x9b[31m\xe2\x90\x80\xe2\x90\x8a\xef\xbf\xbd"
	    "1\xe2\x90\xa1" },
	/* A lone surrogate is no text. */
	{ "generic", "{\"reference\":\"\\ud800\",\"number\":4}", "4" },
};

static void
append(const char *sender, struct span text, struct buf *out)
{
	struct json_members members;
	struct json_value value;

	assert_true(json_scan_members(text, &value, &members));
	reference_append(sender_find(sender), &members, out);
	assert_false(out->failed);
}

static void
test_each_sender(void **state)
{
	struct buf got = BUF_INIT(4096);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&got);
		append(cases[i].sender, span_of(cases[i].data), &got);
		assert_same(
		    cases[i].data, buf_span(&got), span_of(cases[i].want));
	}
	buf_free(&got);
}

/* Cut at a character, whatever the length and the place of the cut. */
static void
test_long(void **state)
{
	static const size_t sizes[] = { 255, 256, 257, 300, 200000 };
	struct buf text = BUF_INIT(1 << 20), got = BUF_INIT(4096);
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		buf_reset(&text);
		buf_reset(&got);
		buf_append_text(&text, "{\"reference\":\"x");
		for (j = 1; j + 1 < sizes[i]; j += 2)
			buf_append_text(&text, "\xc3\xb8");
		buf_append_text(&text, "\"}");
		append("generic", buf_span(&text), &got);
		assert_true(got.len <= REFERENCE_MAX);
		assert_true(
		    got.len >= (j < REFERENCE_MAX ? j : REFERENCE_MAX - 1));
		assert_true(utf8_valid(buf_span(&got)));
	}
	buf_free(&text);
	buf_free(&got);
}

/* An event from before there was such a member: the data has it. */
static void
test_old_event(void **state)
{
	static const struct {
		const char *text, *want;
	} files[] = {
		{ "{\"sender\":\"shipmondo\",\"type\":\"t\",\"data\":"
		  "{\"data\":{\"order_id\":\"2042\"}}}",
		    "2042" },
		{ "{\"sender\":\"shipmondo\",\"reference\":\"R\",\"data\":"
		  "{\"data\":{\"order_id\":\"2042\"}}}",
		    "R" },
		{ "{\"sender\":\"new\",\"data\":{\"reference\":\"1\"}}", "" },
		{ "{\"sender\":\"shipmondo\",\"reason\":\"expired\",\"data\":"
		  "{\"data\":{\"order_id\":\"2042\"}}}",
		    "" },
		{ "{\"sender\":\"shipmondo\",\"data\":\"2042\"}", "" },
		{ "{\"data\":{\"reference\":\"1\"}}", "1" },
	};
	struct error err = ERROR_INIT;
	struct event event;
	size_t i, len;
	int fd;

	(void)state;
	event_init(&event);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		len = strlen(files[i].text);
		fd = memfd_create("event", MFD_CLOEXEC);
		assert_int_equal(write(fd, files[i].text, len), (ssize_t)len);
		assert_int_equal(event_peek(&event, fd, &err), 0);
		event_find_reference(&event, fd);
		assert_same(files[i].text, event_get(&event, EVENT_REFERENCE),
		    span_of(files[i].want));
		assert_int_equal(close(fd), 0);
	}
	event_free(&event);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_sender),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_old_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
