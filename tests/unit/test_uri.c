/* SPDX-License-Identifier: MIT */
/*
 * test_uri - lib/base/uri (RFC 3986) and lib/message/media_type (RFC 2046)
 */
#include "support.h"

#include "message/media_type.h"
#include "base/uri.h"

/* RFC 3986 1.1.2 and 5.4 have many of these. */
static void
test_references(void **state)
{
	static const char *const good[] = { "", "/", "//", "///", "a", "a/b",
		"./a:b", "?", "#", "?a/?:@", "#a/?", "g;x=1/../y", "../../g",
		"ftp://ftp.is.co.za/rfc/rfc1808.txt",
		"ldap://[2001:db8::7]/c=GB?objectClass?one",
		"mailto:John.Doe@example.com", "news:comp.infosystems.www",
		"tel:+1-816-555-1212", "telnet://192.0.2.16:80/",
		"urn:oasis:names:specification:docbook:dtd:xml:4.1.2",
		"http://a/b/c/d;p?q", "http:g", "http:", "a+b-c.d:e",
		"https://user:pw@host:/x", "//host:80", "https:///x",
		"https://[v1.a:b]/", "https://[::ffff:192.0.2.1]:1/",
		"%41%ff%20", "!$&'()*+,;=~._-@" };
	static const char *const bad[] = { " ", "a b", "a\"b", "<", ">", "\\",
		"^", "`", "{", "|", "}", "[", "]", "/[", "a]b", "%", "%4",
		"%4g", "%%41", "\x01", "\x7f", "\xc3\xb8", "#a#b", "1:2", ":a",
		"a%41:b", "+a:b", "//[", "//[]", "//[::1", "//[::1]x",
		"//[::1]:x", "//[fe80::1%25eth0]", "//[1.2.3.4]", "//[v.a]",
		"//[v1.]", "//[v1a]", "//host:80x", "//a@b@c", "//a:b:c",
		"http://a/[b]", "http://a?[", "http://a#[" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++)
		if (!uri_is_reference(span_of(good[i])))
			fail_msg("%s: refused", good[i]);
	for (i = 0; i < COUNT(bad); i++)
		if (uri_is_reference(span_of(bad[i])))
			fail_msg("%s: taken", bad[i]);
	assert_false(uri_is_reference((struct span)LITERAL("a\0b")));
	assert_false(uri_is_reference((struct span)LITERAL("//[::1\0]")));
	assert_false(uri_is_reference((struct span)LITERAL("/\0")));
}

/* Whatever the bytes, the outcome is one, and encoding it again changes
 * nothing. */
static void
test_append(void **state)
{
	struct buf once = BUF_INIT(ROOM), twice = BUF_INIT(ROOM);
	unsigned a, b;
	char bytes[3];

	(void)state;
	for (a = 0; a < 256; a++)
		for (b = 0; b < 256; b++) {
			bytes[0] = (char)a;
			bytes[1] = (char)b;
			bytes[2] = '1';
			buf_reset(&once);
			buf_reset(&twice);
			buf_append_text(&once, "/");
			uri_append(&once, (struct span){ bytes, 3 }, ":@/");
			if (!uri_is_reference(buf_span(&once)) &&
			    memcmp(once.at, "//", 2) != 0)
				fail_msg("%02x%02x: no reference", a, b);
			uri_append(&twice, buf_span(&once), ":@/");
			assert_same("twice", buf_span(&twice), buf_span(&once));
		}
	buf_free(&once);
	buf_free(&twice);
}

static void
test_media_types(void **state)
{
	static const struct {
		const char *header, *want;
	} rows[] = {
		{ "text/plain", "text/plain" },
		{ "  text/plain  ", "text/plain" },
		{ "application/vnd.a+json;v=1", "application/vnd.a+json;v=1" },
		{ "text/plain; charset=utf-8", "text/plain; charset=utf-8" },
		{ "text/plain ;  charset=utf-8",
		    "text/plain ;  charset=utf-8" },
		{ "multipart/mixed; boundary=\"a b;\\\"c\"; x=y",
		    "multipart/mixed; boundary=\"a b;\\\"c\"; x=y" },
		{ "text/plain;", "text/plain" },
		{ "text/plain; charset", "text/plain" },
		{ "text/plain; charset=", "text/plain" },
		{ "text/plain; charset = x", "text/plain" },
		{ "text/plain; a=b; =c", "text/plain; a=b" },
		{ "text/plain; a=\"b", "text/plain" },
		{ "text/plain; a=\"b\\", "text/plain" },
		{ "text/plain; a=\"\x01\"", "text/plain" },
		{ "text/plain; a=\"\xc3\xb8\"", "text/plain" },
		{ "text/plain;\ta=b", "text/plain" },
		{ "", "" },
		{ " ", "" },
		{ "/", "" },
		{ "text", "" },
		{ "text/", "" },
		{ "/plain", "" },
		{ "text/plain/x", "" },
		{ "text/pl\xc3\xb8in", "" },
		{ "text/plain, text/html", "" },
		{ "te xt/plain", "" },
		{ "text /plain", "" },
		{ "text/plain x", "" },
		{ "\ttext/plain", "" },
		{ "garbage", "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_same(rows[i].header,
		    media_type_of(span_of(rows[i].header)),
		    span_of(rows[i].want));
	assert_int_equal(media_type_of((struct span){ NULL, 0 }).len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_media_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
