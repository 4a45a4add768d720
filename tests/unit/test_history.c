/* SPDX-License-Identifier: MIT */
/*
 * test_history - lib/history: lines that are written, torn and read
 */
#include "support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool/history.h"
#include "base/io.h"
#include "json/json.h"

#define DAY "2026-11-21"

static const struct timespec now = { 1795280733, 123456000 };

static int
make_spool(char path[64])
{
	int root;

	(void)snprintf(path, 64, "/tmp/hookdir-history-XXXXXX");
	assert_non_null(mkdtemp(path));
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	return root;
}

static void
remove_spool(int root, const char *path)
{
	static const char *const files[] = { DAY ".in.jsonl", DAY ".out.jsonl",
		DAY ".refused", "2026-11-20.in.jsonl" };
	char name[128];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(name, sizeof(name), "history/%s", files[i]);
		(void)unlinkat(root, name, 0);
	}
	(void)unlinkat(root, "history", AT_REMOVEDIR);
	assert_int_equal(close(root), 0);
	assert_int_equal(rmdir(path), 0);
}

static void
add(int root, struct span reference)
{
	struct history_entry entry = HISTORY_ENTRY_INIT;
	struct error err = ERROR_INIT;

	entry.time = now;
	entry.event = "accepted";
	entry.name = span_of("1795280733.M123456P1Q1.shop");
	entry.reference = reference;
	entry.bytes = 12;
	assert_int_equal(history_add(root, HISTORY_IN, &entry, &err), 0);
}

static void
append(int root, const char *bytes, size_t len)
{
	int fd = openat(
	    root, "history/" DAY ".in.jsonl", O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	assert_int_equal(close(fd), 0);
}

/* The references of all lines, each with a semicolon behind it. */
static void
assert_references(int root, const char *want)
{
	struct buf got = BUF_INIT(1 << 20);
	struct history_reader reader;
	struct error err = ERROR_INIT;
	struct json_value value;
	struct span line;
	int rc;

	assert_int_equal(history_open(&reader, root, DAY, HISTORY_IN, &err), 0);
	while ((rc = history_next(&reader, &line, &err)) == 1) {
		assert_true(json_scan(line, &value));
		assert_same("time", history_member(line, "time"),
		    span_of("2026-11-21T17:05:33.123456Z"));
		assert_same(
		    "bytes", history_member(line, "bytes"), span_of("12"));
		assert_int_equal(history_member(line, "nothing").len, 0);
		buf_append_span(&got, history_member(line, "reference"));
		buf_append_byte(&got, ';');
	}
	assert_int_equal(rc, 0);
	history_close(&reader);
	assert_same("references", buf_span(&got), span_of(want));
	buf_free(&got);
}

static void
test_lines(void **state)
{
	char path[64];
	int root = make_spool(path);

	(void)state;
	add(root, span_of("2042"));
	add(root, span_of("a\"b\\c\n"));
	add(root,
	    span_of("\xe2\x80\xae"
		    "1"));
	add(root, span_of(",\"reference\":\"9\"}"));
	assert_references(root,
	    "2042;a\\\"b\\\\c\xe2\x90\x8a;\\u202e1;"
	    ",\\\"reference\\\":\\\"9\\\"};");
	remove_spool(root, path);
}

/* Whatever stands in front of it, a whole line is read. */
static void
test_torn(void **state)
{
	static const char whole[] =
	    "{\"time\":\"2026-11-21T17:05:33.123456Z\",\"event\":\"done\"}";
	char path[64];
	int root = make_spool(path);
	size_t cut;

	(void)state;
	add(root, span_of("1"));
	for (cut = 0; cut < sizeof(whole) - 2; cut++) {
		append(root, whole, cut);
		add(root, span_of("2"));
		append(root, "\0\0\0", 3);
		add(root, span_of("3"));
		append(root, "x\n}\n{}\n", 7);
		assert_references(root, "1;2;3;");
		assert_int_equal(
		    unlinkat(root, "history/" DAY ".in.jsonl", 0), 0);
		add(root, span_of("1"));
	}
	append(root, whole, sizeof(whole) - 1); /* no newline yet */
	assert_references(root, "1;");
	remove_spool(root, path);
}

/* A piece ends with a line, wherever the pieces of the file are cut. */
static void
test_many(void **state)
{
	struct history_reader reader;
	struct error err = ERROR_INIT;
	struct buf text = BUF_INIT(32 << 20);
	struct span line;
	char path[64];
	int root = make_spool(path), count = 0, i;

	(void)state;
	add(root, span_of("0"));
	for (i = 1; i < 60000; i++)
		buf_printf(&text,
		    "{\"time\":\"2026-11-21T17:05:33.123456Z\","
		    "\"reference\":\"%d\",\"detail\":\"%0*d\"}\n",
		    i, i % 200 + 1, 0);
	append(root, text.at, text.len);
	assert_int_equal(history_open(&reader, root, DAY, HISTORY_IN, &err), 0);
	for (; history_next(&reader, &line, &err) == 1; count++)
		assert_int_equal(
		    atoi(history_member(line, "reference").at), count);
	assert_int_equal(count, 60000);
	add(root, span_of("60000")); /* it has grown */
	assert_int_equal(history_next(&reader, &line, &err), 1);
	assert_int_equal(history_next(&reader, &line, &err), 0);
	history_close(&reader);
	buf_free(&text);
	remove_spool(root, path);
}

static void
test_bounds(void **state)
{
	struct buf text = BUF_INIT(1 << 20);
	char path[64];
	struct stat st;
	int root = make_spool(path), i;

	(void)state;
	for (i = 0; i < 100000; i++)
		buf_append_byte(&text, '\x1b');
	add(root, buf_span(&text));
	assert_int_equal(fstatat(root, "history/" DAY ".in.jsonl", &st, 0), 0);
	assert_true(st.st_size < HISTORY_LINE_MAX);
	buf_free(&text);
	for (i = 1; i <= HISTORY_REFUSED_MAX + 3; i++)
		assert_int_equal(
		    history_count_refused(root, now, ERROR_SIGNATURE, 1),
		    i <= HISTORY_REFUSED_MAX);
	assert_true(history_count_refused(root, now, ERROR_METHOD, 7));
	assert_int_equal(history_refused(root, DAY, ERROR_METHOD), 7);
	assert_int_equal(history_refused(root, DAY, ERROR_SIGNATURE),
	    HISTORY_REFUSED_MAX + 3);
	assert_int_equal(history_refused(root, DAY, ERROR_FORM), 0);
	assert_int_equal(history_refused(root, "2026-11-22", ERROR_FORM), 0);
	remove_spool(root, path);
}

static void
test_days(void **state)
{
	struct history_entry entry = HISTORY_ENTRY_INIT;
	struct history_days days;
	struct error err = ERROR_INIT;
	unsigned count;
	char path[64], day[HISTORY_DAY_SIZE];
	int root = make_spool(path);

	(void)state;
	assert_int_equal(history_days(root, &days, &err), 0);
	assert_int_equal(days.count, 0);
	add(root, span_of("1"));
	entry.time.tv_sec = now.tv_sec - 86400;
	entry.event = "done";
	assert_int_equal(history_add(root, HISTORY_IN, &entry, &err), 0);
	assert_int_equal(history_add(root, HISTORY_OUT, &entry, &err), 0);
	assert_int_equal(history_days(root, &days, &err), 0);
	assert_int_equal(days.count, 2);
	assert_string_equal(days.at[0], "2026-11-20");
	assert_string_equal(days.at[1], DAY);
	free(days.at);
	assert_int_equal(history_expire(root, DAY, true, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_int_equal(history_expire(root, DAY, false, &count, &err), 0);
	assert_int_equal(history_days(root, &days, &err), 0);
	assert_int_equal(days.count, 1);
	free(days.at);
	assert_true(history_is_file(DAY ".in.jsonl", day));
	assert_string_equal(day, DAY);
	assert_false(history_is_file(DAY ".jsonl", day));
	assert_false(history_is_file("2026-1-21.in.jsonl", day));
	assert_false(history_is_file("", day));
	remove_spool(root, path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
