/* SPDX-License-Identifier: MIT */
/*
 * test_form - lib/base/form against the WHATWG URL standard, section 5.1
 *
 * What is decoded lies in a block of just its size, so that a read past the
 * end shows under the address sanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/form.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LITERAL(text)                                                          \
	{                                                                      \
		(text), sizeof(text) - 1                                       \
	}

/* A copy in a block of exactly its size; free() its bytes. */
static struct span
exact(struct span bytes)
{
	char *copy = malloc(bytes.len ? bytes.len : 1);

	assert_non_null(copy);
	if (bytes.len)
		memcpy(copy, bytes.at, bytes.len);
	return (struct span){ copy, bytes.len };
}

static void
let_go(struct span bytes)
{
	free((void *)(uintptr_t)bytes.at);
}

static bool
same(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static void
test_decode(void **state)
{
	static const struct {
		struct span text, want;
	} rows[] = {
		{ LITERAL(""), LITERAL("") },
		{ LITERAL("abc"), LITERAL("abc") },
		{ LITERAL("+"), LITERAL(" ") },
		{ LITERAL("a+b++c"), LITERAL("a b  c") },
		{ LITERAL("%2B"), LITERAL("+") },
		{ LITERAL("%2b"), LITERAL("+") },
		{ LITERAL("%20"), LITERAL(" ") },
		{ LITERAL("%00"), LITERAL("\0") },
		{ LITERAL("a%00b"), LITERAL("a\0b") },
		{ LITERAL("%ff%FE"), LITERAL("\xff\xfe") },
		{ LITERAL("n%C3%B8rre"), LITERAL("n\xc3\xb8rre") },
		{ LITERAL("%41%42"), LITERAL("AB") },
		{ LITERAL("x%41"), LITERAL("xA") },
		/* once, and only once */
		{ LITERAL("%2541"), LITERAL("%41") },
		{ LITERAL("%25"), LITERAL("%") },
		/* no escapes: as they are */
		{ LITERAL("%"), LITERAL("%") },
		{ LITERAL("%4"), LITERAL("%4") },
		{ LITERAL("%%"), LITERAL("%%") },
		{ LITERAL("%zz"), LITERAL("%zz") },
		{ LITERAL("%4z"), LITERAL("%4z") },
		{ LITERAL("%z4"), LITERAL("%z4") },
		{ LITERAL("% 41"), LITERAL("% 41") },
		{ LITERAL("%+4"), LITERAL("% 4") },
		{ LITERAL("%4+"), LITERAL("%4 ") },
		{ LITERAL("%%41"), LITERAL("%A") },
		{ LITERAL("%4%41"), LITERAL("%4A") },
		{ LITERAL("a%"), LITERAL("a%") },
		{ LITERAL("%41%"), LITERAL("A%") },
		{ LITERAL("%41%4"), LITERAL("A%4") },
		{ LITERAL("%u0041"), LITERAL("%u0041") },
		{ LITERAL("100% sure"), LITERAL("100% sure") },
		/* separators are nothing special here */
		{ LITERAL("a=b&c;d"), LITERAL("a=b&c;d") },
		{ LITERAL("a\0b"), LITERAL("a\0b") },
	};
	struct buf out = BUF_INIT(64);
	struct span text;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		text = exact(rows[i].text);
		buf_reset(&out);
		buf_append_text(&out, "kept");
		form_decode(text, &out);
		if (out.failed || memcmp(out.at, "kept", 4) != 0 ||
		    !same(
			(struct span){ out.at + 4, out.len - 4 }, rows[i].want))
			fail_msg("%s: got \"%.*s\"", rows[i].text.at,
			    (int)out.len - 4, out.at + 4);
		let_go(text);
	}
	buf_free(&out);
}

static void
test_decode_every_byte(void **state)
{
	struct buf out = BUF_INIT(1024), text = BUF_INIT(1024);
	unsigned c;

	(void)state;
	for (c = 0; c < 256; c++)
		buf_printf(&text, c % 2 ? "%%%02X" : "%%%02x", c);
	form_decode(buf_span(&text), &out);
	assert_int_equal(out.len, 256);
	for (c = 0; c < 256; c++)
		assert_int_equal((unsigned char)out.at[c], c);
	buf_free(&text);
	buf_free(&out);
}

static void
test_decode_ceiling(void **state)
{
	struct buf out = BUF_INIT(2);
	struct error err = ERROR_INIT;

	(void)state;
	form_decode(span_of("%41%42"), &out);
	assert_int_equal(buf_check(&out, &err), 0);
	assert_int_equal(out.len, 2);
	form_decode(span_of("%43"), &out);
	assert_int_equal(out.len, 2);
	assert_int_equal(buf_check(&out, &err), -1);
	assert_int_equal(err.code, ERROR_MEMORY);
	buf_free(&out);
}

static void
test_field(void **state)
{
	static const struct {
		const char *form, *name;
		size_t count;
		const char *want; /* the first one's value */
	} rows[] = {
		{ "", "a", 0, "" },
		{ "a=1", "a", 1, "1" },
		{ "a=1&b=2", "b", 1, "2" },
		{ "a=1&b=2", "c", 0, "" },
		{ "a=1&b=2&a=3", "a", 2, "1" },
		{ "a=&a=3", "a", 2, "" },
		{ "a=1&a=1&a=1", "a", 3, "1" },
		/* without = the value is empty */
		{ "a", "a", 1, "" },
		{ "a&b=1", "a", 1, "" },
		{ "b=1&a", "a", 1, "" },
		{ "a=", "a", 1, "" },
		/* only the first = counts */
		{ "a=b=c", "a", 1, "b=c" },
		{ "a==", "a", 1, "=" },
		{ "a=b%3Dc", "a", 1, "b=c" },
		{ "a%3Db=c", "a=b", 1, "c" },
		{ "a%3Db=c", "a", 0, "" },
		/* empty parts are none */
		{ "&", "", 0, "" },
		{ "&&&", "a", 0, "" },
		{ "&a=1", "a", 1, "1" },
		{ "a=1&", "a", 1, "1" },
		{ "b=2&&a=1&&", "a", 1, "1" },
		/* a name can be empty, and is then not another one */
		{ "=", "", 1, "" },
		{ "=v", "", 1, "v" },
		{ "=v", "v", 0, "" },
		{ "=v&a=1", "a", 1, "1" },
		{ "a=1", "", 0, "" },
		/* names are decoded like values */
		{ "%61=1", "a", 1, "1" },
		{ "client%5Fid=x", "client_id", 1, "x" },
		{ "client+id=x", "client id", 1, "x" },
		{ "a=1&%61=2", "a", 2, "1" },
		{ "%61%00=1", "a", 0, "" },
		{ "a%=1", "a%", 1, "1" },
		{ "a%26b=1", "a&b", 1, "1" },
		/* neither prefixes, nor another case, nor spaces */
		{ "ab=1", "a", 0, "" },
		{ "a=1", "ab", 0, "" },
		{ "A=1", "a", 0, "" },
		{ " a=1", "a", 0, "" },
		{ "a =1", "a", 0, "" },
		{ "b=a=1", "a", 0, "" },
		/* ; separated once, and does no more */
		{ "a=1;b=2", "a", 1, "1;b=2" },
		{ "a=1;b=2", "b", 0, "" },
		{ "a=1\r\n", "a", 1, "1\r\n" },
		{ "a=1%26b=2", "b", 0, "" },
		{ "a=1%26b=2", "a", 1, "1&b=2" },
		{ "a=%", "a", 1, "%" },
		{ "a=%&b=1", "a", 1, "%" },
		{ "a=%4&b=1", "a", 1, "%4" },
		{ "a=%4&1", "a", 1, "%4" },
		/* RFC 6749 4.4.2, as a client of Tradecloud sends it */
		{ "client_id=shop&client_secret=a%2Bb+c&grant_type="
		  "client_credentials&client_info=1&scope=orders+openid",
		    "client_secret", 1, "a+b c" },
	};
	struct buf out = BUF_INIT(128);
	struct span form;
	size_t i, count;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		form = exact(span_of(rows[i].form));
		buf_reset(&out);
		count = form_field(form, rows[i].name, &out);
		if (count != rows[i].count ||
		    !span_is(buf_span(&out), rows[i].want) || out.failed)
			fail_msg("%s, %s: got %zu \"%.*s\", want %zu \"%s\"",
			    rows[i].form, rows[i].name, count, (int)out.len,
			    out.len ? out.at : "", rows[i].count, rows[i].want);
		let_go(form);
	}
	buf_free(&out);
}

static void
test_field_without_form(void **state)
{
	struct buf out = BUF_INIT(8);

	(void)state;
	assert_int_equal(form_field((struct span){ NULL, 0 }, "a", &out), 0);
	assert_int_equal(form_field((struct span){ NULL, 0 }, "", &out), 0);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

/* The value is appended, and counted even where it does not fit. */
static void
test_field_ceiling(void **state)
{
	struct buf out = BUF_INIT(6);

	(void)state;
	buf_append_text(&out, "kept");
	assert_int_equal(form_field(span_of("a=12&a=3"), "a", &out), 2);
	assert_true(span_is(buf_span(&out), "kept12"));
	assert_false(out.failed);
	assert_int_equal(form_field(span_of("a=3"), "a", &out), 1);
	assert_true(out.failed);
	buf_free(&out);
}

static void
test_field_among_many(void **state)
{
	struct buf form = BUF_INIT(1 << 20), out = BUF_INIT(64);
	char name[16], want[16];
	unsigned i;

	(void)state;
	for (i = 0; i < 1000; i++)
		buf_printf(&form, "%sf%u=v%u", i ? "&" : "", i, i);
	for (i = 0; i < 1000; i += 37) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		(void)snprintf(want, sizeof(want), "v%u", i);
		buf_reset(&out);
		assert_int_equal(form_field(buf_span(&form), name, &out), 1);
		assert_true(span_is(buf_span(&out), want));
	}
	buf_free(&out);
	buf_free(&form);
}

/* What a token endpoint may be sent, and is no form */
static void
test_is_form(void **state)
{
	static const char *const forms[] = { "", "a=", "a=1", "a=1&b=2", "a=1&",
		"&a=1", "a=1&&b=2", "a==", "a=b=c", "grant_type=x&a.b-c~d*=%",
		"client%5Fid=a", "a+b=c", "a=\xc3\xb8 {\"}\n" };
	static const char *const others[] = { "a", "=", "=1", "a&b=1", "a=1&b",
		"{\"a\":1}", "{\"a\":\"b=\"}", "[\"a=b\"]", "<a b=\"c\"/>",
		"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb",
		" a=1", "a b=1", "\na=1",
		"\xef\xbb\xbf"
		"a=1",
		"(a)=1" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (!form_is(span_of(forms[i])))
			fail_msg("a form: %s", forms[i]);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (form_is(span_of(others[i])))
			fail_msg("no form: %s", others[i]);
	assert_true(form_is((struct span){ NULL, 0 }));
	assert_false(form_is((struct span){ "a\0=1", 4 }));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_decode_every_byte),
		cmocka_unit_test(test_decode_ceiling),
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_field_without_form),
		cmocka_unit_test(test_field_ceiling),
		cmocka_unit_test(test_field_among_many),
		cmocka_unit_test(test_is_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
