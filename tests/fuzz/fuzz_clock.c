/* SPDX-License-Identifier: MIT */
/*
 * fuzz_clock - times of RFC 3339, both ways
 */
#include "base/clock.h"
#include "fuzz.h"

static int
two(const char *at)
{
	return (at[0] - '0') * 10 + at[1] - '0';
}

/* RFC 3339 5.7: no month has a day more than it has. */
static bool
is_date(const char *text)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	int year = two(text) * 100 + two(text + 2), month = two(text + 5),
	    day = two(text + 8);
	bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

	return month >= 1 && month <= 12 && day >= 1 &&
	    day <= days[month - 1] + (month == 2 && leap);
}

static void
check_written(struct timespec when)
{
	char text[CLOCK_RFC3339_SIZE];
	struct timespec again = { -1, -1 };

	clock_rfc3339(when, text);
	CHECK(strlen(text) == 27);
	CHECK(clock_read_rfc3339(text, strlen(text), &again));
	if (when.tv_sec >= 0 && when.tv_sec <= 253402300799LL) {
		CHECK(again.tv_sec == when.tv_sec);
		CHECK(again.tv_nsec == when.tv_nsec / 1000 * 1000);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct timespec when = { 7, 7 }, any = { 0, 0 };
	struct input in;
	struct span text;

	input_start(&in, data, size);
	text = input_rest(&in);
	if (clock_read_rfc3339(text.at, text.len, &when)) {
		CHECK(text.len >= 20 && is_date(text.at));
		CHECK(when.tv_nsec >= 0 && when.tv_nsec < 1000000000);
		check_written(when);
	} else {
		CHECK(when.tv_sec == 7 && when.tv_nsec == 7);
	}
	if (text.len >= sizeof(any.tv_sec)) {
		memcpy(&any.tv_sec, text.at, sizeof(any.tv_sec));
		any.tv_nsec = (long)fuzz_number(data, size, 1000000000);
		check_written(any);
		any.tv_sec &= 0x3fffffffff;
		check_written(any);
	}
	input_end(&in);
	return 0;
}
