/* SPDX-License-Identifier: MIT */
/*
 * test_memory - verifying and writing when the n-th allocation fails
 *
 * lib/base/buf's realloc(), jansson's and libcrypto's allocations fail one by
 * one, alone or all from there on. A call then ends in a fault of ours, or
 * as it would have ended anyway; never in another verdict, and never in
 * other bytes. So does reading an event back.
 */
#include "calls.h"

#include <dlfcn.h>

#include <sys/mman.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "message/envelope.h"
#include "message/event.h"
#include "message/verify.h"

static struct {
	bool armed, onwards;
	unsigned nth, calls;
} plan;

static bool
fails(void)
{
	if (!plan.armed)
		return false;
	plan.calls++;
	return plan.onwards ? plan.calls >= plan.nth : plan.calls == plan.nth;
}

/* What stands behind our own realloc(); sanitizers have theirs. */
#if defined(__clang__) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define REAL_REALLOC __interceptor_realloc
#endif
#endif
#ifndef REAL_REALLOC
#define REAL_REALLOC real_realloc
static void *
real_realloc(void *block, size_t size)
{
	static void *(*next)(void *, size_t);
	void *found;

	if (!next) {
		found = dlsym(RTLD_NEXT, "realloc");
		memcpy(&next, &found, sizeof(next));
	}
	return next(block, size);
}
#else
void *REAL_REALLOC(void *block, size_t size);
#endif

void *
realloc(void *block, size_t size)
{
	return fails() ? NULL : REAL_REALLOC(block, size);
}

static void *
jansson_malloc(size_t size)
{
	return fails() ? NULL : malloc(size);
}

static void *
crypto_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return fails() ? NULL : malloc(size);
}

static void *
crypto_realloc(void *block, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(block, size);
}

static void
crypto_free(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	free(block);
}

/* Made with: printf '{"a":1}' | openssl dgst -sha256 -hmac CALL_KEY */
#define GITHUB_BODY "{\"a\":1}"
#define GITHUB_SIGNATURE                                                       \
	"sha256="                                                              \
	"10d25eee6f3cb58e4b26e41f01f51e47c7e165f89032928d1cfc28eb584837b2"

/* How a call ended, and the event that was made of it */
struct ending {
	enum error_code code;
	struct buf event; /* owned */
};

/* From the body to the event, as the handler goes */
static struct ending
run_call(const char *sender, struct span body)
{
	struct ending got = { ERROR_NONE, BUF_INIT(ROOM) };
	struct keyring keys = call_keys();
	struct error err = ERROR_INIT, fault = ERROR_INIT;
	struct envelope envelope = { .count = 0 };
	struct message m;
	int i, rc, count = 0;

	start_call(&m, sender);
	m.content_type = span_of("application/json");
	m.path = span_of("/p\xff\n");
	add_header(&m, "SMD-User", span_of("S\xf8ren"));
	add_header(&m, "X-Hub-Signature-256", span_of(GITHUB_SIGNATURE));
	buf_append_span(&m.body, body);
	plan.calls = 0;
	plan.armed = plan.nth > 0;
	rc = message_verify(&m, &keys, &err);
	if (rc == 0)
		rc = envelope_write(&envelope, &m, &err);
	else if (error_class(err.code) == CLASS_VERDICT)
		rc = envelope_write_rejected(&envelope, &m, &err, &fault);
	plan.armed = false;
	count = envelope.count;
	got.code = err.code ? err.code : fault.code;
	if (fault.code)
		got.code = fault.code;
	else if (rc == 0)
		for (i = 0; i < count; i++)
			buf_append(&got.event, envelope.pieces[i].iov_base,
			    envelope.pieces[i].iov_len);
	envelope_free(&envelope);
	message_free(&m);
	return got;
}

/* Endings that were other than they may be; all are shown. */
static unsigned wrong;

/* The same call with every allocation failing in turn */
static void
run_all(const char *what, const char *sender, struct span body)
{
	struct ending want, got;
	unsigned nth, faults = 0;

	plan.nth = 0;
	want = run_call(sender, body);
	assert_true(want.event.len > 0);
	for (nth = 1;; nth++) {
		plan.nth = nth;
		got = run_call(sender, body);
		if (error_class(got.code) == CLASS_FAULT)
			faults++;
		else if (got.code != want.code ||
		    !same(buf_span(&got.event), buf_span(&want.event))) {
			print_error("%s, allocation %u%s failed: got %s, "
				    "want %s%s\n",
			    what, nth, plan.onwards ? " and later ones" : "",
			    error_rule(got.code), error_rule(want.code),
			    got.code == want.code ? ", with other bytes" : "");
			wrong++;
		}
		buf_free(&got.event);
		if (plan.calls < nth)
			break;
		assert_true(nth < 10000);
	}
	plan.nth = 0;
	if (faults < 3)
		fail_msg("%s: only %u of %u allocations count", what, faults,
		    nth - 1);
	buf_free(&want.event);
}

/* Long enough that every buffer has to grow more than once */
static void
append_long_payload(struct buf *out)
{
	struct buf text = BUF_INIT(ROOM), inner = BUF_INIT(ROOM);

	buf_append_text(&text, "{\"id\":\"\\u0041\",\"note\":\"");
	append_times(&text, "long \\n", 200);
	buf_append_text(&text, "\"}");
	buf_append_text(&inner, "{\"action\":\"\\u0061b\",\"data\":");
	json_append_string(&inner, buf_span(&text));
	buf_append_byte(&inner, '}');
	json_append_string(out, buf_span(&inner));
	buf_free(&text);
	buf_free(&inner);
}

static void
run_senders(void)
{
	/* the header and the payload of a token */
	static const struct {
		const char *what, *header, *payload, *key;
	} rows[] = {
		{ "text", "{\"alg\":\"HS256\"}", "no JSON \x01", CALL_KEY },
		{ "binary", "{\"alg\":\"HS256\"}", "\xff\xfe", CALL_KEY },
		{ "a full header",
		    "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"\\u0041\","
		    "\"n\":[1,2.5,1e3,true,null,{\"x\":\"y\"}]}",
		    "{}", CALL_KEY },
		{ "forged", "{\"alg\":\"HS256\"}", "{}", "attacker" },
		{ "none", "{\"alg\":\"none\"}", "{}", "attacker" },
		{ "crit", "{\"alg\":\"HS256\",\"crit\":[]}", "{}", CALL_KEY },
		{ "duplicate", "{\"alg\":\"HS256\",\"alg\":\"HS256\"}", "{}",
		    CALL_KEY },
		{ "expired", "{\"alg\":\"HS256\"}", "{\"exp\":1}", CALL_KEY },
	};
	struct buf payload = BUF_INIT(ROOM), body = BUF_INIT(ROOM);
	size_t i;

	append_long_payload(&payload);
	append_signed_body(&body, buf_span(&payload));
	run_all("long", "shipmondo", buf_span(&body));
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&body);
		buf_append_text(&body, "{\"\\u0064ata\":\"\\u0065");
		append_token(&body, span_of(rows[i].header),
		    span_of(rows[i].payload), span_of(rows[i].key));
		/* The token's first letter, e, is written as an escape. */
		memmove(body.at + 20, body.at + 21, body.len - 21);
		body.len--;
		buf_append_text(&body, "\"}");
		run_all(rows[i].what, "shipmondo", buf_span(&body));
	}
	run_all("HMAC", "github", span_of(GITHUB_BODY));
	run_all("no form", "shipmondo", span_of("{\"data\":1}"));
	run_all("generic JSON", "generic", span_of("{\"a\":1.10}"));
	run_all("generic text", "generic", span_of("a\tb"));
	run_all("generic binary", "generic", span_of("a\xff"));
	buf_free(&payload);
	buf_free(&body);
}

static void
test_one_fails(void **state)
{
	(void)state;
	plan.onwards = false;
	wrong = 0;
	run_senders();
	assert_int_equal(wrong, 0);
}

static void
test_all_fail_from_there_on(void **state)
{
	(void)state;
	plan.onwards = true;
	wrong = 0;
	run_senders();
	assert_int_equal(wrong, 0);
}

/* Everything that an event says, one after the other */
static struct ending
read_event(int fd, bool whole)
{
	struct ending got = { ERROR_NONE, BUF_INIT(ROOM) };
	struct error err = ERROR_INIT;
	struct buf payload = BUF_INIT(ROOM);
	struct event event;
	int i, rc;

	event_init(&event);
	plan.calls = 0;
	plan.armed = plan.nth > 0;
	rc =
	    whole ? event_read(&event, fd, &err) : event_peek(&event, fd, &err);
	if (rc == 0 && whole)
		rc = event_payload(&event, &payload, &err);
	plan.armed = false;
	assert_int_equal(rc, err.code ? -1 : 0);
	got.code = err.code;
	for (i = 0; rc == 0 && i < EVENT_ATTRIBUTES; i++) {
		buf_append_span(
		    &got.event, event_get(&event, (enum event_attribute)i));
		buf_append_byte(&got.event, '\n');
	}
	if (rc == 0)
		buf_append_span(&got.event, buf_span(&payload));
	/* The fault has passed: the same struct serves again. */
	err = (struct error)ERROR_INIT;
	rc = event_read(&event, fd, &err);
	if (rc == 0) {
		buf_reset(&payload);
		rc = event_payload(&event, &payload, &err);
	}
	if (error_class(err.code) == CLASS_FAULT)
		fail_msg("allocation %u, and then: %s", plan.nth, err.text);
	buf_free(&payload);
	event_free(&event);
	return got;
}

/* The same event with every allocation failing in turn */
static void
read_all(const char *what, struct span text, bool whole)
{
	struct ending want, got;
	unsigned nth;
	int fd = memfd_create("event", MFD_CLOEXEC);

	assert_int_equal(write(fd, text.at, text.len), text.len);
	plan.nth = 0;
	want = read_event(fd, whole);
	for (nth = 1;; nth++) {
		plan.nth = nth;
		got = read_event(fd, whole);
		if (got.code != ERROR_MEMORY &&
		    (got.code != want.code ||
			!same(buf_span(&got.event), buf_span(&want.event))))
			fail_msg("%s, allocation %u failed: got %s, want %s",
			    what, nth, error_rule(got.code),
			    error_rule(want.code));
		buf_free(&got.event);
		if (plan.calls < nth)
			break;
		assert_true(nth < 1000);
	}
	plan.nth = 0;
	assert_true(nth > 1);
	buf_free(&want.event);
	assert_int_equal(close(fd), 0);
}

/* Events whose attributes and data have to grow */
static void
read_events(void)
{
	static const struct {
		const char *what, *data, *end;
	} rows[] = {
		{ "JSON", ",\"data\":[", "1]}" },
		{ "text", ",\"datacontenttype\":\"text/plain\",\"data\":\"",
		    "\"}" },
		{ "base64", ",\"data_base64\":\"", "\"}" },
		{ "no base64", ",\"data_base64\":\"", "=\"}" },
		{ "cut off", ",\"data\":\"", "" },
		{ "no data", ",\"x\":\"", "\"}" },
	};
	struct buf text = BUF_INIT(ROOM);
	size_t i;
	int whole;

	for (i = 0; i < COUNT(rows); i++)
		for (whole = 0; whole < 2; whole++) {
			buf_reset(&text);
			buf_append_text(
			    &text, "{\"id\":\"\\u0041\",\"type\":\"");
			append_times(&text, "a.long.type", 90);
			buf_append_text(&text, "\",\"subject\":\"");
			append_times(&text, "\\u0031", 200);
			buf_append_text(&text, "\",\"subject\":\"1\"");
			buf_append_text(&text, rows[i].data);
			append_times(
			    &text, i == 0 ? "1234567," : "AAAAAAAA", 2000);
			buf_append_text(&text, rows[i].end);
			read_all(rows[i].what, buf_span(&text), whole);
		}
	buf_free(&text);
}

static void
test_reading_events(void **state)
{
	(void)state;
	plan.onwards = false;
	read_events();
	plan.onwards = true;
	read_events();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_fails),
		cmocka_unit_test(test_all_fail_from_there_on),
		cmocka_unit_test(test_reading_events),
	};

	/* Before anything is allocated by them */
	if (!CRYPTO_set_mem_functions(
		crypto_malloc, crypto_realloc, crypto_free))
		return 1;
	json_set_alloc_funcs(jansson_malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
