/* SPDX-License-Identifier: MIT */
/*
 * test_json - lib/json against RFC 8259, a second parser, and itself
 *
 * The cases of the grammar are the files in tests/data/json: valid/,
 * invalid/, and open/, where RFC 8259 leaves the choice and the name starts
 * with what was chosen, accept- or refuse-. A new case is a new file.
 * jansson is asked about every file, too; jansson-differs names the files
 * on which it may, and must, think otherwise.
 *
 * Every text is scanned in a block of just its size, so that a read past
 * the end shows under the address sanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "json/json.h"
#include "base/utf8.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ROOM	     (16 * 1024 * 1024)

/* Longer files are not cut at every place. */
#define CUT_MAX 2048

struct tally {
	unsigned files;
	unsigned wrong;
	struct buf differs; /* the list jansson-differs */
	unsigned listed;    /* its lines that came up */
};

static void
data_path(char *path, size_t size, const char *folder, const char *name)
{
	const char *root = getenv("TESTDATA");

	snprintf(path, size, "%s/json/%s%s%s", root ? root : "tests/data",
	    folder, *name ? "/" : "", name);
}

/* The file's bytes, in a block of their length; a test failure if not. */
static struct span
read_data(const char *folder, const char *name)
{
	char path[1024];
	FILE *file;
	long len = -1;
	char *at;

	data_path(path, sizeof(path), folder, name);
	file = fopen(path, "rb");
	if (file && fseek(file, 0, SEEK_END) == 0)
		len = ftell(file);
	if (len < 0)
		fail_msg("cannot read %s", path);
	rewind(file);
	at = malloc((size_t)len);
	assert_true(at || len == 0);
	assert_int_equal(fread(at, 1, (size_t)len, file), len);
	fclose(file);
	return (struct span){ at, (size_t)len };
}

/* A walk meets the members that were noted, in the same order. */
static void
check_notes(const struct json_members *noted, struct span object,
    unsigned level, size_t *count)
{
	struct json_value name, value;
	const struct json_note *note;
	struct json_walk walk;

	assert_true(json_walk_start(object, &walk));
	while (json_walk_name(&walk, &name)) {
		assert_true(json_walk_value(&walk, &value));
		assert_true(*count < noted->count);
		note = &noted->list[(*count)++];
		assert_int_equal(note->level, level);
		assert_ptr_equal(note->name.at, name.raw.at + 1);
		assert_int_equal(note->name.len, name.raw.len - 2);
		assert_ptr_equal(note->value.raw.at, value.raw.at);
		assert_int_equal(note->value.raw.len, value.raw.len);
		assert_int_equal(note->value.type, value.type);
		if (level < JSON_LEVELS_MAX && value.type == JSON_TYPE_OBJECT)
			check_notes(noted, value.raw, level + 1, count);
	}
}

/* Judging and noting at once comes to the same as one after the other. */
static void
check_members(struct span text, bool sound, struct json_value value)
{
	struct json_value again = { JSON_TYPE_NULL, { NULL, 0 } };
	struct json_members noted;
	size_t count = 0;

	assert_int_equal(json_scan_members(text, &again, &noted), sound);
	assert_ptr_equal(again.raw.at, value.raw.at);
	assert_int_equal(again.raw.len, value.raw.len);
	if (sound && value.type == JSON_TYPE_OBJECT && !noted.full)
		check_notes(&noted, value.raw, 1, &count);
	if (!noted.full)
		assert_int_equal(noted.count, count);
	else
		assert_int_equal(noted.count, sound ? JSON_MEMBERS_MAX : 0);
}

/* Scan a copy of exactly these bytes; *value points into the original. */
static bool
scan_exactly(struct span text, struct json_value *value)
{
	struct json_value got = { JSON_TYPE_NULL, { NULL, 0 } };
	char *copy = malloc(text.len ? text.len : 1);
	bool ok;

	assert_non_null(copy);
	if (text.len)
		memcpy(copy, text.at, text.len);
	ok = json_scan((struct span){ copy, text.len }, &got);
	check_members((struct span){ copy, text.len }, ok, got);
	if (ok && value) {
		*value = got;
		value->raw.at = text.at + (got.raw.at - copy);
	} else if (!ok) {
		assert_null(got.raw.at);
	}
	free(copy);
	return ok;
}

static bool
jansson_accepts(struct span text)
{
	json_error_t error;
	json_t *root = json_loadb(
	    text.at, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	json_decref(root);
	return root != NULL;
}

/* Does jansson-differs have a line "FOLDER/NAME reason"? */
static bool
is_listed(struct tally *tally, const char *folder, const char *name)
{
	char line[512];
	int len = snprintf(line, sizeof(line), "\n%s/%s ", folder, name);

	if (!memmem(tally->differs.at, tally->differs.len, line, (size_t)len))
		return false;
	tally->listed++;
	return true;
}

/* A value that is closed by a byte of its own has no valid prefix. */
static bool
some_prefix_is_accepted(struct span text, struct json_value value)
{
	size_t len = (size_t)(value.raw.at - text.at) + value.raw.len;

	if (value.type != JSON_TYPE_OBJECT && value.type != JSON_TYPE_ARRAY &&
	    value.type != JSON_TYPE_STRING)
		return false;
	if (text.len >= CUT_MAX)
		return false;
	while (len-- > 0)
		if (scan_exactly((struct span){ text.at, len }, NULL))
			return true;
	return false;
}

static void
check_file(struct tally *tally, const char *folder, const char *name)
{
	bool want = strcmp(folder, "valid") == 0 ||
	    (strcmp(folder, "open") == 0 && strncmp(name, "accept-", 7) == 0);
	struct span text = read_data(folder, name);
	struct json_value value;
	bool got = scan_exactly(text, &value);
	bool differs = jansson_accepts(text) != want;
	const char *complaint = NULL;

	if (got != want)
		complaint = got ? "accepted" : "refused";
	else if (got && some_prefix_is_accepted(text, value))
		complaint = "accepted though cut off";
	else if (differs != is_listed(tally, folder, name))
		complaint = differs ? "jansson differs and is not listed"
				    : "listed, but jansson agrees";
	if (complaint) {
		print_error("%s/%s: %s\n", folder, name, complaint);
		tally->wrong++;
	}
	tally->files++;
	free((void *)(uintptr_t)text.at);
}

static void
check_folder(struct tally *tally, const char *folder, unsigned least)
{
	unsigned before = tally->files;
	struct dirent *entry;
	char path[1024];
	DIR *dir;

	data_path(path, sizeof(path), folder, "");
	dir = opendir(path);
	if (!dir)
		fail_msg("cannot open %s", path);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			check_file(tally, folder, entry->d_name);
	closedir(dir);
	if (tally->files - before < least)
		fail_msg("%s: %u files, want %u", path, tally->files - before,
		    least);
}

static void
test_conformance(void **state)
{
	struct tally tally = { .differs = BUF_INIT(65536) };
	struct span list = read_data("jansson-differs", "");
	unsigned lines = 0;
	size_t i;

	(void)state;
	for (i = 0; i + 1 < list.len; i++)
		lines += list.at[i] == '\n' && list.at[i + 1] != '#';
	buf_append_span(&tally.differs, list);
	check_folder(&tally, "valid", 60);
	check_folder(&tally, "invalid", 100);
	check_folder(&tally, "open", 25);
	assert_int_equal(tally.wrong, 0);
	/* no line names a file that is gone */
	assert_int_equal(tally.listed, lines);
	buf_free(&tally.differs);
	free((void *)(uintptr_t)list.at);
}

static void
test_scan_leaves_value_alone_on_failure(void **state)
{
	struct json_value value = { JSON_TYPE_TRUE, { "x", 1 } };

	(void)state;
	assert_false(json_scan(span_of("[1] x"), &value));
	assert_false(json_scan(span_of("{\"a\":[1]"), &value));
	assert_false(json_scan((struct span){ NULL, 0 }, &value));
	assert_int_equal(value.type, JSON_TYPE_TRUE);
	assert_true(span_is(value.raw, "x"));
}

/* Strings are passed eight bytes at a time: each byte at each place. */
static void
test_string_every_byte_at_every_place(void **state)
{
	char text[34];
	size_t at;
	unsigned byte;
	bool want;

	(void)state;
	for (at = 1; at < sizeof(text) - 1; at++) {
		for (byte = 0; byte <= 0xFF; byte++) {
			memset(text, 'x', sizeof(text));
			text[0] = text[sizeof(text) - 1] = '"';
			text[at] = (char)byte;
			want = byte >= 0x20 && byte < 0x80 && byte != '"' &&
			    byte != '\\';
			if (scan_exactly((struct span){ text, sizeof(text) },
				NULL) != want)
				fail_msg("byte %02x at %zu", byte, at);
		}
	}
}

static struct json_value
scan(const char *text)
{
	struct json_value value = { JSON_TYPE_NULL, { NULL, 0 } };

	if (!json_scan(span_of(text), &value))
		fail_msg("refused: %s", text);
	return value;
}

static void
test_member(void **state)
{
	static const struct {
		const char *object;
		const char *name;
		const char *want; /* raw bytes; NULL for none */
		enum json_type type;
	} rows[] = {
		{ "{}", "a", NULL, JSON_TYPE_NULL },
		{ "{ \n }", "a", NULL, JSON_TYPE_NULL },
		{ "[\"a\",1]", "a", NULL, JSON_TYPE_NULL },
		{ "\"a\"", "a", NULL, JSON_TYPE_NULL },
		{ "1", "a", NULL, JSON_TYPE_NULL },
		{ "{\"a\":1}", "a", "1", JSON_TYPE_NUMBER },
		{ "{\"a\":1}", "", NULL, JSON_TYPE_NULL },
		{ "{\"\":1}", "", "1", JSON_TYPE_NUMBER },
		{ "{\"\":1}", "a", NULL, JSON_TYPE_NULL },
		/* every type, exact bytes */
		{ "{\"a\":1.10}", "a", "1.10", JSON_TYPE_NUMBER },
		{ "{\"a\":-1E2}", "a", "-1E2", JSON_TYPE_NUMBER },
		{ "{\"a\":123456789012345678901234567890,\"b\":1}", "a",
		    "123456789012345678901234567890", JSON_TYPE_NUMBER },
		{ "{\"a\":null}", "a", "null", JSON_TYPE_NULL },
		{ "{\"a\":true , \"b\":1}", "a", "true", JSON_TYPE_TRUE },
		{ "{\"a\":false\n}", "a", "false", JSON_TYPE_FALSE },
		{ "{\"a\":\"\\u00e6 \\\"}\"}", "a", "\"\\u00e6 \\\"}\"",
		    JSON_TYPE_STRING },
		{ "{\"a\":\"x\\\\\",\"b\":2}", "a", "\"x\\\\\"",
		    JSON_TYPE_STRING },
		{ "{\"a\":\"\"}", "a", "\"\"", JSON_TYPE_STRING },
		{ "{\"a\":[]}", "a", "[]", JSON_TYPE_ARRAY },
		{ "{\"a\": [ 1, [\"]\"] ] }", "a", "[ 1, [\"]\"] ]",
		    JSON_TYPE_ARRAY },
		{ "{\"a\":{\"b\":\"}\"}}", "a", "{\"b\":\"}\"}",
		    JSON_TYPE_OBJECT },
		/* white space */
		{ " \t\r\n{ \t\r\n\"a\" \t\r\n: \t\r\n1 \t\r\n, \"b\" : 2 } ",
		    "a", "1", JSON_TYPE_NUMBER },
		{ " { \"a\" : 1 , \"b\" : 2 } ", "b", "2", JSON_TYPE_NUMBER },
		/* after values of every kind */
		{ "{\"x\":\"\\\\\",\"y\":\"\\\"\",\"a\":1}", "a", "1",
		    JSON_TYPE_NUMBER },
		{ "{\"x\":[{\"a\":2},\"]\"],\"y\":{\"a\":3},\"a\":1}", "a", "1",
		    JSON_TYPE_NUMBER },
		{ "{\"w\":null,\"x\":true,\"y\":-1.5e-7,\"z\":{},\"a\":1}", "a",
		    "1", JSON_TYPE_NUMBER },
		/* not the nested one, not the value, not the prefix */
		{ "{\"b\":{\"a\":1},\"c\":[{\"a\":2}]}", "a", NULL,
		    JSON_TYPE_NULL },
		{ "{\"b\":\"a\"}", "a", NULL, JSON_TYPE_NULL },
		{ "{\"order\":1,\"ord\":2,\"orders\":3}", "order", "1",
		    JSON_TYPE_NUMBER },
		{ "{\"order\":1}", "ord", NULL, JSON_TYPE_NULL },
		{ "{\"order\":1}", "orders", NULL, JSON_TYPE_NULL },
		{ "{\"ordered_at \":1}", "ordered_at ", "1", JSON_TYPE_NUMBER },
		{ "{\"ordered_at \":1}", "ordered_at", NULL, JSON_TYPE_NULL },
		{ "{\"A\":1}", "a", NULL, JSON_TYPE_NULL },
		/* the last of that name, whatever its spelling */
		{ "{\"a\":1,\"a\":2}", "a", "2", JSON_TYPE_NUMBER },
		{ "{\"a\":1,\"\\u0061\":\"2\",\"b\":3}", "a", "\"2\"",
		    JSON_TYPE_STRING },
		{ "{\"\\u0061\":1,\"a\":2}", "a", "2", JSON_TYPE_NUMBER },
		/* names with escapes */
		{ "{\"\\u0064ata\":1}", "data", "1", JSON_TYPE_NUMBER },
		{ "{\"dat\\u0061\":1}", "data", "1", JSON_TYPE_NUMBER },
		{ "{\"\\u0064\\u0061\\u0074\\u0061\":1}", "data", "1",
		    JSON_TYPE_NUMBER },
		{ "{\"\\u0064ata\":1}", "dat", NULL, JSON_TYPE_NULL },
		{ "{\"\\u0064ata\":1}", "data ", NULL, JSON_TYPE_NULL },
		{ "{\"\\u0064ata\":1}", "", NULL, JSON_TYPE_NULL },
		{ "{\"\\\\u0064ata\":1}", "data", NULL, JSON_TYPE_NULL },
		{ "{\"a\\/b\":1}", "a/b", "1", JSON_TYPE_NUMBER },
		{ "{\"a\\\"b\":1}", "a\"b", "1", JSON_TYPE_NUMBER },
		{ "{\"a\\\\\":1,\"b\":2}", "a\\", "1", JSON_TYPE_NUMBER },
		{ "{\"a\\\\\":1,\"b\":2}", "b", "2", JSON_TYPE_NUMBER },
		{ "{\"\\b\\f\\n\\r\\t\":1}", "\b\f\n\r\t", "1",
		    JSON_TYPE_NUMBER },
		{ "{\"st\xC3\xB8rrelse\":1}", "st\xC3\xB8rrelse", "1",
		    JSON_TYPE_NUMBER },
		{ "{\"st\\u00f8rrelse\":1}", "st\xC3\xB8rrelse", "1",
		    JSON_TYPE_NUMBER },
		{ "{\"\\ud83d\\udce6\":1}", "\xF0\x9F\x93\xA6", "1",
		    JSON_TYPE_NUMBER },
		{ "{\"\\ud83d\\udce6\":1}", "\xF0\x9F", NULL, JSON_TYPE_NULL },
		{ "{\"\\ud83d\":1}", "\xED\xA0\xBD", NULL, JSON_TYPE_NULL },
		{ "{\"a\\ud83d\":1}", "a", NULL, JSON_TYPE_NULL },
		/* a C string cannot say a NUL, and must not stop there */
		{ "{\"a\\u0000\":1}", "a", NULL, JSON_TYPE_NULL },
		{ "{\"\\u0000\":1}", "", NULL, JSON_TYPE_NULL },
	};
	struct json_value got;
	size_t i;
	bool found;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		got = (struct json_value){ JSON_TYPE_NULL, { NULL, 0 } };
		found = json_member(scan(rows[i].object), rows[i].name, &got);
		if (found != (rows[i].want != NULL) ||
		    (found && !span_is(got.raw, rows[i].want)) ||
		    got.type != rows[i].type || (!found && got.raw.at))
			fail_msg("%s, %s: got %.*s, want %s", rows[i].object,
			    rows[i].name, (int)got.raw.len,
			    found ? got.raw.at : "", rows[i].want);
	}
}

static void
test_member_of_member(void **state)
{
	struct json_value value =
	    scan("{\"data\":{\"data\": { \"id\" : 119175 } },\"id\":1}");

	(void)state;
	assert_true(json_member(value, "data", &value));
	assert_true(json_member(value, "data", &value));
	assert_true(json_member(value, "id", &value));
	assert_true(span_is(value.raw, "119175"));
	assert_false(json_member(value, "id", &value));
	assert_true(span_is(value.raw, "119175"));
}

static void
test_decode_string(void **state)
{
	static const struct {
		const char *text;
		struct span want; /* at NULL: refused */
	} rows[] = {
		{ "\"\"", { "", 0 } },
		{ "\"abc\"", { "abc", 3 } },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", { "\"\\/\b\f\n\r\t", 8 } },
		{ "\"a\\u0000b\"", { "a\0b", 3 } },
		{ "\"\\u0041\\u00e6\\u20AC\"", { "A\xC3\xA6\xE2\x82\xAC", 6 } },
		{ "\"\\uaBcD\"", { "\xEA\xAF\x8D", 3 } },
		{ "\"\\uffff\\uD7FF\\ue000\"",
		    { "\xEF\xBF\xBF\xED\x9F\xBF\xEE\x80\x80", 9 } },
		{ "\"\\ud83d\\ude00\"", { "\xF0\x9F\x98\x80", 4 } },
		{ "\"\\ud800\\udc00\"", { "\xF0\x90\x80\x80", 4 } },
		{ "\"\\uDBFF\\uDFFF\"", { "\xF4\x8F\xBF\xBF", 4 } },
		{ "\"x\\ud83d\\ude00\\ud83d\\ude00y\"",
		    { "x\xF0\x9F\x98\x80\xF0\x9F\x98\x80y", 10 } },
		{ "\"\xF0\x9F\x98\x80\"", { "\xF0\x9F\x98\x80", 4 } },
		{ "\"\\\\u0041\"", { "\\u0041", 6 } },
		{ "\"{\\\"a\\\":\\\"b\\\\\\\"c\\\"}\"",
		    { "{\"a\":\"b\\\"c\"}", 12 } },
		/* RFC 8259 section 8.2: lone surrogates */
		{ "\"abc\\ud83d\"", { NULL, 0 } },
		{ "\"abc\\ude00\"", { NULL, 0 } },
		{ "\"\\ud800\"", { NULL, 0 } },
		{ "\"\\udbff\"", { NULL, 0 } },
		{ "\"\\udc00\"", { NULL, 0 } },
		{ "\"\\udfff\"", { NULL, 0 } },
		{ "\"\\ud83d\\u0041\"", { NULL, 0 } },
		{ "\"\\ud83d\\ud83d\"", { NULL, 0 } },
		{ "\"\\ud83d\\ud83d\\ude00\"", { NULL, 0 } },
		{ "\"\\ude00\\ud83d\"", { NULL, 0 } },
		{ "\"\\ude00\\ude00\"", { NULL, 0 } },
		{ "\"\\ud83dx\"", { NULL, 0 } },
		{ "\"\\ud83d\\n\"", { NULL, 0 } },
		{ "\"\\ud83d\\\\ude00\"", { NULL, 0 } },
		{ "\"\\udbff\\ue000\"", { NULL, 0 } },
		{ "\"\\udbff\\udbff\"", { NULL, 0 } },
		{ "\"\\ud83d\\ude00\\udc00\"", { NULL, 0 } },
		/* no strings */
		{ "1", { NULL, 0 } },
		{ "null", { NULL, 0 } },
		{ "[\"a\"]", { NULL, 0 } },
		{ "{\"a\":\"b\"}", { NULL, 0 } },
	};
	struct buf out = BUF_INIT(64);
	struct span got;
	size_t i;
	bool said;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&out);
		buf_append_text(&out, "kept");
		said = json_decode_string(scan(rows[i].text), &out);
		got = (struct span){ out.at + 4, out.len - 4 };
		if (said != (rows[i].want.at != NULL) ||
		    got.len != rows[i].want.len ||
		    (said && memcmp(got.at, rows[i].want.at, got.len) != 0) ||
		    memcmp(out.at, "kept", 4) != 0 || out.failed)
			fail_msg(
			    "%s: got %.*s", rows[i].text, (int)got.len, got.at);
	}
	buf_free(&out);
}

static void
test_decode_string_ceiling(void **state)
{
	struct buf out = BUF_INIT(4);
	struct error err = ERROR_INIT;

	(void)state;
	assert_true(json_decode_string(scan("\"\\u0061\\u0062cd\""), &out));
	assert_int_equal(buf_check(&out, &err), 0);
	buf_reset(&out);
	assert_true(json_decode_string(scan("\"abcd\\u0065\""), &out));
	assert_int_equal(buf_check(&out, &err), -1);
	assert_int_equal(err.code, ERROR_MEMORY);
	/* too long and unspeakable: the buffer is as it was */
	buf_reset(&out);
	assert_false(json_decode_string(scan("\"abcdefgh\\ud83d\""), &out));
	assert_int_equal(out.len, 0);
	assert_false(out.failed);
	buf_free(&out);
}

static void
assert_number(const char *text, double want)
{
	double got = 4711;

	assert_true(json_number(scan(text), &got));
	if (memcmp(&got, &want, sizeof(got)) != 0)
		fail_msg("%.60s: got %a, want %a", text, got, want);
}

static void
test_number(void **state)
{
	static const struct {
		const char *text;
		double want;
	} rows[] = {
		{ "0", 0.0 },
		{ "-0", -0.0 },
		{ "-0.0e5", -0.0 },
		{ "0e999999999999999999999999", 0.0 },
		{ "1", 1.0 },
		{ "-42", -42.0 },
		{ "1.5", 1.5 },
		{ "1.10", 1.1 },
		{ "0.1", 0.1 },
		{ "-0.00012e+3", -0.12 },
		{ "100e-2", 1.0 },
		{ "1E2", 100.0 },
		{ "1e+2", 100.0 },
		{ "1e0002", 100.0 },
		{ "1732208733", 1732208733.0 },
		{ "9007199254740993", 9007199254740992.0 },
		{ "9007199254740993.0001", 9007199254740994.0 },
		{ "123456789012345678901234567890",
		    123456789012345678901234567890.0 },
		{ "1.7976931348623157e308", 1.7976931348623157e308 },
		{ "1E400", HUGE_VAL },
		{ "-1e400", -HUGE_VAL },
		{ "1e99999999999999999999", HUGE_VAL },
		{ "-1e99999999999999999999", -HUGE_VAL },
		{ "1e-99999999999999999999", 0.0 },
		{ "4.9e-324", 4.9e-324 },
		{ "2.2250738585072014e-308", 2.2250738585072014e-308 },
		{ "1e-400", 0.0 },
		{ "-1e-400", -0.0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_number(rows[i].text, rows[i].want);
}

static void
append_zeros(struct buf *text, size_t count)
{
	while (count-- > 0)
		buf_append_byte(text, '0');
}

/* head, then zeros, then tail */
static void
assert_long_number(
    const char *head, size_t zeros, const char *tail, double want)
{
	struct buf text = BUF_INIT(ROOM);

	buf_append_text(&text, head);
	append_zeros(&text, zeros);
	buf_append_text(&text, tail);
	buf_append(&text, "", 1);
	assert_number(text.at, want);
	buf_free(&text);
}

static void
test_number_long(void **state)
{
	size_t zeros;

	(void)state;
	assert_long_number("1", 10000, "", HUGE_VAL);
	assert_long_number("-1", 10000, "", -HUGE_VAL);
	assert_long_number("1", 10000, "e-10000", 1.0);
	assert_long_number("12", 10000, "e-9999", 120.0);
	assert_long_number("0.", 10000, "1", 0.0);
	assert_long_number("0.", 10000, "15e10001", 1.5);
	assert_long_number("0.", 10000, "", 0.0);
	assert_long_number("1.5", 1000000, "", 1.5);
	assert_long_number("0.", 1000000, "25e1000001", 2.5);
	/* half way between two doubles, and a hair above it */
	for (zeros = 700; zeros < 900; zeros++) {
		assert_long_number(
		    "9007199254740993.", zeros, "", 9007199254740992.0);
		assert_long_number(
		    "9007199254740993.", zeros, "1", 9007199254740994.0);
		assert_long_number(
		    "9007199254740993.", zeros, "19", 9007199254740994.0);
	}
}

/*
 * (2^54 - 1) / 2^1075 lies half way between two doubles and has 768 digits,
 * as many as such a point can have. The last digit, 5, is left off.
 */
static const char half_way[] =
    "4450147717014402519147642514041536040154035526813977478576753526"
    "6120266568349951413708126829206461084782164986440754321120225206"
    "0024805475438366959278553944287415798167306559780886369972946500"
    "8220934546169393955624057432473113935871791314703736405577444989"
    "6230603026352327326665938919068627384443806161075753898808234874"
    "1561964516148197776110323581423800429751880383178430296416384978"
    "0526625404514642369501543722904448192425263397247277553720283676"
    "1223314045275532818152963888710721086727474559560291862013573209"
    "8423503356981704302231953474664667838396644265370703825667756978"
    "3826761431065681942007757987254481373453326795218299668699662689"
    "7593533069381831182603797982290422495647610946820195511813521925"
    "831718993954860378616227717385456230658746790140867233276367187";

static void
test_number_longest_half_way(void **state)
{
	(void)state;
	assert_long_number(half_way, 0, "4e-1075", 0x1.fffffffffffffp-1022);
	assert_long_number(half_way, 0, "5e-1075", 0x1p-1021);
	assert_long_number(half_way, 0, "51e-1076", 0x1p-1021);
	assert_long_number(half_way, 1000, "e-2074", 0x1.fffffffffffffp-1022);
}

static void
test_number_is_no_number(void **state)
{
	static const char *const rows[] = { "\"1\"", "null", "true", "false",
		"[1]", "{\"a\":1}" };
	double number = 4711;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_false(json_number(scan(rows[i]), &number));
	assert_true(number > 4710 && number < 4712);
}

/* The bytes after a number belong to somebody else. */
static void
test_number_ends_with_its_span(void **state)
{
	struct json_value value = { JSON_TYPE_NUMBER, { "123456", 3 } };
	double number = 0;

	(void)state;
	assert_true(json_number(value, &number));
	assert_true(number > 122.5 && number < 123.5);
}

static void
test_append_string(void **state)
{
	static const struct {
		struct span given;
		const char *want;
	} rows[] = {
		{ { NULL, 0 }, "\"\"" },
		{ { "abc", 3 }, "\"abc\"" },
		{ { "a\"b\\c/", 6 }, "\"a\\\"b\\\\c/\"" },
		{ { "\b\f\n\r\t", 5 }, "\"\\b\\f\\n\\r\\t\"" },
		{ { "a\0b", 3 }, "\"a\\u0000b\"" },
		{ { "\x01\x1b\x1f", 3 }, "\"\\u0001\\u001b\\u001f\"" },
		{ { "~\x7f", 2 }, "\"~\\u007f\"" },
		{ { "\xE2\x80\xA8|\xE2\x80\xA9", 7 }, "\"\\u2028|\\u2029\"" },
		{ { "\xE2\x80\xAA|\xE2\x80\xAE", 7 }, "\"\\u202a|\\u202e\"" },
		{ { "\xE2\x81\xA6|\xE2\x81\xA9", 7 }, "\"\\u2066|\\u2069\"" },
		{ { "\xE2\x80\xA7|\xE2\x81\xA5", 7 },
		    "\"\xE2\x80\xA7|\xE2\x81\xA5\"" },
		{ { "\xE2\x80\xA7\xE2\x80\xAF", 6 },
		    "\"\xE2\x80\xA7\xE2\x80\xAF\"" },
		{ { "\xC2\x80\xC3\xA6\xF0\x9F\x93\xA6", 8 },
		    "\"\xC2\x80\xC3\xA6\xF0\x9F\x93\xA6\"" },
	};
	struct buf out = BUF_INIT(64);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		buf_reset(&out);
		json_append_string(&out, rows[i].given);
		if (!span_is(buf_span(&out), rows[i].want))
			fail_msg("row %zu: got %.*s, want %s", i, (int)out.len,
			    out.at, rows[i].want);
	}
	buf_free(&out);
}

static void
assert_round_trip(struct span given)
{
	struct buf text = BUF_INIT(ROOM), said = BUF_INIT(ROOM);
	struct json_value value;
	size_t i;

	json_append_string(&text, given);
	assert_true(scan_exactly(buf_span(&text), &value));
	assert_int_equal(value.raw.len, text.len);
	assert_true(json_decode_string(value, &said));
	assert_int_equal(said.len, given.len);
	assert_memory_equal(said.at, given.at, given.len);
	for (i = 0; i < text.len; i++)
		assert_true(
		    (unsigned char)text.at[i] >= 0x20 && text.at[i] != 0x7F);
	buf_free(&said);
	buf_free(&text);
}

static void
test_round_trip(void **state)
{
	/* both ends of every length, and their neighbours */
	static const unsigned long beyond_ascii[] = { 0x80, 0x9F, 0xE6, 0x7FF,
		0x800, 0x2027, 0x2028, 0x2029, 0x202A, 0x20AC, 0xD7FF, 0xE000,
		0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x1F4E6, 0x10FFFF };
	struct buf all = BUF_INIT(ROOM);
	unsigned long c;
	size_t i;
	char byte;

	(void)state;
	for (c = 0; c < 0x80; c++) {
		byte = (char)c;
		assert_round_trip((struct span){ &byte, 1 });
		buf_append_byte(&all, byte);
	}
	for (i = 0; i < COUNT(beyond_ascii); i++)
		utf8_append(&all, beyond_ascii[i]);
	assert_round_trip(buf_span(&all));
	buf_reset(&all);
	for (c = 0; c <= 0x10FFFF; c++)
		if (c < 0xD800 || c > 0xDFFF)
			utf8_append(&all, c);
	assert_round_trip(buf_span(&all));
	buf_free(&all);
}

/* The members one after the other: "NAME=VALUE;", then how it ended */
static void
append_walk(struct buf *out, struct span text)
{
	struct json_value name, value;
	struct json_walk walk;

	if (!json_walk_start(text, &walk)) {
		buf_append_text(out, "neither");
		return;
	}
	for (;;) {
		if (walk.object && !json_walk_name(&walk, &name))
			break;
		if (walk.object) {
			assert_int_equal(name.type, JSON_TYPE_STRING);
			buf_append_span(out, name.raw);
			buf_append_byte(out, '=');
		}
		if (!json_walk_value(&walk, &value))
			break;
		buf_append_span(out, value.raw);
		buf_append_byte(out, ';');
	}
	buf_append_text(out, walk.closed ? "closed" : "open");
	assert_ptr_equal(walk.rest.at + walk.rest.len, text.at + text.len);
	if (walk.closed)
		buf_append_span(out, walk.rest);
	/* It has ended, and stays so. */
	if (walk.closed) {
		assert_false(json_walk_name(&walk, &name));
		if (!walk.object)
			assert_false(json_walk_value(&walk, &value));
	}
	/* An array has no names. */
	if (!walk.object)
		assert_false(json_walk_name(&walk, &name));
}

static void
assert_walk(struct span text, const char *want)
{
	struct buf out = BUF_INIT(ROOM);
	char *copy = malloc(text.len ? text.len : 1);

	assert_non_null(copy);
	if (text.len)
		memcpy(copy, text.at, text.len);
	append_walk(&out, (struct span){ copy, text.len });
	if (!span_is(buf_span(&out), want))
		fail_msg("%.*s: got %.*s, want %s", (int)text.len, text.at,
		    (int)out.len, out.at, want);
	free(copy);
	buf_free(&out);
}

static void
test_walk(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "{}", "closed" },
		{ " \t\r\n{ } x", "closed x" },
		{ "{\"a\":1}", "\"a\"=1;closed" },
		{ " { \"a\" : 1 , \"b\" : [ 2 ] } ",
		    "\"a\"=1;\"b\"=[ 2 ];closed " },
		{ "{\"a\":1,\"a\":2}", "\"a\"=1;\"a\"=2;closed" },
		{ "{\"\":\"\"}", "\"\"=\"\";closed" },
		{ "{\"a\":{\"b\":{}},\"c\":[{}]}",
		    "\"a\"={\"b\":{}};\"c\"=[{}];closed" },
		{ "{\"\\u0061\\\"\":null}", "\"\\u0061\\\"\"=null;closed" },
		{ "{\"a\":1}{\"b\":2}", "\"a\"=1;closed{\"b\":2}" },
		{ "{\"a\":1}]", "\"a\"=1;closed]" },
		/* no object begins */
		{ "", "neither" },
		{ " ", "neither" },
		{ "1", "neither" },
		{ "[]", "closed" },
		{ " [ ] x", "closed x" },
		{ "[1, \"a\" ,{\"b\":[]}, [null]]x",
		    "1;\"a\";{\"b\":[]};[null];closedx" },
		{ "[", "open" },
		{ "[1", "open" },
		{ "[1,", "1;open" },
		{ "[1,]", "1;open" },
		{ "[,1]", "open" },
		{ "[1}", "1;open" },
		{ "[1 2]", "1;open" },
		{ "[\"a\":1]", "\"a\";open" },
		{ "\"{\"", "neither" },
		{ "x{}", "neither" },
		{ "\xef\xbb\xbf{}", "neither" },
		/* cut off: where the text ends a number may not be whole */
		{ "{", "open" },
		{ "{\"a", "open" },
		{ "{\"a\"", "open" },
		{ "{\"a\":", "\"a\"=open" },
		{ "{\"a\":1", "\"a\"=open" },
		{ "{\"a\":1 ", "\"a\"=1;open" },
		{ "{\"a\":1,", "\"a\"=1;open" },
		{ "{\"a\":tru", "\"a\"=open" },
		{ "{\"a\":\"x", "\"a\"=open" },
		{ "{\"a\":[1", "\"a\"=open" },
		/* broken further on */
		{ "{\"a\":1,}", "\"a\"=1;open" },
		{ "{,\"a\":1}", "open" },
		{ "{\"a\":1,,\"b\":2}", "\"a\"=1;open" },
		{ "{\"a\":1 \"b\":2}", "\"a\"=1;open" },
		{ "{\"a\":1;\"b\":2}", "\"a\"=1;open" },
		{ "{\"a\":1]", "\"a\"=1;open" },
		{ "{\"a\"1}", "open" },
		{ "{\"a\"::1}", "\"a\"=open" },
		{ "{a:1}", "open" },
		{ "{1:1}", "open" },
		{ "{\"a\":01}", "\"a\"=0;open" },
		{ "{\"a\":1.}", "\"a\"=open" },
		{ "{\"a\":-}", "\"a\"=open" },
		{ "{\"a\":nul}", "\"a\"=open" },
		{ "{\"a\":}", "\"a\"=open" },
		{ "{\"a\":[1,]}", "\"a\"=open" },
		{ "{\"a\":{]}", "\"a\"=open" },
		{ "{\"a\":\"\xff\"}", "\"a\"=open" },
		{ "{\"\xff\":1}", "open" },
		{ "{\"a\":\"\n\"}", "\"a\"=open" },
		{ "{\"a\":\"\\x\"}", "\"a\"=open" },
		{ "{\"a\":1,\"b\":x}", "\"a\"=1;\"b\"=open" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_walk(span_of(rows[i].text), rows[i].want);
	assert_walk((struct span){ NULL, 0 }, "neither");
	assert_walk((struct span){ "{\"a\":1\0}", 8 }, "\"a\"=1;open");
	assert_walk((struct span){ "\0{}", 3 }, "neither");
}

/* A walk that reaches the end of the text has seen what json_scan() takes. */
static void
test_walk_of_every_front(void **state)
{
	static const char text[] =
	    "{ \"a\" : -1.5e+7 , \"b\":\"\\ud83d\\udce6 \xc3\xa6\" ,"
	    "\"c\":[1,{\"d\":[]},null],\"\\u0065\":{\"f\":true} } \n";
	struct json_value name, value, whole;
	struct json_walk walk;
	unsigned full = 0;
	size_t len;
	char *copy;

	(void)state;
	for (len = 0; len < sizeof(text); len++) {
		copy = malloc(len + 1);
		memcpy(copy, text, len);
		copy = realloc(copy, len ? len : 1);
		if (json_walk_start((struct span){ copy, len }, &walk)) {
			while (json_walk_name(&walk, &name) &&
			    json_walk_value(&walk, &value))
				assert_true(json_scan(value.raw, &whole));
			assert_int_equal(walk.closed,
			    json_scan((struct span){ copy, len }, &whole));
			full += walk.closed;
		}
		free(copy);
	}
	assert_int_equal(full, 3);
}

/* Each member may be as deep as a whole text. */
static void
test_walk_depth(void **state)
{
	struct buf text = BUF_INIT(ROOM);
	struct json_value name, value;
	struct json_walk walk;
	unsigned levels, i;

	(void)state;
	for (levels = JSON_DEPTH_MAX - 1; levels <= JSON_DEPTH_MAX + 1;
	     levels++) {
		buf_reset(&text);
		buf_append_text(&text, "{\"a\":");
		for (i = 0; i < levels; i++)
			buf_append_text(&text, i % 2 ? "{\"b\":" : "[");
		buf_append_byte(&text, '1');
		while (i-- > 0)
			buf_append_byte(&text, i % 2 ? '}' : ']');
		buf_append_byte(&text, '}');
		assert_true(json_walk_start(buf_span(&text), &walk));
		assert_true(json_walk_name(&walk, &name));
		assert_int_equal(
		    json_walk_value(&walk, &value), levels <= JSON_DEPTH_MAX);
	}
	buf_free(&text);
}

static void
test_media_type(void **state)
{
	static const struct {
		struct span type;
		bool want;
	} rows[] = {
		{ { "application/json", 16 }, true },
		{ { "APPLICATION/Json", 16 }, true },
		{ { "application/json;charset=utf-8", 30 }, true },
		{ { "application/json ; charset=utf-8", 32 }, true },
		{ { "application/json\t", 17 }, true },
		{ { "application/jsonx", 17 }, false },
		{ { "application/json", 15 }, false },
		{ { "xapplication/json", 17 }, false },
		{ { " application/json", 17 }, false },
		{ { "application/json,text/plain", 27 }, false },
		{ { "application/cloudevents+json", 28 }, true },
		{ { "application/problem+JSON; a=\"+xml\"", 34 }, true },
		{ { "image/svg+xml; a=+json", 22 }, false },
		{ { "+json", 5 }, false },
		{ { "a+json", 6 }, true },
		{ { "application/x+json-seq", 22 }, false },
		{ { "application/json-seq", 20 }, false },
		{ { "text/json", 9 }, false },
		{ { "json", 4 }, false },
		{ { "text/plain", 10 }, false },
		{ { ";application/json", 17 }, false },
		{ { "", 0 }, false },
		{ { NULL, 0 }, false },
		/* a NUL byte ends nothing */
		{ { "application/json\0x", 18 }, false },
		{ { "text/x+json\0", 12 }, false },
	};
	char *copy;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		copy = malloc(rows[i].type.len ? rows[i].type.len : 1);
		if (rows[i].type.len)
			memcpy(copy, rows[i].type.at, rows[i].type.len);
		if (json_media_type((struct span){ copy, rows[i].type.len }) !=
		    rows[i].want)
			fail_msg("row %zu, %.*s: want %d", i,
			    (int)rows[i].type.len, rows[i].type.at,
			    rows[i].want);
		free(copy);
	}
}

static void
test_path(void **state)
{
	static const struct {
		const char *object, *path, *want; /* NULL: not found */
	} rows[] = {
		{ "{\"a\":1}", "a", "1" },
		{ "{\"a\":{\"b\":2}}", "a.b", "2" },
		{ "{\"a\":{\"b\":{\"c\":null}}}", "a.b.c", "null" },
		{ "{\"a\":{\"b\":2}}", "a", "{\"b\":2}" },
		{ "{\"a\":{\"b\":2}}", "b", NULL },
		{ "{\"a\":{\"b\":2}}", "a.c", NULL },
		{ "{\"a\":1}", "a.b", NULL },
		{ "{\"a\":[{\"b\":1}]}", "a.b", NULL },
		{ "{\"a\":\"b\"}", "a.b", NULL },
		{ "{\"a.b\":1}", "a.b", NULL },
		{ "{\"a\":{\"b\":1},\"a\":{\"b\":2}}", "a.b", "2" },
		{ "{\"a\":{\"b\":1},\"a\":3}", "a.b", NULL },
		{ "{\"\\u0061\":{\"\\u0062\":1}}", "a.b", "1" },
		{ "{\"\":1}", "x", NULL },
		{ "{\"\":{\"b\":1}}", ".b", "1" },
		{ "{\"a\":{\"b\":1,\"b\":2}}", "a.b", "2" },
		{ "{\"x\":{\"b\":3},\"a\":{},\"y\":{\"b\":4}}", "a.b", NULL },
		{ "{\"x\":{\"b\":3},\"a\":{\"b\":1},\"y\":{\"b\":4}}", "a.b",
		    "1" },
		{ "[1]", "a", NULL },
		{ "1", "a", NULL },
	};
	struct json_members members;
	struct json_value found, value;
	size_t i;
	bool got;

	(void)state;
	for (i = 0; i < COUNT(rows) * 2; i++) {
		found = (struct json_value){ JSON_TYPE_NULL, { NULL, 0 } };
		assert_true(json_scan_members(
		    span_of(rows[i % COUNT(rows)].object), &value, &members));
		/* By the notes, and without them. */
		members.full = i >= COUNT(rows);
		got = json_path(&members, rows[i % COUNT(rows)].path, &found);
		if (got != (rows[i % COUNT(rows)].want != NULL) ||
		    (got && !span_is(found.raw, rows[i % COUNT(rows)].want)) ||
		    (!got && found.raw.at))
			fail_msg("%s in %s: got %.*s",
			    rows[i % COUNT(rows)].path,
			    rows[i % COUNT(rows)].object, (int)found.raw.len,
			    got ? found.raw.at : "");
	}
}

/* With as many members as are noted, and with one more, on both levels */
static void
test_list(void **state)
{
	struct buf text = BUF_INIT(4096);
	struct json_members members;
	struct json_value found;
	char path[16];
	unsigned count, i;

	(void)state;
	for (count = 2; count <= JSON_MEMBERS_MAX + 2; count++) {
		buf_reset(&text);
		buf_append_text(&text, "{\"x\":0,\"\\u0078\":1");
		for (i = 2; i < count / 2; i++)
			buf_printf(&text, ",\"m%u\":%u", i, i);
		buf_append_text(&text, ",\"a\":{\"m1\":1");
		for (i = 2; i < count / 2; i++)
			buf_printf(&text, ",\"m%u\":%u", i, i);
		buf_append_text(&text, "},\"b\":{\"m1\":99}}");
		assert_true(
		    json_scan_members(buf_span(&text), &found, &members));
		/* x, x, a, a.m1, b, b.m1, and two for every m */
		i = 6 + (count / 2 > 2 ? 2 * (count / 2 - 2) : 0);
		assert_int_equal(members.full, i > JSON_MEMBERS_MAX);
		/* Of two with one name the last one counts. */
		assert_true(json_listed(&members, "x", &found));
		assert_true(span_is(found.raw, "1"));
		for (i = 2; i < count / 2; i++) {
			(void)snprintf(path, sizeof(path), "a.m%u", i);
			assert_true(json_path(&members, path, &found));
			assert_int_equal(atoi(found.raw.at), i);
			assert_true(json_listed(&members, path + 2, &found));
			assert_int_equal(atoi(found.raw.at), i);
		}
		assert_true(json_path(&members, "b.m1", &found));
		assert_int_equal(atoi(found.raw.at), 99);
		assert_false(json_path(&members, "b.m2", &found));
		assert_false(json_listed(&members, "m1", &found));
		assert_false(json_listed(&members, "\\u0078", &found));
	}
	assert_true(json_scan_members(span_of("[1]"), &found, &members));
	assert_false(json_listed(&members, "x", &found));
	assert_true(
	    json_scan_members(span_of("[{\"x\":1}]"), &found, &members));
	assert_int_equal(members.count, 0);
	assert_false(json_listed(&members, "x", &found));
	buf_free(&text);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conformance),
		cmocka_unit_test(test_scan_leaves_value_alone_on_failure),
		cmocka_unit_test(test_string_every_byte_at_every_place),
		cmocka_unit_test(test_member),
		cmocka_unit_test(test_member_of_member),
		cmocka_unit_test(test_decode_string),
		cmocka_unit_test(test_decode_string_ceiling),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_number_long),
		cmocka_unit_test(test_number_longest_half_way),
		cmocka_unit_test(test_number_is_no_number),
		cmocka_unit_test(test_number_ends_with_its_span),
		cmocka_unit_test(test_append_string),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_walk_of_every_front),
		cmocka_unit_test(test_walk_depth),
		cmocka_unit_test(test_media_type),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
