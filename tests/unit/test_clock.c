/* SPDX-License-Identifier: MIT */
/*
 * test_clock - lib/clock: RFC 3339, and a clock that can be replaced
 */
#include "support.h"

#include "clock.h"

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
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_monotonic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
