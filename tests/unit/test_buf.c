/* SPDX-License-Identifier: MIT */
/*
 * test_buf - lib/base/buf: growable bytes with a ceiling
 */
#include "support.h"

/* Every ceiling and every length around it, in one piece and byte by byte */
static void
test_ceilings(void **state)
{
	static const size_t ceilings[] = { 0, 1, 2, 255, 256, 257, 300, 511,
		512, 513, 1000, 4096 };
	static char bytes[5000];
	struct error err;
	size_t i, len, way, n;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7);
	for (i = 0; i < COUNT(ceilings); i++)
		for (way = 0; way < 2; way++)
			for (len = ceilings[i] > 3 ? ceilings[i] - 3 : 0;
			     len < ceilings[i] + 4; len++) {
				struct buf b = BUF_INIT(ceilings[i]);
				bool fits = len <= ceilings[i];

				err = (struct error)ERROR_INIT;
				if (way == 0)
					buf_append(&b, bytes, len);
				for (n = 0; way == 1 && n < len; n++)
					buf_append_byte(&b, bytes[n]);
				assert_int_equal(b.failed, !fits);
				assert_int_equal(
				    buf_check(&b, &err), fits ? 0 : -1);
				assert_int_equal(
				    err.code, fits ? ERROR_NONE : ERROR_MEMORY);
				assert_true(b.len <= ceilings[i]);
				if (fits)
					assert_same("bytes", buf_span(&b),
					    (struct span){ bytes, len });
				buf_free(&b);
			}
}

/* Filled to the last byte, whatever the steps on the way there */
static void
test_growth_to_exactly_max(void **state)
{
	size_t max, step, done, now;
	char *room;

	(void)state;
	for (max = 1; max < 1200; max += 37)
		for (step = 1; step <= max; step += 11) {
			struct buf b = BUF_INIT(max);

			for (done = 0; done < max; done += now) {
				now = max - done < step ? max - done : step;
				room = buf_room(&b, now);
				assert_non_null(room);
				memset(room, 'x', now);
				b.len += now;
			}
			assert_int_equal(b.len, max);
			assert_false(b.failed);
			assert_non_null(buf_room(&b, 0));
			assert_null(buf_room(&b, 1));
			assert_true(b.failed);
			buf_free(&b);
		}
}

/* Failed once, it takes nothing more and keeps what it has. */
static void
test_failure_stays(void **state)
{
	struct buf b = BUF_INIT(4);
	struct error err = ERROR_INIT;

	(void)state;
	buf_append_text(&b, "ab");
	buf_append_text(&b, "cde");
	assert_true(b.failed);
	buf_append_text(&b, "c");
	buf_append_byte(&b, 'c');
	buf_append_span(&b, span_of("c"));
	buf_printf(&b, "%d", 1);
	buf_append(&b, NULL, 0);
	assert_null(buf_room(&b, 1));
	assert_null(buf_room(&b, 0));
	assert_same("kept", buf_span(&b), span_of("ab"));
	assert_int_equal(buf_check(&b, &err), -1);
	assert_string_equal(err.text, "no memory, or more than 4 bytes");
	buf_reset(&b);
	assert_false(b.failed);
	buf_append_text(&b, "abcd");
	assert_same("after a reset", buf_span(&b), span_of("abcd"));
	buf_free(&b);
	assert_null(b.at);
	assert_int_equal(b.max, 4);
	buf_append_text(&b, "abcd");
	assert_same("after a free", buf_span(&b), span_of("abcd"));
	buf_free(&b);
	buf_free(&b);
}

static void
test_room_beyond(void **state)
{
	static const size_t wanted[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2,
		101, 98 };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(wanted); i++) {
		struct buf b = BUF_INIT(100);

		buf_append_text(&b, "abc");
		assert_null(buf_room(&b, wanted[i]));
		assert_true(b.failed);
		assert_same("kept", buf_span(&b), span_of("abc"));
		buf_free(&b);
	}
}

/* More than there is: a failure, not a crash */
static void
test_more_than_memory(void **state)
{
	struct buf b = BUF_INIT(SIZE_MAX);

	(void)state;
#if !HAS_ASAN
	assert_null(buf_room(&b, SIZE_MAX / 4));
	assert_true(b.failed);
	buf_reset(&b);
#endif
	buf_append_text(&b, "x");
	assert_same("still of use", buf_span(&b), span_of("x"));
	buf_free(&b);
}

static void
test_nothing_is_nothing(void **state)
{
	struct buf b = BUF_INIT(0);
	struct error err = ERROR_INIT;

	(void)state;
	buf_append(&b, NULL, 0);
	buf_append_text(&b, "");
	buf_append_span(&b, (struct span){ NULL, 0 });
	assert_null(b.at);
	assert_int_equal(buf_check(&b, &err), 0);
	assert_int_equal(buf_span(&b).len, 0);
	buf_free(&b);
}

static void
test_printf(void **state)
{
	struct buf b = BUF_INIT(600), small = BUF_INIT(4);

	(void)state;
	buf_append_text(&b, "a");
	buf_printf(&b, "%d-%s", 42, "x");
	buf_printf(&b, "%s", "");
	assert_same("printed", buf_span(&b), span_of("a42-x"));
	buf_printf(&b, "%0500d", 7);
	assert_int_equal(b.len, 505);
	assert_int_equal(b.at[504], '7');
	buf_free(&b);
	buf_printf(&small, "%s", "abc");
	assert_same("three and a NUL", buf_span(&small), span_of("abc"));
	buf_reset(&small);
	buf_printf(&small, "%s", "abcde");
	assert_true(small.failed);
	assert_int_equal(small.len, 0);
	buf_free(&small);
}

static void
test_spans(void **state)
{
	static const struct {
		struct span span;
		const char *text;
		bool want;
	} rows[] = {
		{ { NULL, 0 }, "", true },
		{ { "x", 0 }, "", true },
		{ { NULL, 0 }, "x", false },
		{ LITERAL("abc"), "abc", true },
		{ LITERAL("abc"), "abd", false },
		{ LITERAL("abc"), "ab", false },
		{ LITERAL("ab"), "abc", false },
		{ LITERAL("ab\0"), "ab", false },
		{ LITERAL("\0"), "", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		if (span_is(rows[i].span, rows[i].text) != rows[i].want)
			fail_msg("\"%s\" and \"%s\": want %d",
			    show(rows[i].span), rows[i].text, rows[i].want);
	assert_int_equal(span_of("abc").len, 3);
	assert_int_equal(span_of("").len, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ceilings),
		cmocka_unit_test(test_growth_to_exactly_max),
		cmocka_unit_test(test_failure_stays),
		cmocka_unit_test(test_room_beyond),
		cmocka_unit_test(test_more_than_memory),
		cmocka_unit_test(test_nothing_is_nothing),
		cmocka_unit_test(test_printf),
		cmocka_unit_test(test_spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
