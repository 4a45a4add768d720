/* SPDX-License-Identifier: MIT */
/*
 * test_event - lib/message/event: read CloudEvents 1.0 in JSON format
 *
 * Files are made in memory. What lib/message/envelope writes is read again; and
 * whatever else a file may hold: cut off anywhere, hostile, without end.
 */
#include "calls.h"

#include <pthread.h>
#include <sys/mman.h>

#include "message/envelope.h"
#include "message/event.h"
#include "message/verify.h"

#define FRONT 4096 /* bytes that are first read of a file */

static const char full_event[] =
    "{\"specversion\":\"1.0\",\"id\":\"4f\\u00e6\","
    "\"source\":\"https://shop.example/webhook\","
    "\"type\":\"com.shipmondo.orders.create\",\"subject\":\"119175\","
    "\"time\":\"2026-11-21T17:05:33.123456Z\","
    "\"datacontenttype\":\"application/json\",\"sender\":\"shipmondo\","
    "\"reason\":\"signature-mismatch\",\"number\":12,"
    "\"data\":{\"id\":\"not this\",\"list\":[1,2.50,{\"type\":\"x\"}]}}\n";

static const char *const full_attributes[EVENT_ATTRIBUTES] = { "4f\xc3\xa6",
	"https://shop.example/webhook", "com.shipmondo.orders.create", "119175",
	"2026-11-21T17:05:33.123456Z", "application/json", "shipmondo",
	"signature-mismatch" };

static const char *const no_attributes[EVENT_ATTRIBUTES] = { "", "", "", "", "",
	"", "", "" };

/* A file that holds these bytes; close it. */
static int
file_of(struct span text)
{
	int fd = memfd_create("event", MFD_CLOEXEC);
	size_t done = 0;
	ssize_t got;

	assert_true(fd >= 0);
	for (; done < text.len; done += (size_t)got) {
		got = write(fd, text.at + done, text.len - done);
		assert_true(got > 0);
	}
	return fd;
}

enum way {
	PEEK,
	READ
};
static const enum way ways[] = { PEEK, READ };

/* Read a file of these bytes; how it ended, ERROR_NONE where it was good. */
static enum error_code
load(struct event *event, enum way way, struct span text)
{
	struct error err = ERROR_INIT;
	int fd = file_of(text), rc;

	rc = way == PEEK ? event_peek(event, fd, &err)
			 : event_read(event, fd, &err);
	assert_int_equal(rc, err.code ? -1 : 0);
	assert_int_equal(close(fd), 0);
	return err.code;
}

static void
assert_attributes(const char *what, const struct event *event,
    const char *const want[EVENT_ATTRIBUTES])
{
	int i;

	for (i = 0; i < EVENT_ATTRIBUTES; i++)
		assert_same(what, event_get(event, (enum event_attribute)i),
		    span_of(want[i] ? want[i] : ""));
}

/* The payload is appended to what is there. */
static void
assert_payload(const char *what, const struct event *event, struct span want)
{
	struct buf out = BUF_INIT(ROOM);
	struct error err = ERROR_INIT;

	buf_append_text(&out, "kept");
	if (event_payload(event, &out, &err) < 0)
		fail_msg("%s: %s", what, err.text);
	assert_true(out.len >= 4);
	assert_int_equal(memcmp(out.at, "kept", 4), 0);
	assert_same(what, (struct span){ out.at + 4, out.len - 4 }, want);
	buf_free(&out);
}

static void
test_attributes(void **state)
{
	struct event event;
	size_t i;

	(void)state;
	event_init(&event);
	assert_attributes("nothing read", &event, no_attributes);
	for (i = 0; i < COUNT(ways); i++) {
		assert_int_equal(
		    load(&event, ways[i], span_of(full_event)), ERROR_NONE);
		assert_attributes("a full event", &event, full_attributes);
	}
	assert_int_equal(event.root.type, JSON_TYPE_OBJECT);
	assert_int_equal(event.root.raw.len, strlen(full_event) - 1);
	assert_payload("a full event", &event,
	    span_of(
		"{\"id\":\"not this\",\"list\":[1,2.50,{\"type\":\"x\"}]}"));
	event_free(&event);
	event_free(&event);
	assert_attributes("freed", &event, no_attributes);
	/* and may be followed by another read */
	assert_int_equal(load(&event, READ, span_of(full_event)), ERROR_NONE);
	assert_attributes("read again", &event, full_attributes);
	event_free(&event);
	event_init(&event);
	event_free(&event);
}

/* What an attribute that is cut off, absent or odd says is nothing. */
static void
assert_known_part(
    size_t len, const struct event *event, const char *const all[])
{
	struct span got;
	int i;

	for (i = 0; i < EVENT_ATTRIBUTES; i++) {
		got = event_get(event, (enum event_attribute)i);
		if (got.len != 0 && !span_is(got, all[i]))
			fail_msg("cut off after %zu bytes: attribute %d is %s",
			    len, i, show(got));
	}
}

static void
test_cut_off_at_every_byte(void **state)
{
	size_t len, whole = strlen(full_event) - 1;
	size_t front = (size_t)(strstr(full_event, "\"data\":") - full_event) +
	    strlen("\"data\":");
	enum error_code want, got;
	struct event event;

	(void)state;
	event_init(&event);
	for (len = 0; len <= whole + 1; len++) {
		(void)load(&event, READ, span_of("{\"id\":\"earlier\"}"));
		got = load(&event, READ, (struct span){ full_event, len });
		want = len < whole ? ERROR_FORM : ERROR_NONE;
		if (got != want)
			fail_msg(
			    "%zu bytes read: got %s", len, error_rule(got));
		assert_known_part(len, &event, full_attributes);
		(void)load(&event, READ, span_of("{\"id\":\"earlier\"}"));
		got = load(&event, PEEK, (struct span){ full_event, len });
		want = len < front ? ERROR_FORM : ERROR_NONE;
		if (got != want)
			fail_msg("%zu bytes looked at: got %s", len,
			    error_rule(got));
		assert_known_part(len, &event, full_attributes);
		if (len >= front)
			assert_attributes("front", &event, full_attributes);
	}
	event_free(&event);
}

/* What was read until then is known: the rule's name of a broken event. */
static void
test_what_is_known_of_a_broken_event(void **state)
{
	static const char *const want[EVENT_ATTRIBUTES] = { "1", "", "t", "",
		"", "", "", "" };
	static const char *const rows[] = {
		"{\"id\":\"1\",\"type\":\"t\",",
		"{\"id\":\"1\",\"type\":\"t\",}",
		"{\"id\":\"1\",\"type\":\"t\",\"sender\":\"s",
		"{\"id\":\"1\",\"type\":\"t\",\"sender\"}",
		"{\"id\":\"1\",\"type\":\"t\"; \"sender\":\"s\"}",
		"{\"id\":\"1\",\"type\":\"t\" \"sender\":\"s\"}",
		"{\"id\":\"1\",\"type\":\"t\",\"x\":nul,\"sender\":\"s\"}",
		"{\"id\":\"1\",\"type\":\"t\",\"x\":01,\"sender\":\"s\"}",
		"{\"id\":\"1\",\"type\":\"t\",\"x\":\"\xff\"}",
		"{\"id\":\"1\",\"type\":\"t\",\"x\":[1,],\"sender\":\"s\"}",
	};
	struct event event;
	size_t i, j;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(rows); i++)
		for (j = 0; j < COUNT(ways); j++) {
			assert_int_equal(
			    load(&event, ways[j], span_of(rows[i])),
			    ERROR_FORM);
			assert_attributes(rows[i], &event, want);
		}
	event_free(&event);
}

static void
test_no_events(void **state)
{
	static const struct span rows[] = { LITERAL(""), LITERAL(" \n"),
		LITERAL("x"), LITERAL("[]"), LITERAL("[{\"id\":\"1\"}]"),
		LITERAL("null"), LITERAL("1"), LITERAL("\"{}\""), LITERAL("{"),
		LITERAL("}"), LITERAL("{\"a\"}"), LITERAL("{1:2}"),
		LITERAL("{,}"), LITERAL("{'id':'1'}"),
		LITERAL("\xef\xbb\xbf{\"id\":\"1\"}"), LITERAL("\xff\xfe{\0"),
		LITERAL("\0{\"id\":\"1\"}"), LITERAL("{\0\"id\":\"1\"}"),
		LITERAL("{\"id\"\0:\"1\"}"), LITERAL("{\"i\0d\":\"1\"}"),
		LITERAL("{\"id\":\"\0001\"}"), LITERAL("{\"id\":\"1\"\0}"),
		LITERAL("{\"id\":\"\xff\"}"), LITERAL("\f{\"id\":\"1\"}"),
		LITERAL("//\n{\"id\":\"1\"}") };
	struct event event;
	size_t i, j;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(rows); i++)
		for (j = 0; j < COUNT(ways); j++)
			if (load(&event, ways[j], rows[i]) != ERROR_FORM)
				fail_msg("%s: an event", show(rows[i]));
	event_free(&event);
}

/* Reading the whole file is reading just one object, white space aside. */
static void
test_what_comes_after_the_object(void **state)
{
	static const struct {
		struct span text;
		enum error_code want;
	} rows[] = {
		{ LITERAL("{\"id\":\"1\"}"), ERROR_NONE },
		{ LITERAL(" \t\r\n{\"id\":\"1\"} \t\r\n"), ERROR_NONE },
		{ LITERAL("{\"id\":\"1\"}\n\n\n"), ERROR_NONE },
		{ LITERAL("{\"id\":\"1\"}x"), ERROR_FORM },
		{ LITERAL("{\"id\":\"1\"}}"), ERROR_FORM },
		{ LITERAL("{\"id\":\"1\"},"), ERROR_FORM },
		{ LITERAL("{\"id\":\"1\"}\n{\"id\":\"2\"}\n"), ERROR_FORM },
		{ LITERAL("{\"id\":\"1\"}\n\0"), ERROR_FORM },
		{ LITERAL("{\"id\":\"1\"}\0"), ERROR_FORM },
		{ LITERAL("{\"id\":\"1\"}\f"), ERROR_FORM },
		{ LITERAL("{\"id\":\"1\"}\xc2\xa0"), ERROR_FORM },
		{ LITERAL("{\"id\":\"1\"}\xef\xbb\xbf"), ERROR_FORM },
	};
	struct event event;
	size_t i;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(rows); i++) {
		if (load(&event, READ, rows[i].text) != rows[i].want)
			fail_msg("%s: want %s", show(rows[i].text),
			    error_rule(rows[i].want));
		assert_same("id", event_get(&event, EVENT_ID), span_of("1"));
	}
	event_free(&event);
}

/* One attribute, and what it says when looked at and when read */
static void
test_which_member_counts(void **state)
{
	static const struct {
		const char *text, *peeked, *read;
	} rows[] = {
		/* after the data */
		{ "{\"data\":1,\"id\":\"a\"}", "", "a" },
		{ "{\"data_base64\":\"\",\"id\":\"a\"}", "", "a" },
		{ "{\"id\":\"a\",\"data\":1,\"id\":\"b\"}", "a", "b" },
		{ "{\"\\u0064ata\":1,\"id\":\"a\"}", "", "a" },
		{ "{\"data_\":1,\"dat\":2,\"Data\":3,\"id\":\"a\"}", "a", "a" },
		/* the last of that name, however written */
		{ "{\"id\":\"a\",\"id\":\"b\"}", "b", "b" },
		{ "{\"id\":\"a\",\"\\u0069d\":\"b\"}", "b", "b" },
		{ "{\"\\u0069\\u0064\":\"a\"}", "a", "a" },
		{ "{\"id\":\"long one\",\"id\":\"b\",\"x\":1}", "b", "b" },
		{ "{\"id\":\"a\",\"id\":1}", "", "" },
		{ "{\"id\":\"a\",\"id\":null}", "", "" },
		{ "{\"id\":1,\"id\":\"a\"}", "a", "a" },
		/* what is no string says nothing */
		{ "{\"id\":1}", "", "" },
		{ "{\"id\":null}", "", "" },
		{ "{\"id\":true}", "", "" },
		{ "{\"id\":{\"id\":\"a\"}}", "", "" },
		{ "{\"id\":[\"a\"]}", "", "" },
		{ "{\"id\":\"\"}", "", "" },
		/* RFC 8259 8.2: lone surrogates say no text */
		{ "{\"id\":\"a\\ud800\"}", "", "" },
		{ "{\"id\":\"a\",\"id\":\"b\\udc00\"}", "", "" },
		/* others of similar names, and inside of others */
		{ "{\"i\":\"a\",\"idx\":\"b\",\"ID\":\"c\",\" id\":\"d\"}", "",
		    "" },
		{ "{\"x\":{\"id\":\"a\"},\"y\":[{\"id\":\"b\"}]}", "", "" },
		{ "{\"x\":\"\\\",\\\"id\\\":\\\"a\\\"\"}", "", "" },
		{ "{ \"id\" : \"a\" , \"data\" : 1 }", "a", "a" },
		{ "{\"id\":\"\\u00e6\\n\\\"\\ud83d\\udce6\"}",
		    "\xc3\xa6\n\"\xf0\x9f\x93\xa6",
		    "\xc3\xa6\n\"\xf0\x9f\x93\xa6" },
		{ "{}", "", "" },
	};
	struct event event;
	size_t i, j;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(rows); i++)
		for (j = 0; j < COUNT(ways); j++) {
			if (load(&event, ways[j], span_of(rows[i].text)))
				fail_msg("%s: no event", rows[i].text);
			assert_same(rows[i].text, event_get(&event, EVENT_ID),
			    span_of(ways[j] == PEEK ? rows[i].peeked
						    : rows[i].read));
		}
	event_free(&event);
}

static void
test_nul_in_an_attribute(void **state)
{
	struct event event;

	(void)state;
	event_init(&event);
	assert_int_equal(
	    load(&event, READ, span_of("{\"id\":\"a\\u0000b\"}")), ERROR_NONE);
	assert_same(
	    "id", event_get(&event, EVENT_ID), (struct span){ "a\0b", 3 });
	event_free(&event);
}

/* The full event with so many bytes more in front of its first member */
static void
build_shifted(struct buf *out, size_t more)
{
	buf_reset(out);
	buf_append_text(out, "{\"x\":\"");
	append_times(out, "x", more);
	buf_append_text(out, "\",");
	buf_append_text(out, full_event + 1);
	assert_false(out->failed);
}

/* Every byte of the event comes to lie on each side of a block's end. */
static void
test_end_of_the_front_at_every_byte(void **state)
{
	static const size_t ends[] = { FRONT, 8 * FRONT, 64 * FRONT };
	struct buf text = BUF_INIT(ROOM);
	struct event event;
	size_t i, j, more;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(ends); i++)
		for (more = ends[i] - sizeof(full_event) - 12; more <= ends[i];
		     more += i == 2 ? 7 : 1) {
			build_shifted(&text, more);
			for (j = 0; j < COUNT(ways); j++) {
				if (load(&event, ways[j], buf_span(&text)))
					fail_msg("shifted by %zu", more);
				assert_attributes(
				    "shifted", &event, full_attributes);
			}
		}
	buf_free(&text);
	event_free(&event);
}

/* Cut off exactly where a block ends */
static void
test_files_as_long_as_the_front(void **state)
{
	struct buf text = BUF_INIT(ROOM);
	struct event event;
	size_t more, i;

	(void)state;
	event_init(&event);
	for (more = FRONT - 40; more < FRONT + 8; more++) {
		buf_reset(&text);
		buf_append_text(&text, "{\"id\":\"");
		append_times(&text, "x", more);
		for (i = 0; i < COUNT(ways); i++) {
			assert_int_equal(
			    load(&event, ways[i], buf_span(&text)), ERROR_FORM);
			assert_attributes("cut off", &event, no_attributes);
		}
		buf_append_text(&text, "\"}");
		for (i = 0; i < COUNT(ways); i++) {
			assert_int_equal(
			    load(&event, ways[i], buf_span(&text)), ERROR_NONE);
			assert_int_equal(event_get(&event, EVENT_ID).len, more);
		}
	}
	buf_free(&text);
	event_free(&event);
}

/* The front, then a hole of that size */
static int
sparse_file(const char *front, off_t size)
{
	int fd = file_of(span_of(front));

	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

/* Looking at a message of any size costs one short read. */
static void
test_looking_reads_no_data(void **state)
{
	struct error err = ERROR_INIT;
	int fd = sparse_file(full_event, (off_t)1 << 40);
	struct event event;

	(void)state;
	event_init(&event);
	assert_int_equal(event_peek(&event, fd, &err), 0);
	assert_attributes("a large event", &event, full_attributes);
	assert_true(event.text.len <= FRONT);
	assert_int_equal(close(fd), 0);
	event_free(&event);
}

static void
test_files_without_end(void **state)
{
	static const char *const fronts[] = { "", "{\"id\":\"1\",", full_event,
		"{\"id\":\"1\"}", "{\"id\":\"" };
	struct error err;
	struct event event;
	size_t i;
	int fd;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(fronts); i++) {
		fd = sparse_file(fronts[i], (off_t)200 << 20);
		err = (struct error)ERROR_INIT;
		assert_int_equal(event_read(&event, fd, &err), -1);
		assert_int_equal(err.code, ERROR_FORM);
		assert_true(event.text.len <= EVENT_MAX + 1);
		err = (struct error)ERROR_INIT;
		if (event_peek(&event, fd, &err) < 0)
			assert_int_equal(err.code, ERROR_FORM);
		assert_true(event.text.len <= EVENT_MAX + 1);
		assert_int_equal(close(fd), 0);
	}
	event_free(&event);
}

/* An event and so many spaces that the file has this size */
static int
padded_file(size_t size)
{
	int fd = memfd_create("event", MFD_CLOEXEC);
	char *map;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	memset(map, ' ', size);
	memcpy(map, full_event, strlen(full_event));
	assert_int_equal(munmap(map, size), 0);
	return fd;
}

static void
test_largest_event(void **state)
{
	static const struct {
		size_t size;
		enum error_code want;
	} rows[] = {
		{ EVENT_MAX / 2 - 1, ERROR_NONE },
		{ EVENT_MAX / 2, ERROR_NONE },
		{ EVENT_MAX / 2 + 1, ERROR_NONE },
		{ EVENT_MAX - 1, ERROR_NONE },
		{ EVENT_MAX, ERROR_NONE },
		{ EVENT_MAX + 1, ERROR_FORM },
	};
	struct error err;
	struct event event;
	size_t i;
	int fd;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(rows); i++) {
		fd = padded_file(rows[i].size);
		err = (struct error)ERROR_INIT;
		(void)event_read(&event, fd, &err);
		if (err.code != rows[i].want)
			fail_msg("%zu bytes: got %s", rows[i].size, err.text);
		assert_int_equal(close(fd), 0);
	}
	event_free(&event);
}

/* Brackets of either kind, so many around a number */
static void
append_nested(struct buf *out, unsigned levels, bool objects)
{
	append_times(out, objects ? "{\"a\":" : "[", levels);
	buf_append_byte(out, '1');
	append_times(out, objects ? "}" : "]", levels);
}

/* The handler keeps data of 250 levels; around them comes the event. */
static void
test_nesting(void **state)
{
	static const struct {
		unsigned levels;
		const char *name;
		enum error_code want;
	} rows[] = {
		{ 249, "data", ERROR_NONE },
		{ 250, "data", ERROR_NONE },
		{ 251, "data", ERROR_FORM },
		{ 100000, "data", ERROR_FORM },
		{ 250, "other", ERROR_NONE },
		{ 251, "other", ERROR_FORM },
	};
	struct buf text = BUF_INIT(ROOM), data = BUF_INIT(ROOM);
	struct event event;
	size_t i;
	int objects;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(rows); i++)
		for (objects = 0; objects < 2; objects++) {
			buf_reset(&text);
			buf_reset(&data);
			append_nested(&data, rows[i].levels, objects);
			buf_printf(
			    &text, "{\"id\":\"1\",\"%s\":", rows[i].name);
			buf_append_span(&text, buf_span(&data));
			buf_append_text(&text, ",\"sender\":\"s\"}");
			if (load(&event, READ, buf_span(&text)) != rows[i].want)
				fail_msg("%u levels in %s", rows[i].levels,
				    rows[i].name);
			if (rows[i].want || rows[i].name[0] == 'o')
				continue;
			assert_payload("nested", &event, buf_span(&data));
			assert_same("sender", event_get(&event, EVENT_SENDER),
			    span_of("s"));
		}
	buf_free(&text);
	buf_free(&data);
	event_free(&event);
}

/* Nothing of an earlier file is left, however the next one ends. */
static void
test_one_after_another(void **state)
{
	static const char *const none[] = { "", "x", "{", "{}", "[]",
		"{\"data\":1}", "{\"id\":1,\"subject\":null,\"data\":1}",
		"{\"id\":\"\\ud800\"}" };
	struct event event;
	size_t i, j;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(none); i++)
		for (j = 0; j < 4; j++) {
			assert_int_equal(
			    load(&event, ways[j / 2], span_of(full_event)),
			    ERROR_NONE);
			(void)load(&event, ways[j % 2], span_of(none[i]));
			assert_attributes(none[i], &event, no_attributes);
		}
	event_free(&event);
}

/* What cannot be read: a directory, what is for writing, nothing */
static int
unreadable(size_t which)
{
	if (which == 0)
		return open("/", O_RDONLY | O_DIRECTORY);
	return which == 1 ? open("/dev/null", O_WRONLY) : -1;
}

static void
test_one_after_another_that_cannot_be_read(void **state)
{
	static const int want[] = { EISDIR, EBADF, EBADF };
	struct error err;
	struct event event;
	size_t i, j;
	int fd, rc;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(want); i++)
		for (j = 0; j < COUNT(ways); j++) {
			(void)load(&event, READ, span_of(full_event));
			fd = unreadable(i);
			err = (struct error)ERROR_INIT;
			rc = ways[j] == PEEK ? event_peek(&event, fd, &err)
					     : event_read(&event, fd, &err);
			assert_int_equal(rc, -1);
			assert_int_equal(err.code, ERROR_SYSTEM);
			assert_int_equal(err.errnum, want[i]);
			assert_attributes("unreadable", &event, no_attributes);
			if (fd >= 0)
				assert_int_equal(close(fd), 0);
		}
	event_free(&event);
}

static void
test_one_after_another_that_is_too_large(void **state)
{
	struct error err = ERROR_INIT;
	struct event event;
	int fd = sparse_file("{\"id\":\"large\"}", (off_t)200 << 20);

	(void)state;
	event_init(&event);
	(void)load(&event, READ, span_of(full_event));
	assert_int_equal(event_read(&event, fd, &err), -1);
	assert_int_equal(err.code, ERROR_FORM);
	assert_true(span_is(event_get(&event, EVENT_SENDER), ""));
	assert_int_equal(close(fd), 0);
	event_free(&event);
}

/* What was read before is gone, and so is its payload. */
static void
test_payload_after_a_failed_read(void **state)
{
	struct buf out = BUF_INIT(ROOM);
	struct error err = ERROR_INIT;
	struct event event;

	(void)state;
	event_init(&event);
	(void)load(&event, READ, span_of(full_event));
	assert_int_equal(load(&event, READ, span_of("{")), ERROR_FORM);
	(void)event_payload(&event, &out, &err);
	assert_int_equal(out.len, 0);
	/* nor after memory has moved */
	(void)load(&event, READ, span_of(full_event));
	event_free(&event);
	(void)event_payload(&event, &out, &err);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

/* The position is neither used nor moved. */
static void
test_position(void **state)
{
	static const off_t positions[] = { 0, 5, 100000 };
	struct error err = ERROR_INIT;
	struct event event;
	int fd = file_of(span_of(full_event));
	size_t i;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(positions); i++) {
		assert_int_equal(
		    lseek(fd, positions[i], SEEK_SET), positions[i]);
		assert_int_equal(event_peek(&event, fd, &err), 0);
		assert_attributes("looked at", &event, full_attributes);
		assert_int_equal(lseek(fd, 0, SEEK_CUR), positions[i]);
		assert_int_equal(event_read(&event, fd, &err), 0);
		assert_attributes("read", &event, full_attributes);
		assert_int_equal(lseek(fd, 0, SEEK_CUR), positions[i]);
	}
	assert_int_equal(close(fd), 0);
	event_free(&event);
}

/* Bytes written to a pipe, in pieces that fit no block */
struct writer {
	int fd;
	struct span text;
};

static void *
write_to_pipe(void *argument)
{
	struct writer *writer = argument;
	struct span rest = writer->text;
	ssize_t done;

	while (rest.len > 0) {
		done =
		    write(writer->fd, rest.at, rest.len < 777 ? rest.len : 777);
		if (done <= 0)
			break;
		rest.at += done;
		rest.len -= (size_t)done;
	}
	(void)close(writer->fd);
	return NULL;
}

static void
test_pipes(void **state)
{
	static const size_t lengths[] = { 0, FRONT - 400, FRONT, 2 * FRONT,
		300000 };
	struct buf text = BUF_INIT(ROOM);
	struct error err = ERROR_INIT;
	struct writer writer;
	struct event event;
	pthread_t thread;
	size_t i, j;
	int ends[2], rc;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(lengths); i++)
		for (j = 0; j < COUNT(ways); j++) {
			build_shifted(&text, lengths[i]);
			assert_int_equal(pipe(ends), 0);
			writer = (struct writer){ ends[1], buf_span(&text) };
			assert_int_equal(pthread_create(&thread, NULL,
					     write_to_pipe, &writer),
			    0);
			rc = ways[j] == PEEK
			    ? event_peek(&event, ends[0], &err)
			    : event_read(&event, ends[0], &err);
			if (rc < 0)
				fail_msg("%zu: %s", lengths[i], err.text);
			assert_attributes("pipe", &event, full_attributes);
			assert_int_equal(close(ends[0]), 0);
			assert_int_equal(pthread_join(thread, NULL), 0);
		}
	buf_free(&text);
	event_free(&event);
}

/* Beyond any use, but a file may hold it: as if it were not there */
static void
test_endless_attribute(void **state)
{
	struct buf text = BUF_INIT(ROOM);
	struct event event;
	size_t i;

	(void)state;
	buf_append_text(&text, "{\"subject\":\"a\",\"subject\":\"");
	append_times(&text, "0123456789abcdef", (3u << 20) / 16);
	buf_append_text(&text, "\",\"id\":\"1\"}");
	event_init(&event);
	for (i = 0; i < COUNT(ways); i++) {
		assert_int_equal(
		    load(&event, ways[i], buf_span(&text)), ERROR_NONE);
		assert_int_equal(event_get(&event, EVENT_SUBJECT).len, 0);
		assert_same("id", event_get(&event, EVENT_ID), span_of("1"));
		assert_int_equal(
		    load(&event, ways[i], span_of(full_event)), ERROR_NONE);
		assert_attributes("then", &event, full_attributes);
	}
	buf_free(&text);
	event_free(&event);
}

static void
test_payload(void **state)
{
	static const struct {
		const char *members;
		struct span want; /* at NULL: ERROR_FORM */
	} rows[] = {
		/* nothing */
		{ "\"id\":\"1\"", LITERAL("") },
		{ "\"datacontenttype\":\"text/plain\"", LITERAL("") },
		/* JSON under a JSON type, or none: byte for byte */
		{ "\"data\":{\"a\" : 1.10}", LITERAL("{\"a\" : 1.10}") },
		{ "\"data\" : [ 1 ] ", LITERAL("[ 1 ]") },
		{ "\"data\":12345678901234567890",
		    LITERAL("12345678901234567890") },
		{ "\"data\":null", LITERAL("null") },
		{ "\"data\":\"t\\u0065xt\"", LITERAL("\"t\\u0065xt\"") },
		{ "\"data\":\"t\",\"datacontenttype\":\"application/json\"",
		    LITERAL("\"t\"") },
		{ "\"data\":\"t\",\"datacontenttype\":"
		  "\"Application/JSON; charset=utf-8\"",
		    LITERAL("\"t\"") },
		{ "\"data\":\"t\",\"datacontenttype\":"
		  "\"application/vnd.x+json\"",
		    LITERAL("\"t\"") },
		{ "\"data\":\"t\",\"datacontenttype\":null", LITERAL("\"t\"") },
		{ "\"data\":\"\\ud800\"", LITERAL("\"\\ud800\"") },
		/* another value under another type: as it stands */
		{ "\"data\":{\"a\":1},\"datacontenttype\":\"text/plain\"",
		    LITERAL("{\"a\":1}") },
		{ "\"data\":1,\"datacontenttype\":\"text/plain\"",
		    LITERAL("1") },
		/* text: what the string says */
		{ "\"data\":\"t\\u0065xt\\n\","
		  "\"datacontenttype\":\"text/plain\"",
		    LITERAL("text\n") },
		{ "\"datacontenttype\":\"text/plain\",\"data\":\"\"",
		    LITERAL("") },
		{ "\"data\":\"a\\u0000b\",\"datacontenttype\":\"text/plain\"",
		    LITERAL("a\0b") },
		{ "\"data\":\"\\u00e6\\ud83d\\udce6\","
		  "\"datacontenttype\":\"application/xml\"",
		    LITERAL("\xc3\xa6\xf0\x9f\x93\xa6") },
		{ "\"data\":\"{}\",\"datacontenttype\":\"application/jsonp\"",
		    LITERAL("{}") },
		{ "\"data\":\"a\\ud800\",\"datacontenttype\":\"text/plain\"",
		    { NULL, 0 } },
		/* bytes */
		{ "\"data_base64\":\"\"", LITERAL("") },
		{ "\"data_base64\":\"AP/+\"", LITERAL("\0\xff\xfe") },
		{ "\"data_base64\":\"\\u0041A\\u003d=\"", LITERAL("\0") },
		{ "\"data_base64\":\"eyJ9\","
		  "\"datacontenttype\":\"application/json\"",
		    LITERAL("{\"}") },
		/* RFC 4648 3.2 to 3.5: just that, strictly */
		{ "\"data_base64\":\"AP/\"", { NULL, 0 } },
		{ "\"data_base64\":\"AA\"", { NULL, 0 } },
		{ "\"data_base64\":\"AB==\"", { NULL, 0 } },
		{ "\"data_base64\":\"AP_-\"", { NULL, 0 } },
		{ "\"data_base64\":\"AP /\"", { NULL, 0 } },
		{ "\"data_base64\":\"AAAA\\n\"", { NULL, 0 } },
		{ "\"data_base64\":\"AA\\u0000A\"", { NULL, 0 } },
		{ "\"data_base64\":\"\\ud800\"", { NULL, 0 } },
		{ "\"data_base64\":1", { NULL, 0 } },
		{ "\"data_base64\":[\"AAAA\"]", { NULL, 0 } },
		/* the last of a name; after the data, too */
		{ "\"data\":1,\"id\":\"x\",\"data\":2", LITERAL("2") },
		{ "\"data\":\"a\",\"datacontenttype\":\"text/plain\","
		  "\"datacontenttype\":\"text/json+json\"",
		    LITERAL("\"a\"") },
		/* inside of others is not on top */
		{ "\"x\":{\"data\":1}", LITERAL("") },
		{ "\"data\":{\"data_base64\":\"AAAA\"}",
		    LITERAL("{\"data_base64\":\"AAAA\"}") },
	};
	struct buf text = BUF_INIT(ROOM), out = BUF_INIT(ROOM);
	struct error err;
	struct event event;
	size_t i;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&text);
		buf_reset(&out);
		buf_printf(&text, "{%s}\n", rows[i].members);
		assert_int_equal(
		    load(&event, READ, buf_span(&text)), ERROR_NONE);
		if (rows[i].want.at) {
			assert_payload(rows[i].members, &event, rows[i].want);
			continue;
		}
		err = (struct error)ERROR_INIT;
		if (event_payload(&event, &out, &err) == 0 ||
		    err.code != ERROR_FORM)
			fail_msg("%s: got %s, \"%s\"", rows[i].members,
			    error_rule(err.code), show(buf_span(&out)));
	}
	buf_free(&text);
	buf_free(&out);
	event_free(&event);
}

static void
test_payload_beyond_a_ceiling(void **state)
{
	static const char *const rows[] = {
		"{\"data\":{\"a\":123456789}}",
		"{\"data\":\"123456789\",\"datacontenttype\":\"text/plain\"}",
		"{\"data_base64\":\"AAAAAAAAAAAAAAAA\"}",
	};
	struct buf out = BUF_INIT(6);
	struct error err;
	struct event event;
	size_t i;

	(void)state;
	event_init(&event);
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(
		    load(&event, READ, span_of(rows[i])), ERROR_NONE);
		buf_reset(&out);
		err = (struct error)ERROR_INIT;
		assert_int_equal(event_payload(&event, &out, &err), -1);
		assert_int_equal(err.code, ERROR_MEMORY);
		assert_true(out.len <= 6);
	}
	buf_free(&out);
	event_free(&event);
}

/* From a body to the file, and back: the same bytes */
static void
go_round(struct span body, const char *type, bool rejected)
{
	struct keyring keys = call_keys();
	struct error err = ERROR_INIT, fault = ERROR_INIT;
	struct envelope envelope;
	struct buf text = BUF_INIT(ROOM);
	struct event event;
	struct message m;
	int i;

	start_call(&m, "generic");
	m.content_type = span_of(type);
	buf_append_span(&m.body, body);
	assert_int_equal(message_verify(&m, &keys, &err), 0);
	if (rejected) {
		(void)error_set(&err, ERROR_SIGNATURE, "no key of ours");
		i = envelope_write_rejected(&envelope, &m, &err, &fault);
	} else {
		i = envelope_write(&envelope, &m, &err);
	}
	assert_int_equal(i, 0);
	for (i = 0; i < envelope.count; i++)
		buf_append(&text, envelope.pieces[i].iov_base,
		    envelope.pieces[i].iov_len);
	event_init(&event);
	assert_int_equal(load(&event, PEEK, buf_span(&text)), ERROR_NONE);
	assert_same("time", event_get(&event, EVENT_TIME),
	    span_of("2026-11-21T17:05:33.123456Z"));
	assert_same("source", event_get(&event, EVENT_SOURCE),
	    span_of("https://shop.example/webhook"));
	assert_same(
	    "sender", event_get(&event, EVENT_SENDER), span_of("generic"));
	assert_same("reason", event_get(&event, EVENT_REASON),
	    span_of(rejected ? "signature-mismatch" : ""));
	assert_int_equal(load(&event, READ, buf_span(&text)), ERROR_NONE);
	assert_payload(type, &event, body);
	event_free(&event);
	buf_free(&text);
	envelope_free(&envelope);
	message_free(&m);
}

static void
test_what_the_handler_writes(void **state)
{
	static const struct {
		struct span body;
		const char *type;
	} rows[] = {
		{ LITERAL("{\"a\":1.10,\"a\":\"\\u0041\"}"),
		    "application/json" },
		{ LITERAL("[1]"), "text/plain" },
		{ LITERAL("\"a\""), "application/json" },
		{ LITERAL("\"a\""), "" },
		{ LITERAL("\"a\""), "text/plain" },
		{ LITERAL("12"), "application/vnd.a+json; v=1" },
		{ LITERAL("12"), "text/plain" },
		{ LITERAL("{\"a\":"), "application/json" },
		{ LITERAL("line\nline\t\"\\\x7f\0"), "text/csv" },
		{ LITERAL("\xc3\xa6\xe2\x80\xa8"), "" },
		{ LITERAL("\xff\0\xfe"), "application/json" },
		{ LITERAL("\xff"), "" },
		{ LITERAL(""), "application/json" },
		{ LITERAL(""), "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		go_round(rows[i].body, rows[i].type, false);
		go_round(rows[i].body, rows[i].type, true);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_cut_off_at_every_byte),
		cmocka_unit_test(test_what_is_known_of_a_broken_event),
		cmocka_unit_test(test_no_events),
		cmocka_unit_test(test_what_comes_after_the_object),
		cmocka_unit_test(test_which_member_counts),
		cmocka_unit_test(test_nul_in_an_attribute),
		cmocka_unit_test(test_end_of_the_front_at_every_byte),
		cmocka_unit_test(test_files_as_long_as_the_front),
		cmocka_unit_test(test_looking_reads_no_data),
		cmocka_unit_test(test_files_without_end),
		cmocka_unit_test(test_largest_event),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_one_after_another),
		cmocka_unit_test(test_one_after_another_that_cannot_be_read),
		cmocka_unit_test(test_one_after_another_that_is_too_large),
		cmocka_unit_test(test_payload_after_a_failed_read),
		cmocka_unit_test(test_position),
		cmocka_unit_test(test_pipes),
		cmocka_unit_test(test_endless_attribute),
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_payload_beyond_a_ceiling),
		cmocka_unit_test(test_what_the_handler_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
