/* SPDX-License-Identifier: MIT */
/*
 * test_signature - lib/message/signature: an HMAC in a header
 *
 * tests/data/signature/calls lists calls and what is said of them; a new
 * case is a new line there. Every flipped bit and every length is tried
 * here, on one good call of each sender.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/params.h>

#include "message/signature.h"
#include "message/verify.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ROOM	     (1 << 20)
#define NOW	     1795280733
#define UNTOUCHED    "untouched"

/* One good call: the header's value is before, and then the MAC. */
static const struct recipe {
	const char *sender, *header, *before;
	const char *signed_before; /* the body */
	bool hex;
	const char *id_header, *id, *time_header, *time;
} recipes[] = {
	{ "github", "X-Hub-Signature-256", "sha256=", "", true, NULL, NULL,
	    NULL, NULL },
	{ "shopify", "X-Shopify-Hmac-SHA256", "", "", false, NULL, NULL, NULL,
	    NULL },
	{ "stripe", "Stripe-Signature", "t=1795280733,v1=", "1795280733.", true,
	    NULL, NULL, NULL, NULL },
	{ "standard-webhooks", "webhook-signature", "v1,", "msg_1.1795280733.",
	    false, "webhook-id", "msg_1", "webhook-timestamp", "1795280733" },
};

/* Bytes of a key, and how that key stands in the parameters. */
#define KEY	   "a key of 24 bytes, or so"
#define KEY_BASE64 "whsec_YSBrZXkgb2YgMjQgYnl0ZXMsIG9yIHNv"
#define BODY	   "{\"id\":\"evt_1\",\"n\":1.10}"

static void
start_call(struct message *m, const char *sender)
{
	message_init(m, ROOM);
	m->sender = sender_find(sender);
	assert_non_null(m->sender);
	m->method = "POST";
	m->received = (struct timespec){ NOW, 999999999 };
}

static void
add_header(struct message *m, const char *name, struct span value)
{
	struct header *header = &m->headers[m->header_count++];

	assert_true(m->header_count <= MESSAGE_HEADERS_MAX);
	header->name = name;
	header->value = (struct buf)BUF_INIT(MESSAGE_TEXT_MAX);
	buf_append_span(&header->value, value);
}

static struct keyring
ring_of(struct span current, struct span previous)
{
	struct keyring ring = { .count = 0 };
	struct error err = ERROR_INIT;

	if (current.len)
		(void)keyring_add(&ring, "current", current, &err);
	if (previous.len)
		(void)keyring_add(&ring, "previous", previous, &err);
	return ring;
}

/* The name of the key, or of the rule that was broken. */
static const char *
verify(struct message *m, const struct keyring *ring)
{
	const char *used = UNTOUCHED;
	struct error err = ERROR_INIT;
	int rc;

	m->variant = signature_variant(m);
	rc = signature_verify(m, ring, &used, &err);
	if ((rc == 0) != (err.code == ERROR_NONE) ||
	    (rc == 0 || err.code == ERROR_EXPIRED ||
		err.code == ERROR_NOT_YET_VALID) !=
		(strcmp(used, UNTOUCHED) != 0))
		fail_msg(
		    "got %d with %s, key %s", rc, error_rule(err.code), used);
	if (rc < 0 && !err.text[0])
		fail_msg("%s: got no text", error_rule(err.code));
	return rc == 0 ? used : error_rule(err.code);
}

/* Cut the text up to a separator off; all of it when there is none. */
static struct span
cut(struct span *rest, char separator)
{
	const char *end =
	    rest->len ? memchr(rest->at, separator, rest->len) : NULL;
	struct span part = { rest->at,
		end ? (size_t)(end - rest->at) : rest->len };

	rest->at += part.len + (end != NULL);
	rest->len -= part.len + (end != NULL);
	return part;
}

static char *
text_of(struct span part)
{
	char *text = strndup(part.len ? part.at : "", part.len);

	assert_non_null(text);
	return text;
}

/* "Name: value|Name: value"; the names are to be freed. */
static size_t
add_headers(struct message *m, struct span list, char *names[8])
{
	struct span header;
	size_t count = 0;

	while (list.len) {
		assert_true(count < 8);
		header = cut(&list, '|');
		names[count] = text_of(cut(&header, ':'));
		assert_true(header.len > 0 && *header.at == ' ');
		header.at++;
		header.len--;
		/* One without a value is not kept: see lib/message/message.h.
		 */
		if (header.len)
			add_header(m, names[count], header);
		count++;
	}
	return count;
}

static void
run_line(unsigned number, struct span line)
{
	char *sender = text_of(cut(&line, '\t'));
	char *received = text_of(cut(&line, '\t'));
	struct span current = cut(&line, '\t'), previous = cut(&line, '\t');
	struct span headers = cut(&line, '\t'), body = cut(&line, '\t');
	char *names[8], *want = text_of(line);
	struct keyring ring = ring_of(current,
	    span_is(previous, "-") ? (struct span){ NULL, 0 } : previous);
	struct message m;
	const char *got;
	size_t count;

	start_call(&m, sender);
	m.received.tv_sec = (time_t)strtoll(received, NULL, 10);
	count = add_headers(&m, headers, names);
	buf_append_span(&m.body, body);
	got = verify(&m, &ring);
	if (strcmp(got, want) != 0)
		fail_msg("line %u, %s, %.*s: got %s, want %s", number, sender,
		    (int)headers.len, headers.at, got, want);
	message_free(&m);
	while (count > 0)
		free(names[--count]);
	free(want);
	free(received);
	free(sender);
}

static void
read_calls(struct buf *text)
{
	const char *root = getenv("TESTDATA");
	char path[1024];
	FILE *file;
	size_t got;
	char *room;

	(void)snprintf(path, sizeof(path), "%s/signature/calls",
	    root ? root : "tests/data");
	file = fopen(path, "rb");
	if (!file)
		fail_msg("cannot read %s", path);
	do {
		room = buf_room(text, 4096);
		assert_non_null(room);
		got = fread(room, 1, 4096, file);
		text->len += got;
	} while (got);
	(void)fclose(file);
}

static void
test_calls(void **state)
{
	struct buf text = BUF_INIT(ROOM);
	unsigned number = 0, cases = 0;
	struct span rest, line;

	(void)state;
	read_calls(&text);
	rest = buf_span(&text);
	while (rest.len) {
		line = cut(&rest, '\n');
		number++;
		if (!line.len || *line.at == '#')
			continue;
		run_line(number, line);
		cases++;
	}
	print_message("%u calls\n", cases);
	assert_true(cases >= 180);
	buf_free(&text);
}

/* By libcrypto's other interface. */
static void
mac_of(struct span key, struct span bytes, unsigned char mac[32])
{
	EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(algorithm);
	char digest[] = "SHA256";
	OSSL_PARAM params[2] = { OSSL_PARAM_construct_utf8_string(
				     "digest", digest, 0),
		OSSL_PARAM_construct_end() };
	size_t len = 0;

	assert_non_null(context);
	assert_int_equal(EVP_MAC_init(context, (const unsigned char *)key.at,
			     key.len, params),
	    1);
	assert_int_equal(
	    EVP_MAC_update(context, (const unsigned char *)bytes.at, bytes.len),
	    1);
	assert_int_equal(EVP_MAC_final(context, mac, &len, 32), 1);
	assert_int_equal(len, 32);
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(algorithm);
}

/* The MAC of a recipe's call under a key, as its sender writes it. */
static void
append_mac(const struct recipe *r, struct span key, struct buf *out)
{
	struct buf bytes = BUF_INIT(ROOM);
	unsigned char mac[32], text[64];
	size_t i;

	buf_append_text(&bytes, r->signed_before);
	buf_append_text(&bytes, BODY);
	mac_of(key, buf_span(&bytes), mac);
	if (r->hex) {
		for (i = 0; i < sizeof(mac); i++)
			buf_printf(out, "%02x", mac[i]);
	} else {
		i = (size_t)EVP_EncodeBlock(text, mac, sizeof(mac));
		buf_append(out, text, i);
	}
	buf_free(&bytes);
}

static struct span
key_of(const struct recipe *r)
{
	return span_of(r->id_header ? KEY_BASE64 : KEY);
}

/* A recipe's call, with this in its header. */
static void
make_call(struct message *m, const struct recipe *r, struct span value)
{
	start_call(m, r->sender);
	if (r->id_header) {
		add_header(m, r->id_header, span_of(r->id));
		add_header(m, r->time_header, span_of(r->time));
	}
	add_header(m, r->header, value);
	buf_append_text(&m->body, BODY);
}

static void
append_value(const struct recipe *r, struct buf *value)
{
	buf_append_text(value, r->before);
	append_mac(r, span_of(KEY), value);
}

/* A call with this in its header is verified with the recipe's key. */
static const char *
try_value(const struct recipe *r, struct span value)
{
	struct keyring ring = ring_of(key_of(r), (struct span){ NULL, 0 });
	struct message m;
	const char *got;

	make_call(&m, r, value);
	got = verify(&m, &ring);
	message_free(&m);
	return got;
}

static bool
is_verdict(const char *got)
{
	return strcmp(got, "signature-mismatch") == 0 ||
	    strcmp(got, "form-unknown") == 0;
}

static void
test_every_flipped_bit_of_the_header(void **state)
{
	struct buf value = BUF_INIT(1024);
	const struct recipe *r;
	const char *got;
	size_t i, bit;
	char was;

	(void)state;
	for (r = recipes; r < recipes + COUNT(recipes); r++) {
		buf_reset(&value);
		append_value(r, &value);
		assert_string_equal(try_value(r, buf_span(&value)), "current");
		for (i = 0; i < value.len; i++)
			for (bit = 0; bit < 8; bit++) {
				was = value.at[i];
				value.at[i] = (char)(was ^ 1 << bit);
				got = try_value(r, buf_span(&value));
				/* Hexadecimal digits have two cases. */
				if (r->hex && bit == 5 && isxdigit(was) &&
				    isalpha(was) && i >= strlen(r->before))
					assert_string_equal(got, "current");
				else if (!is_verdict(got))
					fail_msg("%s, byte %zu, bit %zu: %s",
					    r->sender, i, bit, got);
				value.at[i] = was;
			}
	}
	buf_free(&value);
}

static void
test_every_length_of_the_header(void **state)
{
	static const char more[] = "0aA=.-_/+\n\r\t\"'\\\0\x7f\xff";
	struct buf value = BUF_INIT(1024);
	const struct recipe *r;
	size_t i;

	(void)state;
	for (r = recipes; r < recipes + COUNT(recipes); r++) {
		buf_reset(&value);
		append_value(r, &value);
		/* Padding may be absent. */
		for (i = 0; i < value.len - (r->hex ? 0 : 1); i++)
			if (!is_verdict(
				try_value(r, (struct span){ value.at, i })))
				fail_msg("%s: %zu are enough", r->sender, i);
		for (i = 0; i < sizeof(more) - 1; i++) {
			/* RFC 9110 5.5: white space around is not its value */
			if (more[i] == '\t')
				continue;
			buf_append_byte(&value, more[i]);
			if (!is_verdict(try_value(r, buf_span(&value))))
				fail_msg("%s: one more, %02x, is fine",
				    r->sender, (unsigned char)more[i]);
			value.len--;
		}
	}
	buf_free(&value);
}

static void
test_every_flipped_bit_of_the_body(void **state)
{
	struct buf value = BUF_INIT(1024);
	const struct recipe *r;
	struct keyring ring;
	struct message m;
	size_t i;

	(void)state;
	for (r = recipes; r < recipes + COUNT(recipes); r++) {
		buf_reset(&value);
		append_value(r, &value);
		ring = ring_of(key_of(r), (struct span){ NULL, 0 });
		make_call(&m, r, buf_span(&value));
		for (i = 0; i < m.body.len * 8; i++) {
			m.body.at[i / 8] =
			    (char)(m.body.at[i / 8] ^ 1 << i % 8);
			assert_string_equal(
			    verify(&m, &ring), "signature-mismatch");
			m.body.at[i / 8] =
			    (char)(m.body.at[i / 8] ^ 1 << i % 8);
		}
		for (i = m.body.len; m.body.len > 0;) {
			m.body.len--;
			assert_string_equal(
			    verify(&m, &ring), "signature-mismatch");
		}
		m.body.len = i;
		assert_string_equal(verify(&m, &ring), "current");
		message_free(&m);
	}
	buf_free(&value);
}

/* As the parameters have it: base64 of the changed bytes, where need be. */
static void
test_every_flipped_bit_of_the_key(void **state)
{
	unsigned char key[] = KEY, text[64] = "whsec_";
	struct buf value = BUF_INIT(1024);
	const struct recipe *r;
	struct keyring ring;
	struct message m;
	struct span given;
	size_t i;

	(void)state;
	for (r = recipes; r < recipes + COUNT(recipes); r++) {
		buf_reset(&value);
		append_value(r, &value);
		make_call(&m, r, buf_span(&value));
		for (i = 0; i < (sizeof(key) - 1) * 8; i++) {
			key[i / 8] = (unsigned char)(key[i / 8] ^ 1 << i % 8);
			(void)EVP_EncodeBlock(text + 6, key, sizeof(key) - 1);
			given =
			    (struct span){ (const char *)key, sizeof(key) - 1 };
			if (r->id_header)
				given = span_of((const char *)text);
			ring = ring_of(given, (struct span){ NULL, 0 });
			assert_string_equal(
			    verify(&m, &ring), "signature-mismatch");
			key[i / 8] = (unsigned char)(key[i / 8] ^ 1 << i % 8);
		}
		message_free(&m);
	}
	buf_free(&value);
}

/* So many of another key's signatures, and then a good one. */
static const char *
try_after(const struct recipe *r, const char *item, char separator, int others)
{
	struct buf value = BUF_INIT(ROOM);
	const char *got;
	int i;

	if (separator == ',')
		buf_append_text(&value, "t=1795280733,");
	for (i = 0; i < others; i++) {
		buf_append_text(&value, item);
		append_mac(r, span_of("another key"), &value);
		buf_append_byte(&value, separator);
	}
	buf_append_text(&value, item);
	append_mac(r, span_of(KEY), &value);
	got = try_value(r, buf_span(&value));
	buf_free(&value);
	return got;
}

static void
test_sixteen_signatures_are_looked_at(void **state)
{
	(void)state;
	assert_string_equal(try_after(&recipes[2], "v1=", ',', 0), "current");
	assert_string_equal(try_after(&recipes[2], "v1=", ',', 15), "current");
	assert_string_equal(
	    try_after(&recipes[2], "v1=", ',', 16), "signature-mismatch");
	assert_string_equal(try_after(&recipes[3], "v1,", ' ', 0), "current");
	assert_string_equal(try_after(&recipes[3], "v1,", ' ', 15), "current");
	assert_string_equal(
	    try_after(&recipes[3], "v1,", ' ', 16), "signature-mismatch");
}

/* What is passed over does not count. */
static void
test_any_number_of_other_versions(void **state)
{
	struct buf value = BUF_INIT(ROOM);
	int i;

	(void)state;
	buf_append_text(&value, "t=1795280733,");
	for (i = 0; i < 1000; i++)
		buf_append_text(&value, "v0=00,");
	buf_append_text(&value, "v1=");
	append_mac(&recipes[2], span_of(KEY), &value);
	assert_string_equal(
	    try_value(&recipes[2], buf_span(&value)), "current");
	buf_free(&value);
}

/* One sender's good header in another sender's place */
static void
test_header_of_another_sender(void **state)
{
	struct buf value = BUF_INIT(1024);
	const struct recipe *from, *to;
	struct keyring ring;
	struct message m;

	(void)state;
	for (from = recipes; from < recipes + COUNT(recipes); from++)
		for (to = recipes; to < recipes + COUNT(recipes); to++) {
			if (from == to)
				continue;
			buf_reset(&value);
			append_value(from, &value);
			make_call(&m, from, buf_span(&value));
			m.sender = sender_find(to->sender);
			ring = ring_of(key_of(to), (struct span){ NULL, 0 });
			assert_string_equal(verify(&m, &ring), "form-unknown");
			message_free(&m);
			if (!is_verdict(try_value(to, buf_span(&value))))
				fail_msg("%s as %s", from->sender, to->sender);
		}
	buf_free(&value);
}

/* Nothing is accepted because there is no key. */
static void
test_no_keys(void **state)
{
	struct buf value = BUF_INIT(1024);
	const struct keyring none = { .count = 0 };
	const struct recipe *r;
	struct message m;

	(void)state;
	for (r = recipes; r < recipes + COUNT(recipes); r++) {
		buf_reset(&value);
		append_value(r, &value);
		make_call(&m, r, buf_span(&value));
		assert_true(strcmp(verify(&m, &none), UNTOUCHED) != 0);
		message_free(&m);
	}
	buf_free(&value);
}

/* The whole way, body and all */
static void
test_message_verify_says_hmac(void **state)
{
	struct span other = span_of("another key");
	struct buf value = BUF_INIT(1024);
	struct error err = ERROR_INIT;
	const struct recipe *r;
	struct keyring ring;
	struct message m;

	(void)state;
	for (r = recipes; r < recipes + COUNT(recipes); r++) {
		buf_reset(&value);
		append_value(r, &value);
		make_call(&m, r, buf_span(&value));
		if (r->id_header)
			other = span_of("YW5vdGhlciBrZXkh");
		ring = ring_of(other, key_of(r));
		if (message_verify(&m, &ring, &err) < 0)
			fail_msg("%s: got %s", r->sender, err.text);
		assert_string_equal(m.verified_by, "hmac");
		assert_string_equal(m.key_used, "previous");
		assert_int_equal(m.data_kind, DATA_JSON);
		assert_true(span_is(m.data, BODY));
		message_free(&m);
	}
	buf_free(&value);
}

/* The only signed header of the recipes is the id. */
static struct span
header_of_nothing(const void *call, struct span name)
{
	(void)call;
	assert_true(span_is(name, "webhook-id"));
	return span_of("msg_1");
}

/* What is made is what the recipe says, and holds with its key. */
static void
test_made_signatures(void **state)
{
	const struct signature_parts parts = { span_of(BODY),
		span_of("1795280733"), span_of("POST"), header_of_nothing,
		NULL };
	const struct recipe *r;
	struct buf want = BUF_INIT(ROOM), got = BUF_INIT(ROOM);
	struct error err = ERROR_INIT;
	const struct scheme *rule;
	struct key key = { "current", { NULL, 0 } };

	(void)state;
	for (r = recipes; r < recipes + COUNT(recipes); r++) {
		rule = &sender_schemes(sender_find(r->sender))->of[0];
		key.bytes = key_of(r);
		buf_reset(&want);
		buf_reset(&got);
		append_value(r, &want);
		if (signature_make(rule, !r->hex, &key, &parts, &got, &err) < 0)
			fail_msg("%s: got %s", r->sender, err.text);
		buf_append_byte(&want, '\0');
		buf_append_byte(&got, '\0');
		assert_string_equal(got.at, want.at);
	}
	key.bytes = span_of("whsec_?");
	rule = &sender_schemes(sender_find("standard-webhooks"))->of[0];
	assert_int_equal(
	    signature_make(rule, true, &key, &parts, &got, &err), -1);
	assert_string_equal(error_rule(err.code), "misconfigured");
	buf_free(&want);
	buf_free(&got);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_every_flipped_bit_of_the_header),
		cmocka_unit_test(test_every_length_of_the_header),
		cmocka_unit_test(test_every_flipped_bit_of_the_body),
		cmocka_unit_test(test_every_flipped_bit_of_the_key),
		cmocka_unit_test(test_sixteen_signatures_are_looked_at),
		cmocka_unit_test(test_any_number_of_other_versions),
		cmocka_unit_test(test_header_of_another_sender),
		cmocka_unit_test(test_no_keys),
		cmocka_unit_test(test_message_verify_says_hmac),
		cmocka_unit_test(test_made_signatures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
