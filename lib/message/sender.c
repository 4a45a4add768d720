/* SPDX-License-Identifier: MIT */
/*
 * sender - the table of senders
 */
#include "message/sender.h"

#include <stddef.h>
#include <string.h>

static const struct sender senders[] = {
	{
	    .name = "shipmondo",
	    .methods = "POST",
	    .scheme = SCHEME_JWT,
	    .type_prefix = "com.shipmondo.",
	    .type_headers = { "SMD-Resource-Type", "SMD-Action" },
	    .type_path = "action",
	    .type_first = "connection_test",
	    .type_fallback = "event",
	    /* The second in messages of the Shipment Monitor. */
	    .subject_paths = { "data.id", "data.shipment_id" },
	    .subject_header = "SMD-Resource-Id",
	    /* Orders; shipments and drafts; messages of the monitor. */
	    .reference_paths = { "data.order_id", "data.reference",
		"data.pkg_no", "data.carrier_track_id", "data.shipment_id" },
	    .changed_paths = { "data.updated_at",
		"data.current_status_registered_at" },
	    .whole = true,
	    .headers = { "SMD-Resource-Type", "SMD-Resource-Id",
		"SMD-Webhook-Id", "SMD-Action", "SMD-User" },
	    .test = { .body = "{\"action\":\"connection_test\"}" },
	    .sample = { { "SMD-Resource-Type: Orders", "SMD-Action: create",
			    "SMD-Resource-Id: 119175" },
		"{\"webhook\":\"Test\",\"data\":{\"id\":119175,"
		"\"order_id\":\"test %i\",\"updated_at\":\"%t\"}}" },
	},
	{
	    .name = "tradecloud",
	    .methods = "GET, POST",
	    .scheme = SCHEME_NONE,
	    .notice = { "GET",
		{ { "shipment", "shipmentId", "shipment.notified" },
		    { "order", "orderId", "order.notified" } } },
	    .type_prefix = "com.tradecloud1.",
	    .type_path = "eventName",
	    .type_fallback = "event",
	    /* Their documents disagree on which of these it is. */
	    .id_paths = { "meta.messageId", "orderEvent.meta.messageId",
		"singleDeliveryOrderEvent.meta.messageId",
		"simpleOrderEvent.meta.messageId",
		"orderDocumentsEvent.meta.messageId",
		"shipment.meta.messageId" },
	    /* An order has its number as "id" only where it is polled. */
	    .subject_paths = { "orderEvent.orderId",
		"singleDeliveryOrderEvent.orderId", "simpleOrderEvent.orderId",
		"orderDocumentsEvent.orderId", "shipment.id", "orderEvent.id",
		"singleDeliveryOrderEvent.id", "simpleOrderEvent.id",
		"orderDocumentsEvent.id", "orderId", "shipmentId" },
	    /* The last ones are those of what hookdir fetch has fetched. */
	    .reference_paths = { "orderEvent.buyerOrder.purchaseOrderNumber",
		"singleDeliveryOrderEvent.buyerOrder.purchaseOrderNumber",
		"simpleOrderEvent.buyerOrder.purchaseOrderNumber",
		"orderDocumentsEvent.purchaseOrderNumber",
		"orderDocumentsEvent.buyerOrder.purchaseOrderNumber",
		"shipment.supplierShipment.shipmentNumber",
		"buyerOrder.purchaseOrderNumber",
		"supplierShipment.shipmentNumber", "purchaseOrderNumber" },
	    .changed_paths = { "orderEvent.lastUpdatedAt",
		"singleDeliveryOrderEvent.lastUpdatedAt",
		"simpleOrderEvent.lastUpdatedAt",
		"orderDocumentsEvent.lastUpdatedAt",
		"shipment.meta.lastUpdatedAt", "shipment.lastUpdatedAt",
		"lastUpdatedAt" },
	    /* An event holds only the lines or documents it is about. */
	    .kinds = { { "orderEvent", "order", false },
		{ "singleDeliveryOrderEvent", "order", false },
		{ "simpleOrderEvent", "order", false },
		{ "orderDocumentsEvent", "documents", false },
		{ "shipment", "shipment", true },
		/* Notices, and what hookdir fetch made of them */
		{ "order.", "whole order", true },
		{ "shipment.", "shipment", true } },
	    .sample = { { NULL },
		"{\"eventName\":\"OrderLinesAcceptedBySupplier\","
		"\"meta\":{\"messageId\":\"%i\"},\"orderEvent\":"
		"{\"orderId\":\"test\",\"lastUpdatedAt\":\"%t\"}}" },
	},
	{
	    .name = "nshift",
	    .methods = "POST",
	    .scheme = SCHEME_NONE,
	    .type_prefix = "com.nshift.",
	    .type_fallback = "event",
	    .needs_event = true,
	    /* Of related products: no form of this one is published. */
	    .reference_paths = { "orderNo", "OrderNo", "orderNumber",
		"order.orderNo", "order.orderNumber", "reference", "ShpNo" },
	    .whole = true,
	    .sample = { { NULL }, "{\"orderNo\":\"test %i\"}" },
	},
	{
	    .name = "standard-webhooks",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .spellings = { "webhook-", "svix-" },
	    .signature = { .header = "webhook-signature",
		.separator = ' ',
		.prefix = "v1,",
		.encoding = ENCODING_BASE64,
		.pattern = "%i.%t.%b",
		.id_header = "webhook-id",
		.time_header = "webhook-timestamp",
		.tolerance = 300,
		.key_is_base64 = true },
	    .type_prefix = "",
	    .type_path = "type",
	    .type_fallback = "webhook.received",
	    .id_header = "webhook-id",
	    .reference_paths = { "data.reference", "data.order_number",
		"data.orderNumber", "data.number" },
	    .whole = true,
	    .headers = { "webhook-id", "webhook-timestamp", "webhook-signature",
		"svix-id", "svix-timestamp", "svix-signature" },
	    .sample = { { NULL },
		"{\"type\":\"hookdir.test\",\"timestamp\":\"%t\",\"data\":{}"
		"}" },
	},
	{
	    .name = "github",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { .header = "X-Hub-Signature-256",
		.prefix = "sha256=",
		.encoding = ENCODING_HEX,
		.pattern = "%b" },
	    .type_prefix = "com.github.",
	    .type_headers = { "X-GitHub-Event" },
	    .type_fallback = "event",
	    .id_header = "X-GitHub-Delivery",
	    .reference_paths = { "issue.number", "pull_request.number",
		"release.tag_name" },
	    .whole = true,
	    .headers = { "X-GitHub-Event", "X-GitHub-Delivery",
		"X-Hub-Signature-256" },
	    .test = { { "X-GitHub-Event: ping" },
		"{\"zen\":\"Keep it logically awesome.\",\"hook_id\":1}" },
	    .sample = { { "X-GitHub-Event: push" },
		"{\"ref\":\"refs/heads/test\",\"commits\":[]}" },
	},
	{
	    .name = "shopify",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .spellings = { "X-Shopify-", "Shopify-" },
	    .signature = { .header = "X-Shopify-Hmac-SHA256",
		.prefix = "",
		.encoding = ENCODING_BASE64,
		.pattern = "%b" },
	    .type_prefix = "com.shopify.",
	    .type_headers = { "X-Shopify-Topic" },
	    .type_fallback = "event",
	    .id_header = "X-Shopify-Webhook-Id",
	    .subject_paths = { "id" },
	    /* "#1001" of an order, "#1001.1" of its fulfillment */
	    .reference_paths = { "name", "order_number" },
	    .changed_paths = { "updated_at" },
	    .kind_end = '-', /* orders-create, from orders/create */
	    .whole = true,
	    .headers = { "X-Shopify-Topic", "X-Shopify-Webhook-Id",
		"X-Shopify-Event-Id", "X-Shopify-Shop-Domain",
		"X-Shopify-Hmac-SHA256", "Shopify-Topic", "Shopify-Webhook-Id",
		"Shopify-Event-Id", "Shopify-Shop-Domain",
		"Shopify-Hmac-SHA256" },
	    .sample = { { "X-Shopify-Topic: orders/create",
			    "X-Shopify-Event-Id: %i",
			    "X-Shopify-Shop-Domain: test.myshopify.com",
			    "X-Shopify-Test: true" },
		"{\"id\":820982911946154508,\"test\":true,"
		"\"updated_at\":\"%t\"}" },
	},
	{
	    .name = "stripe",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { .header = "Stripe-Signature",
		.separator = ',',
		.prefix = "v1=",
		.encoding = ENCODING_HEX,
		.pattern = "%t.%b",
		.time_prefix = "t=",
		.tolerance = 300 },
	    .type_prefix = "com.stripe.",
	    .type_path = "type",
	    .type_fallback = "event",
	    .id_paths = { "id" },
	    .subject_paths = { "data.object.id" },
	    .reference_paths = { "data.object.metadata.order_id",
		"data.object.number" },
	    .changed_paths = { "created" },
	    .whole = true,
	    .headers = { "Stripe-Signature" },
	    .sample = { { NULL },
		"{\"id\":\"evt_%i\",\"object\":\"event\",\"livemode\":false,"
		"\"type\":\"payment_intent.succeeded\",\"data\":{\"object\":"
		"{\"id\":\"pi_test\"}}}" },
	},
	{
	    .name = "generic",
	    .methods = "POST",
	    .scheme = SCHEME_NONE,
	    .type_prefix = "",
	    .type_fallback = "webhook.received",
	    .reference_paths = { "reference", "order_number", "orderNumber",
		"order_id", "orderId", "number" },
	    .changed_paths = { "updated_at", "lastUpdatedAt" },
	    .whole = true,
	    .sample = { { NULL }, "{\"test\":\"%i\",\"updated_at\":\"%t\"}" },
	},
};

const struct sender *
sender_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(senders) / sizeof(senders[0]); i++)
		if (strcmp(senders[i].name, name) == 0)
			return &senders[i];
	return NULL;
}
