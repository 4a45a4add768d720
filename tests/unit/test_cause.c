/* SPDX-License-Identifier: MIT */
/*
 * test_cause - lib/message/cause: why a signature may not have matched
 *
 * HMAC() is defined here once more, which takes precedence: MACs are counted.
 */
#include "calls.h"

#include "message/cause.h"
#include "message/verify.h"

#define NOW    "1795280733"
#define BYTES  "0123456789abcdef0123456789abcdef" /* of a key */
#define PADDED "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define BARE   "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
#define HEX    "3031323334353637383961626364656630313233343536373839616263646566"
#define BODY   "{\"id\":\"evt_1\"}"

static unsigned macs;

unsigned char *
HMAC(const EVP_MD *md, const void *key, int key_len, const unsigned char *bytes,
    size_t len, unsigned char *mac, unsigned *mac_len)
{
	(void)md;
	macs++;
	mac_of((struct span){ key, (size_t)key_len },
	    (struct span){ (const char *)bytes, len }, mac);
	*mac_len = 32;
	return mac;
}

/* What the sender signed with, and what arrived */
struct call {
	const char *sender;
	const char *key;    /* as configured */
	const char *signer; /* the bytes that signed */
	const char *signed_body, *body;
	const char *signed_time, *time;
	const char *want; /* NULL: none */
};

static void
append_base64(struct buf *out, const unsigned char mac[32])
{
	char text[64];

	(void)EVP_EncodeBlock((unsigned char *)text, mac, 32);
	buf_append_text(out, text);
}

static void
append_hex(struct buf *out, const unsigned char mac[32])
{
	size_t i;

	for (i = 0; i < 32; i++)
		buf_printf(out, "%02x", mac[i]);
}

/* The headers of each sender, as its own pages say */
static void
sign(struct message *m, const struct call *c)
{
	struct buf text = BUF_INIT(ROOM), value = BUF_INIT(ROOM);
	unsigned char mac[32];

	if (strcmp(c->sender, "standard-webhooks") == 0)
		buf_printf(&text, "msg_1.%s.", c->signed_time);
	if (strcmp(c->sender, "stripe") == 0)
		buf_printf(&text, "%s.", c->signed_time);
	buf_append_text(&text, c->signed_body);
	mac_of(span_of(c->signer), buf_span(&text), mac);
	if (strcmp(c->sender, "github") == 0) {
		buf_append_text(&value, "sha256=");
		append_hex(&value, mac);
		add_header(m, "X-Hub-Signature-256", buf_span(&value));
	} else if (strcmp(c->sender, "shopify") == 0) {
		append_base64(&value, mac);
		add_header(m, "X-Shopify-Hmac-SHA256", buf_span(&value));
	} else if (strcmp(c->sender, "stripe") == 0) {
		buf_printf(&value, "t=%s,v1=", c->time);
		append_hex(&value, mac);
		buf_append_text(&value, ",v0=00");
		add_header(m, "Stripe-Signature", buf_span(&value));
	} else {
		buf_append_text(&value, "v1,");
		append_base64(&value, mac);
		add_header(m, "webhook-id", span_of("msg_1"));
		add_header(m, "webhook-timestamp", span_of(c->time));
		add_header(m, "webhook-signature", buf_span(&value));
	}
	buf_free(&text);
	buf_free(&value);
}

static void
make_call(struct message *m, const struct call *c)
{
	start_call(m, c->sender);
	if (strcmp(c->sender, "shipmondo") == 0) {
		buf_append_text(&m->body, "{\"data\":\"");
		append_token(&m->body, span_of("{\"alg\":\"HS256\"}"),
		    span_of(c->signed_body), span_of(c->signer));
		buf_append_text(&m->body, "\"}");
	} else {
		sign(m, c);
		buf_append_text(&m->body, c->body);
	}
}

static struct keyring
ring_of(const char *key)
{
	return (struct keyring){ { { "current", span_of(key) } }, 1 };
}

/* The call does not verify, and this is the likely cause. */
static void
assert_cause(
    const struct call *c, const struct keyring *keys, enum error_code code)
{
	struct error err = ERROR_INIT;
	struct message m;
	const char *got;

	make_call(&m, c);
	assert_int_equal(message_verify(&m, keys, &err), -1);
	if (err.code != code)
		fail_msg("%s, key %s: got %s (%s)", c->sender, c->key,
		    error_rule(err.code), err.text);
	got = cause_find(&m, keys, &err);
	if ((got == NULL) != (c->want == NULL) ||
	    (got && strcmp(got, c->want) != 0))
		fail_msg("%s, key [%s], signed by [%s], %s/%s: got %s, want %s",
		    c->sender, c->key, c->signer, c->signed_time, c->time,
		    got ? got : "none", c->want ? c->want : "none");
	/* Only a hint: it is as bad as before. */
	err = (struct error)ERROR_INIT;
	assert_int_equal(message_verify(&m, keys, &err), -1);
	message_free(&m);
}

/* Of a key that is a text, by every sender that has such */
static void
test_key_as_text(void **state)
{
	static const char *const names[] = { "shipmondo", "github", "shopify",
		"stripe" };
	static const struct {
		const char *key, *signer, *want;
	} rows[] = {
		{ BYTES "\n", BYTES, "key-white-space" },
		{ BYTES "\r\n", BYTES, "key-white-space" },
		{ " " BYTES, BYTES, "key-white-space" },
		{ "\t" BYTES " \n\n", BYTES, "key-white-space" },
		{ "\xef\xbb\xbf" BYTES, BYTES, "key-white-space" },
		{ "\"" BYTES "\"", BYTES, "key-quotes" },
		{ "'" BYTES "'\n", BYTES, "key-quotes" },
		{ PADDED, BYTES, "key-base64" },
		{ BARE, BYTES, "key-base64" },
		{ PADDED "\n", BYTES, "key-base64" },
		{ "\"" PADDED "\"", BYTES, "key-base64" },
		{ "whsec_" PADDED, BYTES, "key-base64" },
		{ "-_-_", "\xfb\xff\xbf", "key-base64" },
		{ "+/+/", "\xfb\xff\xbf", "key-base64" },
		{ HEX, BYTES, "key-hex" },
		{ HEX "\r\n", BYTES, "key-hex" },
		/* controls: another key, and another form */
		{ BYTES, "another key", NULL },
		{ BYTES "\n", "another key", NULL },
		{ PADDED, "another key", NULL },
		{ HEX, "another key", NULL },
		{ "\"\"", "another key", NULL },
		{ " ", "another key", NULL },
		{ "whsec_", "another key", NULL },
		{ BYTES, BYTES "\n", NULL },
		{ BYTES, PADDED, NULL },
		{ "'" BYTES "\"", BYTES, NULL },
	};
	struct keyring keys;
	struct call call;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		for (j = 0; j < COUNT(rows); j++) {
			call = (struct call){ names[i], rows[j].key,
				rows[j].signer, BODY, BODY, NOW, NOW,
				rows[j].want };
			keys = ring_of(rows[j].key);
			assert_cause(&call, &keys, ERROR_SIGNATURE);
		}
	}
}

static void
test_body_and_time(void **state)
{
	static const struct call rows[] = {
		/* the key is base64, and the sender takes its text */
		{ "standard-webhooks", "whsec_" PADDED, PADDED, BODY, BODY, NOW,
		    NOW, "key-text" },
		{ "standard-webhooks", "whsec_" PADDED, "another", BODY, BODY,
		    NOW, NOW, NULL },
		/* body */
		{ "github", BYTES, BYTES, BODY, BODY "\n", NOW, NOW,
		    "body-newline" },
		{ "github", BYTES, BYTES, BODY, BODY "\r\n", NOW, NOW,
		    "body-newline" },
		{ "github", BYTES, BYTES, BODY "\r", BODY "\r\n", NOW, NOW,
		    "body-newline" },
		{ "shopify", BYTES, BYTES, BODY "\n", BODY, NOW, NOW,
		    "body-newline" },
		{ "stripe", BYTES, BYTES, BODY, BODY "\n", NOW, NOW,
		    "body-newline" },
		{ "standard-webhooks", PADDED, BYTES, BODY, BODY "\n", NOW, NOW,
		    "body-newline" },
		{ "github", BYTES, BYTES, "", "\n", NOW, NOW, "body-newline" },
		{ "github", BYTES, BYTES, "\n", "", NOW, NOW, "body-newline" },
		{ "github", BYTES, BYTES, BODY, BODY "\n\n", NOW, NOW, NULL },
		{ "github", BYTES, "another", BODY, BODY "\n", NOW, NOW, NULL },
		/* time */
		{ "stripe", BYTES, BYTES, BODY, BODY, NOW "000", NOW,
		    "time-unit" },
		{ "standard-webhooks", PADDED, BYTES, BODY, BODY, NOW "000",
		    NOW, "time-unit" },
		{ "stripe", BYTES, BYTES, BODY, BODY, NOW "123", NOW, NULL },
		{ "stripe", BYTES, "another", BODY, BODY, NOW "000", NOW,
		    NULL },
	}, other_unit[] = {
		/* a time in another unit is not of the sender's form */
		{ "stripe", BYTES, BYTES, BODY, BODY, NOW, NOW "123",
		    "time-unit" },
		{ "standard-webhooks", PADDED, BYTES, BODY, BODY, NOW,
		    NOW "000", "time-unit" },
		{ "stripe", BYTES, BYTES, BODY, BODY, "x", "", NULL },
		{ "stripe", BYTES, BYTES, BODY, BODY, NOW "123", NOW "123",
		    "time-unit" },
		{ "standard-webhooks", PADDED, BYTES, BODY, BODY, NOW "123",
		    NOW "123", "time-unit" },
		{ "stripe", BYTES, BYTES, BODY, BODY, "1795290733000",
		    "1795290733000", NULL },
		{ "stripe", BYTES, BYTES, BODY, BODY, "1795280", "1795280",
		    NULL },
	}, ahead[] = {
		{ "stripe", BYTES, BYTES, BODY, BODY, "1795290733",
		    "1795290733", NULL },
	}, past[] = {
		{ "stripe", BYTES, BYTES, BODY, BODY, "1795180733",
		    "1795180733", NULL },
	};
	struct keyring keys;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		keys = ring_of(rows[i].key);
		assert_cause(&rows[i], &keys, ERROR_SIGNATURE);
	}
	for (i = 0; i < COUNT(other_unit); i++) {
		keys = ring_of(other_unit[i].key);
		assert_cause(&other_unit[i], &keys, ERROR_FORM);
	}
	for (i = 0; i < COUNT(ahead); i++) {
		keys = ring_of(ahead[i].key);
		assert_cause(&ahead[i], &keys, ERROR_NOT_YET_VALID);
	}
	for (i = 0; i < COUNT(past); i++) {
		keys = ring_of(past[i].key);
		assert_cause(&past[i], &keys, ERROR_EXPIRED);
	}
}

/* Any of the keys; the others stay as they are. */
static void
test_several_keys(void **state)
{
	const struct call call = { "github", "two", BYTES, BODY, BODY, NOW, NOW,
		"key-white-space" };
	struct keyring keys = { { { "current", LITERAL("the new key") },
				    { "previous", LITERAL(BYTES "\n") } },
		2 };

	(void)state;
	assert_cause(&call, &keys, ERROR_SIGNATURE);
}

static const char *
cause_of(const char *body, size_t times)
{
	struct keyring keys = ring_of(BYTES "\n");
	struct buf text = BUF_INIT(ROOM);
	struct error err = ERROR_INIT;
	struct message m;
	const char *got;
	struct call call;

	append_times(&text, body, times);
	buf_append_byte(&text, '\0');
	call = (struct call){ "github", BYTES "\n", BYTES, text.at, text.at,
		NOW, NOW, "" };
	make_call(&m, &call);
	assert_int_equal(message_verify(&m, &keys, &err), -1);
	got = cause_find(&m, &keys, &err);
	message_free(&m);
	buf_free(&text);
	return got;
}

static void
test_large_bodies(void **state)
{
	(void)state;
	assert_non_null(cause_of("12345678", CAUSE_BODY_MAX / 8));
	assert_null(cause_of("1", CAUSE_BODY_MAX + 1));
}

/* The sender cannot tell from the time what a key is, or what is found. */
static void
test_same_work(void **state)
{
	static const struct {
		const char *key, *signer;
	} rows[] = { { BYTES, "another" }, { BYTES "\n", BYTES },
		{ "\"" BYTES "\"", BYTES }, { PADDED, BYTES },
		{ PADDED, "another" }, { HEX, BYTES }, { HEX, "another" },
		{ "x", "another" } };
	static const char *const names[] = { "shipmondo", "github", "stripe" };
	struct error verdict = { ERROR_SIGNATURE, 0, "" };
	struct error err = ERROR_INIT;
	struct message m;
	struct keyring keys;
	struct call call;
	unsigned first;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		first = 0;
		for (j = 0; j < COUNT(rows); j++) {
			call = (struct call){ names[i], rows[j].key,
				rows[j].signer, BODY, BODY, NOW, NOW, "" };
			keys = ring_of(rows[j].key);
			make_call(&m, &call);
			assert_int_equal(message_verify(&m, &keys, &err), -1);
			macs = 0;
			(void)cause_find(&m, &keys, &verdict);
			message_free(&m);
			if (j == 0)
				first = macs;
			assert_int_equal(macs, first);
		}
		assert_true(first >= 4);
	}
}

/* Other verdicts have no such cause. */
static void
test_other_verdicts(void **state)
{
	static const enum error_code codes[] = { ERROR_NONE, ERROR_MEMORY,
		ERROR_CONFIGURATION, ERROR_FORM, ERROR_TOKEN_FORM,
		ERROR_ALGORITHM, ERROR_CRITICAL, ERROR_EXPIRED,
		ERROR_NOT_YET_VALID };
	const struct call call = { "github", BYTES "\n", BYTES, BODY, BODY, NOW,
		NOW, "" };
	struct keyring keys = ring_of(BYTES "\n");
	struct message m;
	size_t i;

	(void)state;
	make_call(&m, &call);
	for (i = 0; i < COUNT(codes); i++) {
		struct error verdict = { codes[i], 0, "" };

		assert_false(cause_is_sought(&m, &verdict));
		assert_null(cause_find(&m, &keys, &verdict));
	}
	message_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_as_text),
		cmocka_unit_test(test_body_and_time),
		cmocka_unit_test(test_several_keys),
		cmocka_unit_test(test_large_bodies),
		cmocka_unit_test(test_same_work),
		cmocka_unit_test(test_other_verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
