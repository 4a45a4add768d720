/* SPDX-License-Identifier: MIT */
/*
 * test_clock - lib/base/clock: RFC 3339, and a clock that can be replaced
 */
#include "support.h"

#include "base/clock.h"

static void
test_rfc3339(void **state)
{
	static const struct {
		struct timespec when;
		const char *want;
	} rows[] = {
		{ { 0, 0 }, "1970-01-01T00:00:00.000000Z" },
		{ { 0, 999 }, "1970-01-01T00:00:00.000000Z" },
		{ { 0, 1000 }, "1970-01-01T00:00:00.000001Z" },
		{ { 0, 999999999 }, "1970-01-01T00:00:00.999999Z" },
		{ { 1, 0 }, "1970-01-01T00:00:01.000000Z" },
		{ { -1, 999999999 }, "1970-01-01T00:00:00.000000Z" },
		{ { INT64_MIN, 5000 }, "1970-01-01T00:00:00.000000Z" },
		{ { 951782400, 0 }, "2000-02-29T00:00:00.000000Z" },
		{ { 1483228799, 0 }, "2016-12-31T23:59:59.000000Z" },
		{ { 1795280733, 123456789 }, "2026-11-21T17:05:33.123456Z" },
		{ { 2147483647, 0 }, "2038-01-19T03:14:07.000000Z" },
		{ { 2147483648, 0 }, "2038-01-19T03:14:08.000000Z" },
		{ { 4102444800, 0 }, "2100-01-01T00:00:00.000000Z" },
		{ { 4294967296, 0 }, "2106-02-07T06:28:16.000000Z" },
		{ { 253402300799, 0 }, "9999-12-31T23:59:59.000000Z" },
		{ { 253402300799, 999999999 }, "9999-12-31T23:59:59.999999Z" },
		{ { 253402300800, 0 }, "9999-12-31T23:59:59.999999Z" },
		{ { INT64_MAX, 0 }, "9999-12-31T23:59:59.999999Z" },
	};
	char text[CLOCK_RFC3339_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		clock_rfc3339(rows[i].when, text);
		if (strcmp(text, rows[i].want) != 0)
			fail_msg("%lld: got %s, want %s",
			    (long long)rows[i].when.tv_sec, text, rows[i].want);
	}
}

/* The zone and the locale have no say. */
static void
test_rfc3339_in_other_zones(void **state)
{
	static const char *const zones[] = { "Europe/Copenhagen",
		"America/St_Johns", "XYZ-14" };
	char text[CLOCK_RFC3339_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(zones); i++) {
		assert_int_equal(setenv("TZ", zones[i], 1), 0);
		tzset();
		clock_rfc3339((struct timespec){ 1795280733, 0 }, text);
		assert_string_equal(text, "2026-11-21T17:05:33.000000Z");
	}
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

/* In a block of just its size: a read past the end shows. */
static bool
read_time(const char *text, size_t len, struct timespec *when)
{
	struct span copy = exact((struct span){ text, len });
	bool good = clock_read_rfc3339(copy.at, copy.len, when);

	let_go(copy);
	return good;
}

static void
test_read_rfc3339(void **state)
{
	static const struct {
		const char *text;
		struct timespec want;
	} rows[] = {
		/* RFC 3339 5.8 */
		{ "1985-04-12T23:20:50.52Z", { 482196050, 520000000 } },
		{ "1996-12-19T16:39:57-08:00", { 851042397, 0 } },
		{ "1990-12-31T23:59:60Z", { 662688000, 0 } },
		{ "1990-12-31T15:59:60-08:00", { 662688000, 0 } },
		{ "1937-01-01T12:00:27.87+00:20", { -1041337173, 870000000 } },
		/* as it is written here */
		{ "2026-11-21T17:05:33.123456Z", { 1795280733, 123456000 } },
		{ "1970-01-01T00:00:00.000000Z", { 0, 0 } },
		/* RFC 3339 5.6: lower case, and a space */
		{ "2026-11-21t17:05:33z", { 1795280733, 0 } },
		{ "2026-11-21 17:05:33Z", { 1795280733, 0 } },
		/* fractions of any length */
		{ "2026-11-21T17:05:33.1Z", { 1795280733, 100000000 } },
		{ "2026-11-21T17:05:33.0Z", { 1795280733, 0 } },
		{ "2026-11-21T17:05:33.000000001Z", { 1795280733, 1 } },
		{ "2026-11-21T17:05:33.999999999Z", { 1795280733, 999999999 } },
		{ "2026-11-21T17:05:33.9999999999999999999999999999999999999Z",
		    { 1795280733, 999999999 } },
		{ "2026-11-21T17:05:33.00000000000000000001+00:00",
		    { 1795280733, 0 } },
		/* offsets; RFC 3339 4.3: -00:00 is UTC */
		{ "2026-11-21T17:05:33+00:00", { 1795280733, 0 } },
		{ "2026-11-21T17:05:33-00:00", { 1795280733, 0 } },
		{ "2026-11-21T18:05:33+01:00", { 1795280733, 0 } },
		{ "2026-11-21T13:35:33-03:30", { 1795280733, 0 } },
		{ "2026-11-21T22:50:33+05:45", { 1795280733, 0 } },
		{ "2026-11-22T17:04:33+23:59", { 1795280733, 0 } },
		{ "2026-11-20T17:06:33-23:59", { 1795280733, 0 } },
		/* leap years */
		{ "2000-02-29T00:00:00Z", { 951782400, 0 } },
		{ "2024-02-29T12:00:00Z", { 1709208000, 0 } },
		/* both ends */
		{ "0000-01-01T00:00:00Z", { -62167219200, 0 } },
		{ "0000-02-29T00:00:00Z", { -62162121600, 0 } },
		{ "0001-01-01T00:00:00+23:59", { -62135683140, 0 } },
		{ "1969-12-31T23:59:59.5Z", { -1, 500000000 } },
		{ "2038-01-19T03:14:08Z", { 2147483648, 0 } },
		{ "9999-12-31T23:59:59.999999Z", { 253402300799, 999999000 } },
		{ "9999-12-31T23:59:59-23:59", { 253402387139, 0 } },
	};
	struct timespec got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		got = (struct timespec){ 4711, 4711 };
		if (!read_time(rows[i].text, strlen(rows[i].text), &got) ||
		    got.tv_sec != rows[i].want.tv_sec ||
		    got.tv_nsec != rows[i].want.tv_nsec)
			fail_msg("%s: got %lld.%09ld", rows[i].text,
			    (long long)got.tv_sec, got.tv_nsec);
	}
}

static void
assert_no_time(struct span text)
{
	struct timespec got = { 4711, 4712 };

	if (read_time(text.at, text.len, &got))
		fail_msg("%s: a time", show(text));
	assert_int_equal(got.tv_sec, 4711);
	assert_int_equal(got.tv_nsec, 4712);
}

static void
test_read_no_rfc3339(void **state)
{
	static const struct span rows[] = { LITERAL(""), LITERAL("Z"),
		LITERAL("now"), LITERAL("2026-11-21"),
		LITERAL("2026-11-21T17:05:33"), LITERAL("2026-11-21T17:05Z"),
		LITERAL("20261121T170533Z"), LITERAL("2026-325T17:05:33Z"),
		LITERAL("Sat, 21 Nov 2026 17:05:33 GMT"),
		LITERAL("26-11-21T17:05:33Z"), LITERAL("12026-11-21T17:05:33Z"),
		LITERAL("-2026-11-21T17:05:33Z"),
		LITERAL("+2026-11-21T17:05:33Z"),
		LITERAL(" 2026-11-21T17:05:33Z"),
		LITERAL("2026-11-21T17:05:33Z "),
		LITERAL("2026-11-21T17:05:33Z\n"),
		LITERAL("2026-11-21T17:05:33Z\0"),
		LITERAL("2026-11-21\00017:05:33Z"),
		LITERAL("2026-11-21T17:05:33\0"),
		LITERAL("2026-11-21_17:05:33Z"),
		LITERAL("2026-11-21  17:05:33Z"),
		LITERAL("2026/11/21T17:05:33Z"), LITERAL("2026-1-21T17:05:33Z"),
		LITERAL("2026-11-1T17:05:33Z"), LITERAL("2026-11-21T7:05:33Z"),
		LITERAL("2026-11-21T17.05.33Z"), LITERAL("2026-11-21T17:05:3Z"),
		LITERAL("2026-11- 1T17:05:33Z"),
		LITERAL("2026-11-21T+7:05:33Z"),
		/* out of range */
		LITERAL("2026-00-21T17:05:33Z"),
		LITERAL("2026-13-21T17:05:33Z"),
		LITERAL("2026-11-00T17:05:33Z"),
		LITERAL("2026-10-32T17:05:33Z"),
		LITERAL("2026-11-21T24:00:00Z"),
		LITERAL("2026-11-21T17:60:33Z"),
		LITERAL("2026-12-31T23:59:61Z"),
		/* fractions */
		LITERAL("2026-11-21T17:05:33.Z"),
		LITERAL("2026-11-21T17:05:33."),
		LITERAL("2026-11-21T17:05:33.12"),
		LITERAL("2026-11-21T17:05:33,5Z"),
		LITERAL("2026-11-21T17:05:33.5.5Z"),
		LITERAL("2026-11-21T17:05:33.-5Z"),
		LITERAL("2026-11-21T17:05.5Z"),
		/* offsets */
		LITERAL("2026-11-21T17:05:33+24:00"),
		LITERAL("2026-11-21T17:05:33-23:60"),
		LITERAL("2026-11-21T17:05:33+1:00"),
		LITERAL("2026-11-21T17:05:33+0100"),
		LITERAL("2026-11-21T17:05:33+01"),
		LITERAL("2026-11-21T17:05:33+01:0"),
		LITERAL("2026-11-21T17:05:33+01:000"),
		LITERAL("2026-11-21T17:05:33 +01:00"),
		LITERAL("2026-11-21T17:05:33\xe2\x88\x92"
			"01:00"),
		LITERAL("2026-11-21T17:05:33Z+01:00"),
		LITERAL("2026-11-21T17:05:33+-1:00"),
		LITERAL("2026-11-21T17:05:33UTC"),
		LITERAL("2026-11-21T17:05:33 Z") };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_no_time(rows[i]);
}

/* RFC 3339 5.7: the last day depends on the month and the year. */
static void
test_read_days_that_are_not(void **state)
{
	static const char *const rows[] = { "2026-02-30T00:00:00Z",
		"2026-02-31T00:00:00Z", "2026-02-29T00:00:00Z",
		"2024-02-30T00:00:00Z", "1900-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
		"2026-06-31T00:00:00Z", "2026-09-31T00:00:00Z",
		"2026-11-31T00:00:00Z" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_no_time(span_of(rows[i]));
}

static void
test_read_cut_off_at_every_byte(void **state)
{
	static const char *const rows[] = { "2026-11-21T17:05:33.123456Z",
		"2026-11-21T17:05:33+01:00", "2026-11-21 17:05:33.5-01:30" };
	struct timespec got;
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		for (len = 0; len < strlen(rows[i]); len++)
			assert_no_time((struct span){ rows[i], len });
		assert_true(read_time(rows[i], len, &got));
	}
}

/* Each byte replaced by each other one: nothing but what the rules allow */
static void
test_read_every_byte_at_every_place(void **state)
{
	static const char text[] = "2026-11-11T11:11:11.11+11:11";
	char changed[sizeof(text)];
	struct timespec got;
	size_t i;
	int c;

	(void)state;
	for (i = 0; i < sizeof(text) - 1; i++)
		for (c = 0; c < 256; c++) {
			memcpy(changed, text, sizeof(text));
			changed[i] = (char)c;
			if ((c >= '0' && c <= '9') || changed[i] == text[i] ||
			    (text[i] == 'T' && (c == 't' || c == ' ')) ||
			    (text[i] == '+' && c == '-'))
				continue;
			if (read_time(changed, sizeof(text) - 1, &got))
				fail_msg("%s: a time", changed);
		}
}

/* What clock_rfc3339() writes is read as the same time, in any zone. */
static void
test_read_what_was_written(void **state)
{
	static const time_t steps[] = { 0, 1, 59, 3599, 86399, 951782400,
		1795280733, 4107542399, 253402300799 };
	char text[CLOCK_RFC3339_SIZE];
	struct timespec got;
	size_t i;

	(void)state;
	assert_int_equal(setenv("TZ", "America/St_Johns", 1), 0);
	tzset();
	for (i = 0; i < COUNT(steps); i++) {
		clock_rfc3339((struct timespec){ steps[i], 123456000 }, text);
		assert_true(read_time(text, strlen(text), &got));
		assert_int_equal(got.tv_sec, steps[i]);
		assert_int_equal(got.tv_nsec, 123456000);
	}
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

static struct timespec
answer_then(void)
{
	return (struct timespec){ 42, 7 };
}

static void
test_replaced(void **state)
{
	struct timespec now;

	(void)state;
	clock_replace(answer_then);
	now = clock_now();
	assert_int_equal(now.tv_sec, 42);
	assert_int_equal(now.tv_nsec, 7);
	clock_replace(NULL);
	now = clock_now();
	assert_true(now.tv_sec >= time(NULL) - 2);
	assert_true(now.tv_sec <= time(NULL) + 2);
}

static void
test_monotonic(void **state)
{
	int64_t before = clock_monotonic(), after;
	int i;

	(void)state;
	clock_replace(answer_then);
	for (i = 0; i < 1000; i++) {
		after = clock_monotonic();
		assert_true(after >= before);
		before = after;
	}
	clock_replace(NULL);
	assert_int_equal(usleep(2000), 0);
	after = clock_monotonic();
	assert_true(after - before >= 2000);
	assert_true(after - before < 60000000);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc3339),
		cmocka_unit_test(test_rfc3339_in_other_zones),
		cmocka_unit_test(test_read_rfc3339),
		cmocka_unit_test(test_read_no_rfc3339),
		cmocka_unit_test(test_read_days_that_are_not),
		cmocka_unit_test(test_read_cut_off_at_every_byte),
		cmocka_unit_test(test_read_every_byte_at_every_place),
		cmocka_unit_test(test_read_what_was_written),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_monotonic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
