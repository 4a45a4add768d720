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
	    .form = "Settings, API, Webhooks: name, resource, action, "
		    "the endpoint's URL and a key, which is free text: "
		    "openssl rand -hex 32. Each webhook can have a key "
		    "of its own.",
	    .answers = "200 within 3 seconds. Nothing is repeated.",
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
	    .form = "The URL, and a user name and password, a bearer "
		    "token, or OAuth 2.0 client credentials.",
	    .answers = "2xx. Repeated without end after a status above 500, "
		       "never after 4xx or 500.",
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
	    .form = "Name, URL, event and order channels. There is no "
		    "key: a part of the URL is the secret, and its last "
		    "part names the event.",
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
	    .form = "The URL. The key is what the sender shows: whsec_ "
		    "and base64. A sender whose key is plain text is "
		    "polar.",
	    .answers = "2xx. Most repeat for some days.",
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
	    .form = "Payload URL, content type application/json, and a "
		    "secret of your own.",
	    .answers = "2xx within 10 seconds. Nothing is repeated.",
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
	    .form = "URL and format JSON. The key is shown below the "
		    "list of webhooks, or is the client secret of the "
		    "app.",
	    .answers = "2xx within 5 seconds. Repeated for some hours.",
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
	    .form = "URL and events. The key is the signing secret of "
		    "the endpoint, with whsec_.",
	    .answers = "2xx. Repeated for up to 3 days.",
	},
	{
	    .name = "generic",
	    .methods = "POST",
	    .generic = true,
	    .scheme = SCHEME_NONE,
	    .type_prefix = "",
	    .type_fallback = "webhook.received",
	    .reference_paths = { "reference", "order_number", "orderNumber",
		"order_id", "orderId", "number" },
	    .changed_paths = { "updated_at", "lastUpdatedAt" },
	    .whole = true,
	    .sample = { { NULL }, "{\"test\":\"%i\",\"updated_at\":\"%t\"}" },
	    .form = "The URL. How the sender signs is for the endpoint "
		    "to say: see A SENDER WITHOUT A ROW in "
		    "hookdir-senders(7). One that does not sign shows a "
		    "password or a token.",
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
	    .reference_paths = { "data.reference", "data.order_number",
		"data.orderNumber", "data.number" },
	    .sample = { { NULL },
		"{\"type\":\"hookdir.test\",\"timestamp\":\"%t\",\"data\":{}"
		"}" },
	    .form = "The URL. The key is the signing secret of the "
		    "endpoint: whsec_ and base64.",
	    .answers = "2xx within 15 seconds. Repeated for about a day.",
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
	    .reference_paths = { "data.reference", "data.order_number",
		"data.orderNumber", "data.number" },
	    .sample = { { NULL },
		"{\"type\":\"hookdir.test\",\"timestamp\":\"%t\",\"data\":{}"
		"}" },
	    .form = "The URL. The key is the secret as it is shown, "
		    "which is text and not base64. For other senders "
		    "that sign so, too.",
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
	    .challenge = "woocommerce",
	    .known = KNOWN_BY_OTHERS,
	    .reference_paths = { "number" },
	    .changed_paths = { "date_modified_gmt" },
	    .sample = { { "X-WC-Webhook-Topic: order.updated" },
		"{\"id\":2042,\"number\":\"test "
		"%i\",\"date_modified_gmt\":\"%t\"}" },
	    .form = "WooCommerce, Settings, Advanced, Webhooks: name, "
		    "status active, topic, delivery URL, and a secret of "
		    "your own.",
	    .answers = "2xx, 301 or 302. Nothing is repeated, and after 5 "
		       "failures the webhook is switched off.",
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
	    .changed_paths = { "timestamp" },
	    .sample = { { NULL },
		""
		"{\"data\":{\"event\":\"checkout.order.placed\",\"payload\":[]}"
		",\"source\":{\"eventId\":\"%i\",\"url\":\"https://"
		"shop.example\"}}" },
	    .form = "The webhooks of the app's manifest: name, URL and "
		    "event. The key is the secret of the shop, which it "
		    "gave to the app at its registration.",
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
	    .reference_paths = { "order_id" },
	    .changed_paths = { "updated_at" },
	    .sample = { { "QuickPay-Resource-Type: Payment" },
		"{\"id\":1,\"order_id\":\"test %i\",\"updated_at\":\"%t\"}" },
	    .form = "Settings, Integration: the callback URL. The key is "
		    "the private key of the account.",
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
	    .sample = { { NULL },
		""
		"{\"resource\":\"event\",\"id\":\"event_%i\",\"type\":"
		"\"payment-link.paid\",\"entityId\":\"pl_test\",\"createdAt\":"
		"\"%t\"}" },
	    .form = "Developers, Webhooks: name, URL and event types. "
		    "The key is the signing secret that is shown once.",
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
	    .reference_paths = { "parcel.order_number" },
	    .changed_paths = { "timestamp" },
	    .sample = { { NULL },
		""
		"{\"action\":\"parcel_status_changed\",\"timestamp\":"
		"1796083200000,\"parcel\":{\"id\":1,\"order_number\":\"test "
		"%i\"}}" },
	    .form = "Settings, Integrations, the integration: webhook "
		    "URL. The key is the secret key of the integration.",
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
	    .reference_paths = { "data.attributes.visible_ref" },
	    .changed_paths = { "data.attributes.updated_at" },
	    .sample = { { "X-Webshipper-Topic: order.created" },
		""
		"{\"data\":{\"id\":\"1\",\"type\":\"orders\",\"attributes\":{"
		"\"visible_ref\":\"test "
		"%i\"}}}" },
	    .form = "Settings, Webhooks: URL and topic. The key is the "
		    "secret that is shown there.",
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
	    .reference_paths = { "merchant_reference" },
	    .changed_paths = { "updated_at" },
	    .sample = { { NULL },
		""
		"{\"id\":\"P1\",\"event\":\"AUTHORIZATION\",\"merchant_"
		"reference\":\"test "
		"%i\"}" },
	    .form = "The hook: URL and events. The key is the secret of "
		    "the hook.",
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
	    .reference_paths = { "data.reference" },
	    .changed_paths = { "timestamp" },
	    .sample = { { NULL },
		""
		"{\"type\":\"balancePlatform.transfer.created\",\"timestamp\":"
		"\"%t\",\"data\":{\"id\":\"1\",\"reference\":\"test "
		"%i\"}}" },
	    .form = "Developers, Webhooks, of the balance platform: URL. "
		    "The key is the HMAC key that is made there, "
		    "hexadecimal digits.",
	    .answers = "2xx within 10 seconds. Repeated for up to 30 days.",
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
	    .changed_paths = { "created_at" },
	    .sample = { { NULL },
		""
		"{\"type\":\"order.updated\",\"event_id\":\"%i\",\"created_"
		"at\":\"%t\",\"data\":{\"type\":\"order\",\"id\":\"1\"}}" },
	    .form = "Webhooks, Subscriptions: notification URL and "
		    "events. The key is the signature key; HOOKDIR_URL "
		    "is the notification URL as it is typed in.",
	    .answers = "2xx. Repeated for up to 24 hours.",
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
	    .sample = { { NULL },
		""
		"[{\"eventId\":1,\"subscriptionType\":\"contact.creation\","
		"\"objectId\":\"%i\"}]" },
	    .form = "The app, Webhooks: target URL. The key is the "
		    "client secret of the app; HOOKDIR_URL is the target "
		    "URL as it is typed in.",
	    .answers = "2xx within 5 seconds. Repeated up to 10 times in 24 "
		       "hours.",
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
	    .changed_paths = { "detail.updated_at", "time" },
	    .sample = { { NULL },
		""
		"{\"type\":\"zen:event-type:ticket.created\",\"id\":\"%i\","
		"\"time\":\"%t\",\"detail\":{\"id\":\"1\"}}" },
	    .form = "Admin Center, Apps and integrations, Webhooks: name "
		    "and endpoint URL. The key is the signing secret, "
		    "shown when the webhook is there.",
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
	    .challenge = "slack",
	    .known = KNOWN_BY_SENDER,
	    .sample = { { NULL },
		""
		"{\"type\":\"event_callback\",\"event_id\":\"Ev%i\",\"event\":{"
		"\"type\":\"message\"}}" },
	    .form = "Event Subscriptions: request URL. The key is the "
		    "signing secret of the app. The URL is tried at "
		    "once, so the endpoint comes first.",
	    .answers = "2xx within 3 seconds. Repeated 3 times within the "
		       "hour.",
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
	    .challenge = "meta",
	    .known = KNOWN_BY_SENDER,
	    .sample = { { NULL },
		"{\"object\":\"page\",\"entry\":[{\"id\":\"%i\"}]}" },
	    .form = "Webhooks: callback URL, and a verify token of your "
		    "own, which is HOOKDIR_CHALLENGE_TOKEN. The key is "
		    "the app secret. For WhatsApp, Instagram and "
		    "Messenger, too.",
	    .answers = "200. Repeated for 36 hours.",
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
	    .refused_status = 401,
	    .empty_answers = true,
	    .known = KNOWN_BY_OTHERS,
	    .sample = { { NULL },
		""
		"{\"events\":[],\"firstEventSequence\":0,\"lastEventSequence\":"
		"0,\"entropy\":\"%i\"}" },
	    .form = "The app, Webhooks: delivery URL. The key is the "
		    "webhooks key.",
	    .answers = "200 without a body within 5 seconds, and 401 for "
		       "what does not verify. Repeated for 24 hours.",
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
	    .reference_paths = { "issue.number", "pull_request.number",
		"release.tag_name" },
	    .sample = { { "X-GitHub-Event: push" },
		"{\"ref\":\"refs/heads/test\",\"commits\":[]}" },
	    .form = "Settings, Webhooks: target URL, content type "
		    "application/json, and a secret of your own. For "
		    "Forgejo, too.",
	},
	{
	    .name = "gitlab",
	    .methods = "POST",
	    .scheme = SCHEME_TOKEN,
	    .signature = { { { [SCHEME_HEADER] = "X-Gitlab-Token" } } },
	    .type_prefix = "com.gitlab.",
	    .type_headers = { "X-Gitlab-Event" },
	    .type_fallback = "event",
	    .id_header = "Idempotency-Key",
	    .reference_paths = { "object_attributes.iid" },
	    .changed_paths = { "object_attributes.updated_at" },
	    .headers = { "X-Gitlab-Event", "X-Gitlab-Event-UUID",
		"X-Gitlab-Webhook-UUID", "X-Gitlab-Instance",
		"Idempotency-Key" },
	    .sample = { { "X-Gitlab-Event: Push Hook" },
		"{\"object_kind\":\"push\",\"ref\":\"refs/heads/test\"}" },
	    .known = KNOWN_BY_TEXT,
	    .form = "Settings, Webhooks: URL, and a secret token of your "
		    "own. It comes in each call as it is, and signs "
		    "nothing. A signing token, whsec_ and base64, is "
		    "standard-webhooks.",
	    .answers = "2xx within 10 seconds. Nothing is repeated, and "
		       "after 4 failures the webhook is switched off for a "
		       "while.",
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
	    .reference_paths = { "pullrequest.id", "issue.id" },
	    .sample = { { "X-Event-Key: repo:push" },
		"{\"push\":{\"changes\":[]},\"repository\":{\"name\":\"test\"}"
		"}" },
	    .form = "Repository settings, Webhooks: title, URL, and a "
		    "secret of your own.",
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
	    .sample = { { NULL },
		""
		"{\"type\":\"notification_event\",\"id\":\"notif_%i\","
		"\"topic\":\"conversation.user.created\",\"data\":{\"item\":{"
		"\"id\":\"1\"}}}" },
	    .form = "The app, Webhooks: endpoint URL and topics. The key "
		    "is the client secret of the app.",
	    .answers = "2xx within 5 seconds. Repeated once, after a minute.",
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
	    .changed_paths = { "generatedDateTime" },
	    .sample = { { NULL },
		""
		"{\"event\":\"envelope-completed\",\"data\":{\"envelopeId\":\"%"
		"i\"}}" },
	    .form = "Connect: URL to publish, message format JSON, "
		    "include HMAC signature. The keys are those of the "
		    "account; two and more sign together.",
	},
	{
	    .name = "dropbox",
	    .methods = "POST",
	    .scheme = SCHEME_HMAC,
	    .signature = { { { [SCHEME_HEADER] = "X-Dropbox-Signature" } } },
	    .type_prefix = "com.dropbox.",
	    .type_fallback = "event",
	    .headers = { "X-Dropbox-Signature" },
	    .challenge = "dropbox",
	    .known = KNOWN_BY_OTHERS,
	    .sample = { { NULL },
		"{\"list_folder\":{\"accounts\":[\"dbid:%i\"]}}" },
	    .form = "App Console, Webhooks: webhook URI. The key is the "
		    "app secret. The URI is tried at once, so the "
		    "endpoint comes first.",
	    .answers = "2xx within 10 seconds.",
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
	    .changed_paths = { "form_response.submitted_at" },
	    .sample = { { NULL },
		""
		"{\"event_id\":\"%i\",\"event_type\":\"form_response\",\"form_"
		"response\":{\"form_id\":\"test\"}}" },
	    .form = "Connect, Webhooks: endpoint URL, and a secret of "
		    "your own.",
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
	    .changed_paths = { "created_at" },
	    .sample = { { NULL },
		""
		"{\"event\":\"invitee.created\",\"created_at\":\"%t\","
		"\"payload\":{\"uri\":\"https://api.calendly.com/test/%i\"}}" },
	    .form = "A webhook subscription is made by the API: URL, "
		    "events, and a signing key of your own.",
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
	    .reference_paths = { "data.reference" },
	    .changed_paths = { "created_on" },
	    .sample = { { NULL },
		""
		"{\"id\":\"evt_%i\",\"type\":\"payment_approved\",\"created_"
		"on\":\"%t\",\"data\":{\"id\":\"pay_1\",\"reference\":\"test\"}"
		"}" },
	    .form = "Developers, Webhooks: endpoint URL. The key is the "
		    "signature key that is shown there.",
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
	    .reference_paths = { "data.invoice_number" },
	    .changed_paths = { "occurred_at" },
	    .sample = { { NULL },
		""
		"{\"event_id\":\"evt_%i\",\"event_type\":\"transaction."
		"completed\",\"occurred_at\":\"%t\",\"data\":{\"id\":\"txn_1\"}"
		"}" },
	    .form = "Developer tools, Notifications: URL and events. The "
		    "key is the secret key of the destination.",
	    .answers = "2xx within 5 seconds. Repeated 60 times within 3 "
		       "days.",
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
	    .reference_paths = { "merchant_order_ext_ref" },
	    .sample = { { NULL },
		""
		"{\"event\":\"ORDER_COMPLETED\",\"order_id\":\"%i\",\"merchant_"
		"order_ext_ref\":\"test\"}" },
	    .form = "Merchant API, webhooks: URL and events. The key is "
		    "the signing secret: wsk_ and more.",
	    .answers = "2xx. Repeated 3 times, each after 10 minutes.",
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
	    .challenge = "trello",
	    .known = KNOWN_BY_OTHERS,
	    .changed_paths = { "action.date" },
	    .sample = { { NULL },
		""
		"{\"action\":{\"id\":\"%i\",\"type\":\"updateCard\",\"date\":"
		"\"%t\"},\"model\":{\"id\":\"1\"}}" },
	    .form = "A webhook is made by the API: callback URL and "
		    "model. The key is the secret of the power-up; "
		    "HOOKDIR_URL is the callback URL. The URL is tried "
		    "at once, so the endpoint comes first.",
	    .answers = "200. Repeated 3 times within minutes.",
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
	    .reference_paths = { "msg.order_number", "msg.order_id",
		"msg.tracking_number" },
	    .changed_paths = { "msg.updated_at" },
	    .sample = { { NULL },
		""
		"{\"event\":\"tracking_update\",\"event_id\":\"%i\",\"msg\":{"
		"\"id\":\"1\",\"tracking_number\":\"test\"}}" },
	    .form = "Settings, Webhooks: URL and triggers. The key is "
		    "the webhook secret.",
	    .answers = "2xx. Repeated up to 14 times.",
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
