/* SPDX-License-Identifier: MIT */
/*
 * sender - the table of senders
 */
#include "message/sender.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

/* https://www.standardwebhooks.com, under the names of two kinds of headers */
#define STANDARD_WEBHOOKS(spelling, encoding)                                  \
	{                                                                      \
		{                                                              \
			[SCHEME_HEADER] = spelling "signature",                \
			[SCHEME_PREFIX] = "v1,", [SCHEME_SEPARATOR] = "space", \
			[SCHEME_SIGNED] = "%{" spelling "id}.%t.%b",           \
			[SCHEME_TIME] = spelling "timestamp",                  \
			[SCHEME_KEY_ENCODING] = encoding                       \
		}                                                              \
	}

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
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .spellings = { "webhook-", "svix-" },
	    .signature = { STANDARD_WEBHOOKS("webhook-", "base64"),
		STANDARD_WEBHOOKS("svix-", "base64") },
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
	    .signature = { { { [SCHEME_HEADER] = "X-Hub-Signature-256",
		[SCHEME_PREFIX] = "sha256=" } } },
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
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .spellings = { "X-Shopify-", "Shopify-" },
	    .signature = { { { [SCHEME_HEADER] = "X-Shopify-Hmac-SHA256" } },
		{ { [SCHEME_HEADER] = "Shopify-Hmac-SHA256" } } },
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
	    .signature = { { { [SCHEME_HEADER] = "Stripe-Signature",
		[SCHEME_PREFIX] = "v1=",
		[SCHEME_SEPARATOR] = "comma",
		[SCHEME_SIGNED] = "%t.%b",
		[SCHEME_TIME] = "t=" } } },
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
	{
	    .name = "svix",
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { STANDARD_WEBHOOKS("svix-", "base64") },
	    .type_prefix = "",
	    .type_path = "type",
	    .type_fallback = "webhook.received",
	    .id_header = "svix-id",
	    .headers = { "svix-id", "svix-timestamp", "svix-signature" },
	    .known = KNOWN_BY_SENDER,
	},
	{
	    .name = "polar",
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { STANDARD_WEBHOOKS("webhook-", "text") },
	    .type_prefix = "",
	    .type_path = "type",
	    .type_fallback = "webhook.received",
	    .id_header = "webhook-id",
	    .headers = { "webhook-id", "webhook-timestamp",
		"webhook-signature" },
	    .known = KNOWN_BY_SENDER,
	},
	{
	    .name = "woocommerce",
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "X-WC-Webhook-Signature" } } },
	    .type_prefix = "com.woocommerce.",
	    .type_headers = { "X-WC-Webhook-Topic" },
	    .type_fallback = "event",
	    .subject_paths = { "id" },
	    .whole = true,
	    .headers = { "X-WC-Webhook-Topic", "X-WC-Webhook-Signature" },
	    .known = KNOWN_BY_OTHERS,
	},
	{
	    .name = "shopware",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] =
				   "shopware-shop-signature "
				   "shopware-shop-signature-previous" } } },
	    .type_prefix = "com.shopware.",
	    .type_path = "data.event",
	    .type_fallback = "event",
	    .id_paths = { "source.eventId" },
	    .headers = { "shopware-shop-signature",
		"shopware-shop-signature-previous" },
	    .known = KNOWN_BY_SENDER,
	},
	{
	    .name = "quickpay",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] =
				   "QuickPay-Checksum-Sha256" } } },
	    .type_prefix = "net.quickpay.",
	    .type_headers = { "QuickPay-Resource-Type" },
	    .type_fallback = "event",
	    .subject_paths = { "order_id" },
	    .whole = true,
	    .headers = { "QuickPay-Resource-Type", "QuickPay-Checksum-Sha256" },
	    .known = KNOWN_BY_TEXT,
	},
	{
	    .name = "mollie",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "X-Mollie-Signature",
		[SCHEME_PREFIX] = "sha256=",
		[SCHEME_SEPARATOR] = "comma" } } },
	    .type_prefix = "com.mollie.",
	    .type_path = "type",
	    .type_fallback = "event",
	    .id_paths = { "id" },
	    .subject_paths = { "entityId" },
	    .headers = { "X-Mollie-Signature" },
	    .known = KNOWN_BY_SENDER,
	},
	{
	    .name = "sendcloud",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "Sendcloud-Signature" } } },
	    .type_prefix = "com.sendcloud.",
	    .type_path = "action",
	    .type_fallback = "event",
	    .subject_paths = { "parcel.id" },
	    .headers = { "Sendcloud-Signature" },
	    .known = KNOWN_BY_TEXT,
	},
	{
	    .name = "webshipper",
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] =
				   "X-Webshipper-Hmac-SHA256" } } },
	    .type_prefix = "com.webshipper.",
	    .type_headers = { "X-Webshipper-Topic" },
	    .type_fallback = "event",
	    .subject_paths = { "data.id" },
	    .whole = true,
	    .headers = { "X-Webshipper-Topic", "X-Webshipper-Hmac-SHA256" },
	    .known = KNOWN_BY_TEXT,
	},
	{
	    .name = "dintero",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "event-signature",
		[SCHEME_ALGORITHM] = "sha1" } } },
	    .type_prefix = "com.dintero.",
	    .type_path = "event",
	    .type_fallback = "event",
	    .subject_paths = { "id" },
	    .headers = { "event-signature" },
	    .known = KNOWN_BY_TEXT,
	},
	{
	    .name = "adyen-platforms",
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "HmacSignature",
		[SCHEME_KEY_ENCODING] = "hex" } } },
	    .type_prefix = "com.adyen.",
	    .type_path = "type",
	    .type_fallback = "event",
	    .subject_paths = { "data.id" },
	    .headers = { "HmacSignature" },
	    .known = KNOWN_BY_SENDER,
	},
	{
	    .name = "square",
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] =
				   "x-square-hmacsha256-signature",
		[SCHEME_SIGNED] = "%u%b" } } },
	    .type_prefix = "com.squareup.",
	    .type_path = "type",
	    .type_fallback = "event",
	    .id_paths = { "event_id" },
	    .subject_paths = { "data.id" },
	    .headers = { "x-square-hmacsha256-signature" },
	    .known = KNOWN_BY_SENDER,
	},
	{
	    .name = "hubspot",
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "X-HubSpot-Signature-v3",
		[SCHEME_SIGNED] = "%m%u%b%t",
		[SCHEME_TIME] = "X-HubSpot-Request-Timestamp",
		[SCHEME_TIME_FORMAT] = "ms" } } },
	    .type_prefix = "com.hubspot.",
	    .type_fallback = "event",
	    .headers = { "X-HubSpot-Signature-v3",
		"X-HubSpot-Request-Timestamp" },
	    .known = KNOWN_BY_SENDER,
	},
	{
	    .name = "zendesk",
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "X-Zendesk-Webhook-Signature",
		[SCHEME_SIGNED] = "%t%b",
		[SCHEME_TIME] = "X-Zendesk-Webhook-Signature-Timestamp",
		[SCHEME_TIME_FORMAT] = "rfc3339" } } },
	    .type_prefix = "com.zendesk.",
	    .type_path = "type",
	    .type_fallback = "event",
	    .id_header = "X-Zendesk-Webhook-Invocation-Id",
	    .subject_paths = { "detail.id" },
	    .headers = { "X-Zendesk-Webhook-Invocation-Id",
		"X-Zendesk-Webhook-Signature",
		"X-Zendesk-Webhook-Signature-Timestamp" },
	    .known = KNOWN_BY_OTHERS,
	},
	{
	    .name = "slack",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "X-Slack-Signature",
		[SCHEME_PREFIX] = "v0=",
		[SCHEME_SIGNED] = "v0:%t:%b",
		[SCHEME_TIME] = "X-Slack-Request-Timestamp" } } },
	    .type_prefix = "com.slack.",
	    .type_path = "event.type",
	    .type_fallback = "event",
	    .id_paths = { "event_id" },
	    .headers = { "X-Slack-Signature", "X-Slack-Request-Timestamp" },
	    .known = KNOWN_BY_SENDER,
	},
	{
	    .name = "meta",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "X-Hub-Signature-256",
		[SCHEME_PREFIX] = "sha256=" } } },
	    .type_prefix = "com.meta.",
	    .type_path = "object",
	    .type_fallback = "event",
	    .headers = { "X-Hub-Signature-256" },
	    .known = KNOWN_BY_SENDER,
	},
	{
	    .name = "xero",
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "x-xero-signature" } } },
	    .type_prefix = "com.xero.",
	    .type_fallback = "event",
	    .headers = { "x-xero-signature" },
	    .known = KNOWN_BY_OTHERS,
	},
	{
	    .name = "gitea",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "X-Hub-Signature-256",
		[SCHEME_PREFIX] = "sha256=" } } },
	    .type_prefix = "io.gitea.",
	    .type_headers = { "X-GitHub-Event" },
	    .type_fallback = "event",
	    .id_header = "X-GitHub-Delivery",
	    .headers = { "X-GitHub-Delivery", "X-GitHub-Event",
		"X-Hub-Signature-256" },
	    .known = KNOWN_BY_SENDER,
	},
	{
	    .name = "bitbucket",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "X-Hub-Signature",
		[SCHEME_PREFIX] = "sha256=" } } },
	    .type_prefix = "org.bitbucket.",
	    .type_headers = { "X-Event-Key" },
	    .type_fallback = "event",
	    .id_header = "X-Request-UUID",
	    .headers = { "X-Request-UUID", "X-Event-Key", "X-Hub-Signature" },
	    .known = KNOWN_BY_OTHERS,
	},
	{
	    .name = "intercom",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "X-Hub-Signature",
		[SCHEME_PREFIX] = "sha1=",
		[SCHEME_ALGORITHM] = "sha1" } } },
	    .type_prefix = "com.intercom.",
	    .type_path = "topic",
	    .type_fallback = "event",
	    .id_paths = { "id" },
	    .subject_paths = { "data.item.id" },
	    .headers = { "X-Hub-Signature" },
	    .known = KNOWN_BY_OTHERS,
	},
	{
	    .name = "docusign",
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "X-DocuSign-Signature-1 "
						 "X-DocuSign-Signature-2 "
						 "X-DocuSign-Signature-3" } } },
	    .type_prefix = "com.docusign.",
	    .type_path = "event",
	    .type_fallback = "event",
	    .subject_paths = { "data.envelopeId" },
	    .headers = { "X-DocuSign-Signature-1", "X-DocuSign-Signature-2",
		"X-DocuSign-Signature-3" },
	    .known = KNOWN_BY_OTHERS,
	},
	{
	    .name = "dropbox",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "X-Dropbox-Signature" } } },
	    .type_prefix = "com.dropbox.",
	    .type_fallback = "event",
	    .headers = { "X-Dropbox-Signature" },
	    .known = KNOWN_BY_OTHERS,
	},
	{
	    .name = "typeform",
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "Typeform-Signature",
		[SCHEME_PREFIX] = "sha256=" } } },
	    .type_prefix = "com.typeform.",
	    .type_path = "event_type",
	    .type_fallback = "event",
	    .id_paths = { "event_id" },
	    .subject_paths = { "form_response.form_id" },
	    .headers = { "Typeform-Signature" },
	    .known = KNOWN_BY_OTHERS,
	},
	{
	    .name = "calendly",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "Calendly-Webhook-Signature",
		[SCHEME_PREFIX] = "v1=",
		[SCHEME_SEPARATOR] = "comma",
		[SCHEME_SIGNED] = "%t.%b",
		[SCHEME_TIME] = "t=" } } },
	    .type_prefix = "com.calendly.",
	    .type_path = "event",
	    .type_fallback = "event",
	    .subject_paths = { "payload.uri" },
	    .headers = { "Calendly-Webhook-Signature" },
	    .known = KNOWN_BY_OTHERS,
	},
	{
	    .name = "checkout-com",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "Cko-Signature" } } },
	    .type_prefix = "com.checkout.",
	    .type_path = "type",
	    .type_fallback = "event",
	    .id_paths = { "id" },
	    .subject_paths = { "data.id" },
	    .headers = { "Cko-Signature" },
	    .known = KNOWN_BY_OTHERS,
	},
	{
	    .name = "paddle",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "Paddle-Signature",
		[SCHEME_PREFIX] = "h1=",
		[SCHEME_SEPARATOR] = "semicolon",
		[SCHEME_SIGNED] = "%t:%b",
		[SCHEME_TIME] = "ts=" } } },
	    .type_prefix = "com.paddle.",
	    .type_path = "event_type",
	    .type_fallback = "event",
	    .id_paths = { "event_id" },
	    .subject_paths = { "data.id" },
	    .headers = { "Paddle-Signature" },
	    .known = KNOWN_BY_SENDER,
	},
	{
	    .name = "revolut",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "Revolut-Signature",
		[SCHEME_PREFIX] = "v1=",
		[SCHEME_SEPARATOR] = "comma",
		[SCHEME_SIGNED] = "v1.%t.%b",
		[SCHEME_TIME] = "Revolut-Request-Timestamp",
		[SCHEME_TIME_FORMAT] = "ms" } } },
	    .type_prefix = "com.revolut.",
	    .type_path = "event",
	    .type_fallback = "event",
	    .subject_paths = { "order_id" },
	    .headers = { "Revolut-Signature", "Revolut-Request-Timestamp" },
	    .known = KNOWN_BY_TEXT,
	},
	{
	    .name = "trello",
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "X-Trello-Webhook",
		[SCHEME_ALGORITHM] = "sha1",
		[SCHEME_SIGNED] = "%b%u" } } },
	    .type_prefix = "com.trello.",
	    .type_path = "action.type",
	    .type_fallback = "event",
	    .id_paths = { "action.id" },
	    .subject_paths = { "model.id" },
	    .headers = { "X-Trello-Webhook" },
	    .known = KNOWN_BY_OTHERS,
	},
	{
	    .name = "aftership",
	    .base64 = true,
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "aftership-hmac-sha256" } } },
	    .type_prefix = "com.aftership.",
	    .type_path = "event",
	    .type_fallback = "event",
	    .id_paths = { "event_id" },
	    .subject_paths = { "msg.id" },
	    .headers = { "aftership-hmac-sha256" },
	    .known = KNOWN_BY_OTHERS,
	},
};

#define SENDER_COUNT (sizeof(senders) / sizeof(senders[0]))

const struct sender *
sender_find(const char *name)
{
	size_t i;

	for (i = 0; i < SENDER_COUNT; i++)
		if (strcmp(senders[i].name, name) == 0)
			return &senders[i];
	return NULL;
}

const struct sender *
sender_at(size_t index)
{
	return index < SENDER_COUNT ? &senders[index] : NULL;
}

/* The items of a row, with those of the site in place of them. */
static struct scheme_text
with_site(const struct scheme_text *row, const struct scheme_text *site)
{
	struct scheme_text text = *row;
	size_t i;

	for (i = 0; i < SCHEME_ITEMS; i++)
		if (site->item[i])
			text.item[i] = site->item[i];
	return text;
}

int
sender_schemes_with(const struct sender *sender, const struct scheme_text *site,
    struct scheme_set *schemes, struct error *err)
{
	struct scheme_text text;
	size_t i;

	schemes->count = 0;
	for (i = 0; i < SCHEME_SET_MAX; i++) {
		text = with_site(&sender->signature[i], site);
		/* Of a row with one variant the site's is no second one. */
		if (!text.item[SCHEME_HEADER] ||
		    (i > 0 && !sender->signature[i].item[SCHEME_HEADER]))
			break;
		if (scheme_read(&schemes->of[i], &text, err) < 0)
			return -1;
		schemes->count++;
	}
	return 0;
}

/* Of the rows, read once. A test reads each of them: none is wrong. */
static struct scheme_set own[SENDER_COUNT];
static pthread_once_t own_once = PTHREAD_ONCE_INIT;

static void
read_own(void)
{
	static const struct scheme_text nothing;
	struct error err = ERROR_INIT;
	size_t i;

	for (i = 0; i < SENDER_COUNT; i++)
		(void)sender_schemes_with(&senders[i], &nothing, &own[i], &err);
}

const struct scheme_set *
sender_schemes(const struct sender *sender)
{
	(void)pthread_once(&own_once, read_own);
	return &own[sender - senders];
}
