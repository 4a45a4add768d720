/* SPDX-License-Identifier: MIT */
/*
 * test_scheme - lib/message/scheme and signature: senders by parameters alone
 *
 * tests/data/signatures/calls.jsonl has calls of many senders, most of them
 * signed by the sender's own software, and settings.jsonl has settings, right
 * and wrong ones. A new case is a new line there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/base64.h"
#include "message/signature.h"
#include "message/verify.h"

#define ROOM (1 << 20)

static const char *
data_path(const char *name, char path[512])
{
	const char *root = getenv("TESTDATA");

	(void)snprintf(
	    path, 512, "%s/signatures/%s", root ? root : "tests/data", name);
	return path;
}

/* Calls function with each line of a file; returns how many there were. */
static size_t
each_line(const char *name, void (*function)(json_t *line))
{
	char path[512], *text = NULL;
	size_t size = 0, count = 0;
	FILE *file = fopen(data_path(name, path), "r");
	json_t *line;

	assert_non_null(file);
	while (getline(&text, &size, file) > 0) {
		line = json_loads(text, 0, NULL);
		assert_non_null(line);
		function(line);
		json_decref(line);
		count++;
	}
	free(text);
	(void)fclose(file);
	return count;
}

static const char *
string_of(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* "signature_header" and "header" are both SCHEME_HEADER. */
static bool
set_item(struct scheme_text *text, const char *name, const char *value)
{
	static const char *const names[SCHEME_ITEMS] = {
		[SCHEME_HEADER] = "signature_header",
		[SCHEME_PREFIX] = "prefix",
		[SCHEME_SEPARATOR] = "separator",
		[SCHEME_ALGORITHM] = "algorithm",
		[SCHEME_SIGNED] = "signed",
		[SCHEME_TIME] = "time",
		[SCHEME_TIME_FORMAT] = "time_format",
		[SCHEME_KEY_ENCODING] = "key_encoding",
		[SCHEME_TOLERANCE] = "tolerance",
		[SCHEME_URL] = "url",
	};
	size_t i;

	for (i = 0; i < SCHEME_ITEMS; i++)
		if (strcmp(names[i], name) == 0) {
			text->item[i] = value;
			return true;
		}
	return false;
}

/* The scheme of a line; numbers become text in room. */
static bool
scheme_text_of(json_t *scheme, struct scheme_text *text, char room[32])
{
	const char *name;
	json_t *value;
	bool known = true;

	memset(text, 0, sizeof(*text));
	json_object_foreach(scheme, name, value)
	{
		if (json_is_integer(value)) {
			(void)snprintf(room, 32, "%lld",
			    (long long)json_integer_value(value));
			known &= set_item(text, name, room);
		} else {
			known &= set_item(text, name, json_string_value(value));
		}
	}
	return known;
}

/* --- settings ------------------------------------------------------------ */

static void
check_settings(json_t *line)
{
	struct scheme_text text;
	struct scheme_set set;
	struct error err = ERROR_INIT;
	struct buf raw = BUF_INIT(4096);
	const char *want = string_of(line, "expect");
	char room[32];
	bool good =
	    scheme_text_of(json_object_get(line, "scheme"), &text, room) &&
	    text.item[SCHEME_HEADER] &&
	    sender_schemes_with(sender_find("generic"), &text, &set, &err) ==
		0 &&
	    scheme_decode_key(
		set.of[0].key_encoding, span_of(string_of(line, "key")), &raw);

	if (good != (strcmp(want, "ok") == 0))
		fail_msg("%s: want %s, got %s", string_of(line, "case"), want,
		    good ? "ok" : err.text);
	if (!good && err.code != ERROR_NONE)
		assert_int_equal(err.code, ERROR_CONFIGURATION);
	buf_free(&raw);
}

static void
test_settings(void **state)
{
	(void)state;
	assert_true(each_line("settings.jsonl", check_settings) >= 31);
}

/* --- calls --------------------------------------------------------------- */

static void
add_header(struct message *m, const char *name, const char *value)
{
	struct header *header;

	if (!*value)
		return;
	assert_true(m->header_count < MESSAGE_HEADERS_MAX);
	header = &m->headers[m->header_count++];
	header->name = name;
	header->value = (struct buf)BUF_INIT(MESSAGE_TEXT_MAX);
	buf_append_text(&header->value, value);
}

static bool
is_among(const char *word, const char *list)
{
	size_t len = strlen(word);

	for (; list; list = strchr(list, '|')) {
		list += *list == '|';
		if (strncmp(list, word, len) == 0 &&
		    (list[len] == '\0' || list[len] == '|'))
			return true;
	}
	return false;
}

/* As a type is written in an event. */
static char *
as_type(const char *text, char room[256])
{
	size_t i;

	(void)snprintf(room, 256, "%s", *text ? text : "webhook.received");
	for (i = 0; room[i]; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx"
			    "yz0123456789_.-",
			room[i]))
			room[i] = '-';
	return room;
}

static void
compare(const char *what, struct span got, const char *want)
{
	if (!span_is(got, want))
		fail_msg(
		    "%s: got %.*s, want %s", what, (int)got.len, got.at, want);
}

static const char *
place(json_t *scheme, const char *name)
{
	return json_string_value(json_object_get(scheme, name));
}

/* The call of a line; the caller has set the sender and how it signs. */
static void
fill(struct message *m, json_t *line, struct keyring *ring)
{
	struct error err = ERROR_INIT;
	const char *name;
	json_t *value;

	m->method = string_of(line, "method");
	m->received.tv_sec =
	    (time_t)json_integer_value(json_object_get(line, "now"));
	json_object_foreach(json_object_get(line, "headers"), name, value)
	    add_header(m, name, json_string_value(value));
	assert_true(
	    base64_decode(span_of(string_of(line, "body_b64")), &m->body));
	assert_int_equal(
	    keyring_add(ring, "current", span_of(string_of(line, "key")), &err),
	    0);
	if (*string_of(line, "key_previous"))
		assert_int_equal(
		    keyring_add(ring, "previous",
			span_of(string_of(line, "key_previous")), &err),
		    0);
}

/* Is it accepted where the line says so, else refused by one of its rules? */
static bool
check_verdict(
    struct message *m, json_t *line, const char *what, struct keyring *ring)
{
	struct error err = ERROR_INIT;
	int rc = message_verify(m, ring, &err);

	if ((rc == 0) != (strcmp(string_of(line, "expect"), "accept") == 0))
		fail_msg(
		    "%s: got %s: %s", what, error_rule(err.code), err.text);
	if (rc < 0 && !is_among(error_rule(err.code), string_of(line, "rule")))
		fail_msg("%s: refused by %s, want %s: %s", what,
		    error_rule(err.code), string_of(line, "rule"), err.text);
	return rc == 0;
}

static void
check_call(json_t *line)
{
	json_t *scheme = json_object_get(line, "scheme");
	struct message_places places = { { place(scheme, "id"),
	    place(scheme, "type"), place(scheme, "subject"), NULL } };
	struct keyring ring = { .count = 0 };
	struct error err = ERROR_INIT;
	struct scheme_text text;
	struct scheme_set set;
	struct message m;
	char room[32], what[256], type[256];

	(void)snprintf(what, sizeof(what), "%s %s", string_of(line, "sender"),
	    string_of(line, "case"));
	(void)scheme_text_of(scheme, &text, room);
	message_init(&m, ROOM);
	m.sender = sender_find("generic");
	if (sender_schemes_with(m.sender, &text, &set, &err) < 0)
		fail_msg("%s: %s", what, err.text);
	m.schemes = &set;
	m.places = &places;
	fill(&m, line, &ring);
	if (check_verdict(&m, line, what, &ring)) {
		compare(what, buf_span(&m.type),
		    as_type(string_of(line, "type"), type));
		compare(what, buf_span(&m.subject), string_of(line, "subject"));
		if (*string_of(line, "id"))
			compare(what, m.id, string_of(line, "id"));
	}
	message_free(&m);
}

static size_t rows_seen;

/* The same by the sender's row, where it has one. */
static void
check_by_row(json_t *line)
{
	struct scheme_text site = { { NULL } };
	struct keyring ring = { .count = 0 };
	struct error err = ERROR_INIT;
	struct scheme_set set;
	struct message m;
	char what[256];

	(void)snprintf(what, sizeof(what), "row of %s: %s",
	    string_of(line, "sender"), string_of(line, "case"));
	site.item[SCHEME_URL] = place(json_object_get(line, "scheme"), "url");
	message_init(&m, ROOM);
	m.sender = sender_find(string_of(line, "sender"));
	if (!m.sender)
		return;
	rows_seen++;
	if (sender_schemes_with(m.sender, &site, &set, &err) < 0)
		fail_msg("%s: %s", what, err.text);
	m.schemes = &set;
	fill(&m, line, &ring);
	if (check_verdict(&m, line, what, &ring)) {
		if (*string_of(line, "subject"))
			compare(what, buf_span(&m.subject),
			    string_of(line, "subject"));
		if (*string_of(line, "id"))
			compare(what, m.id, string_of(line, "id"));
	}
	message_free(&m);
}

static void
test_rows(void **state)
{
	(void)state;
	(void)each_line("calls.jsonl", check_by_row);
	assert_true(rows_seen >= 380);
}

static void
test_calls(void **state)
{
	(void)state;
	assert_true(each_line("calls.jsonl", check_call) >= 600);
}

/* --- every byte ---------------------------------------------------------- */

static size_t bytes_changed;

/* The call, which is good, with one bit of each of these bytes another. */
static void
change_each(struct message *m, const struct keyring *ring, char *at, size_t len,
    const char *what)
{
	struct error err;
	const char *used = NULL;
	size_t i;
	int rc;

	for (i = 0; i < len; i++) {
		err = (struct error)ERROR_INIT;
		at[i] ^= 1;
		m->variant = signature_variant(m);
		rc = signature_verify(m, ring, &used, &err);
		if (rc == 0)
			fail_msg("%s: byte %zu may change: %.*s", what, i,
			    (int)len, at);
		at[i] ^= 1;
		bytes_changed++;
	}
}

static bool
is_signed_header(const struct scheme *scheme, const char *name)
{
	struct buf names = BUF_INIT(4096);
	struct span rest, one;
	bool found = false;

	scheme_append_headers(scheme, &names);
	rest = buf_span(&names);
	while (span_cut(&rest, ' ', &one))
		found |= one.len == strlen(name) &&
		    strncasecmp(one.at, name, one.len) == 0;
	buf_free(&names);
	return found;
}

static void
change_all_bytes(struct message *m, const struct scheme_set *set,
    struct keyring *ring, const char *what)
{
	struct error err = ERROR_INIT;
	const char *used = NULL;
	char key[256];
	size_t i;

	if (signature_verify(m, ring, &used, &err) < 0)
		fail_msg("%s: %s", what, err.text);
	change_each(m, ring, m->body.at, m->body.len, what);
	for (i = 0; i < m->header_count; i++)
		if (is_signed_header(&set->of[0], m->headers[i].name))
			change_each(m, ring, m->headers[i].value.at,
			    m->headers[i].value.len, what);
	assert_true(ring->keys[0].bytes.len < sizeof(key));
	memcpy(key, ring->keys[0].bytes.at, ring->keys[0].bytes.len);
	ring->keys[0].bytes.at = key;
	change_each(m, ring, key, ring->keys[0].bytes.len, what);
}

static void
check_bytes(json_t *line)
{
	struct keyring ring = { .count = 0 };
	struct error err = ERROR_INIT;
	struct scheme_text text;
	struct scheme_set set;
	struct message m;
	char room[32];

	if (strcmp(string_of(line, "case"), "good") != 0)
		return;
	(void)scheme_text_of(json_object_get(line, "scheme"), &text, room);
	message_init(&m, ROOM);
	m.sender = sender_find("generic");
	assert_int_equal(sender_schemes_with(m.sender, &text, &set, &err), 0);
	m.schemes = &set;
	fill(&m, line, &ring);
	change_all_bytes(&m, &set, &ring, string_of(line, "sender"));
	message_free(&m);
}

static void
test_bytes(void **state)
{
	(void)state;
	(void)each_line("calls.jsonl", check_bytes);
	assert_true(bytes_changed >= 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
