/* SPDX-License-Identifier: MIT */
/*
 * fuzz_scheme - what parameters say of a signature, and a call made after it
 *
 * Two bytes say which items are set. Then the items that are, a NUL behind
 * each, and the body. What can be read is whole; a call that is signed in that
 * way passes, or its text could be cut in another way, and the same call with
 * another body does not.
 */
#include "fuzz.h"
#include "jose/keyring.h"
#include "message/signature.h"

#define NOW   1795280733
#define KEY   "6b6579206f66207468697274792d74776f2062797465732e"
#define VALUE "a1"

static struct span
value_of(const void *call, struct span name)
{
	(void)call;
	(void)name;
	return span_of(VALUE);
}

/* The pattern says the body once, and its parts are all of it. */
static void
check_pattern(const struct scheme *scheme)
{
	struct span rest = scheme->pattern;
	struct scheme_part part;
	size_t bodies = 0, times = 0, urls = 0;

	while (scheme_next_part(&rest, &part)) {
		bodies += part.kind == SIGNED_BODY;
		times += part.kind == SIGNED_TIME;
		urls += part.kind == SIGNED_URL;
		CHECK(part.kind != SIGNED_HEADER || part.text.len > 0);
	}
	CHECK(rest.len == 0 && bodies == 1);
	CHECK(times == (scheme->time.len > 0));
	CHECK((urls > 0) == (scheme->url.len > 0));
}

static void
check_scheme(const struct scheme *scheme)
{
	CHECK(scheme->header_count >= 1 &&
	    scheme->header_count <= SCHEME_HEADERS_MAX);
	CHECK(scheme->tolerance <= SCHEME_TOLERANCE_MAX);
	CHECK(!scheme->time_in_list ||
	    (scheme->separators[0] && scheme->prefix.len));
	check_pattern(scheme);
}

static void
add_header(struct message *m, struct span name, struct span value)
{
	struct header *header = &m->headers[m->header_count];
	struct buf text = BUF_INIT(256);

	if (message_find_header(m, name).len ||
	    m->header_count == MESSAGE_HEADERS_MAX)
		return;
	buf_append_span(&text, name);
	buf_append_byte(&text, '\0');
	if (text.failed) {
		buf_free(&text);
		return;
	}
	m->header_count++;
	header->name = text.at; /* owned, here */
	header->value = (struct buf)BUF_INIT(MESSAGE_TEXT_MAX);
	buf_append_span(&header->value, value);
}

static void
free_call(struct message *m)
{
	size_t i;

	for (i = 0; i < m->header_count; i++)
		free((void *)(uintptr_t)m->headers[i].name);
	message_free(m);
}

static void
add_headers(struct message *m, const struct scheme *scheme, struct span value,
    struct span time)
{
	struct buf names = BUF_INIT(FUZZ_ROOM);
	struct span rest, name;

	add_header(m, scheme->headers[0], value);
	if (scheme->time.len && !scheme->time_in_list)
		add_header(m, scheme->time, time);
	scheme_append_headers(scheme, &names);
	rest = buf_span(&names);
	while (span_cut(&rest, ' ', &name)) {
		size_t i;
		bool signs = false;

		for (i = 0; i < scheme->header_count; i++)
			signs |= name.len == scheme->headers[i].len &&
			    strncasecmp(
				name.at, scheme->headers[i].at, name.len) == 0;
		if (!signs && name.len)
			add_header(m, name, span_of(VALUE));
	}
	buf_free(&names);
}

static enum error_code
verdict_on(struct message *m, const struct keyring *ring)
{
	struct error err = ERROR_INIT;
	const char *used = NULL;
	int rc = signature_verify(m, ring, &used, &err);

	CHECK((rc == 0) == (used != NULL));
	CHECK(rc == 0 || error_class(err.code) == CLASS_VERDICT);
	return err.code;
}

static void
check_call(const struct scheme_set *set, struct span body)
{
	const struct scheme *scheme = &set->of[0];
	struct keyring ring = { { { "current", span_of(KEY) } }, 1 };
	struct buf time = BUF_INIT(64), value = BUF_INIT(FUZZ_ROOM);
	struct error err = ERROR_INIT;
	enum error_code got;
	struct message m;

	CHECK(signature_make_time(scheme->time_format, NOW, &time, &err) == 0);
	struct signature_parts parts = { body,
		scheme->time.len ? buf_span(&time) : span_of(""),
		span_of("POST"), value_of, NULL };
	CHECK(signature_make(
		  scheme, false, &ring.keys[0], &parts, &value, &err) == 0);
	message_init(&m, FUZZ_ROOM);
	m.method = "POST";
	m.received.tv_sec = NOW;
	m.schemes = set;
	add_headers(&m, scheme, buf_span(&value), buf_span(&time));
	buf_append_span(&m.body, body);
	got = verdict_on(&m, &ring);
	/* White space around a prefix is cut off with the item. */
	if (!scheme->prefix.len ||
	    (scheme->prefix.at[0] > ' ' && scheme->prefix.len < 200))
		CHECK(got == ERROR_NONE || got == ERROR_FORM);
	buf_append_byte(&m.body, '}');
	CHECK(verdict_on(&m, &ring) != ERROR_NONE);
	free_call(&m);
	buf_free(&time);
	buf_free(&value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scheme_text text = { { NULL } };
	struct error err = ERROR_INIT;
	struct scheme_set set = { .count = 1 };
	struct input in;
	unsigned items;
	size_t i;

	input_start(&in, data, size);
	items = input_byte(&in);
	items |= (unsigned)input_byte(&in) << 8 | 1;
	for (i = 0; i < SCHEME_ITEMS; i++)
		if (items >> i & 1)
			text.item[i] = input_text(&in);
	if (scheme_read(&set.of[0], &text, &err) < 0) {
		CHECK(err.code == ERROR_CONFIGURATION);
		CHECK(strncmp(err.text, "HOOKDIR_", 8) == 0);
	} else {
		check_scheme(&set.of[0]);
		check_call(&set, input_rest(&in));
	}
	input_end(&in);
	return 0;
}
