/* SPDX-License-Identifier: MIT */
/*
 * clock - what time it is, replaceable in tests
 */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define HTTP_SIZE   30
#define LAST_SECOND 253402300799LL /* 9999-12-31T23:59:59Z */

static struct timespec (*replacement)(void);

struct timespec
clock_now(void)
{
	struct timespec now = { 0, 0 };

	if (replacement)
		return replacement();
	/* Cannot fail: the clock exists and the address is good. */
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now;
}

int64_t
clock_monotonic(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_replace(struct timespec (*now)(void))
{
	replacement = now;
}

void
clock_rfc3339(struct timespec when, char text[CLOCK_RFC3339_SIZE])
{
	struct tm tm;
	char date[24];

	if (when.tv_sec < 0)
		when = (struct timespec){ 0, 0 };
	if (when.tv_sec > LAST_SECOND)
		when = (struct timespec){ LAST_SECOND, 999999999 };
	(void)gmtime_r(&when.tv_sec, &tm);
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text, CLOCK_RFC3339_SIZE, "%s.%06uZ", date,
	    (unsigned)(when.tv_nsec / 1000) % 1000000);
}

/* That many digits, no more and no less looked at; false for others. */
static bool
take_digits(const char **at, const char *end, int count, int *number)
{
	int sum = 0;

	for (; count > 0; count--, ++*at) {
		if (*at == end || **at < '0' || **at > '9')
			return false;
		sum = sum * 10 + (**at - '0');
	}
	*number = sum;
	return true;
}

static bool
take_byte(const char **at, const char *end, const char *any)
{
	if (*at == end || **at == '\0' || !strchr(any, **at))
		return false;
	++*at;
	return true;
}

static int
days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month] + (month == 1 && leap ? 1 : 0);
}

static bool
take_date_and_time(const char **at, const char *end, struct tm *tm)
{
	if (!take_digits(at, end, 4, &tm->tm_year) ||
	    !take_byte(at, end, "-") || !take_digits(at, end, 2, &tm->tm_mon) ||
	    !take_byte(at, end, "-") ||
	    !take_digits(at, end, 2, &tm->tm_mday) ||
	    !take_byte(at, end, "Tt ") ||
	    !take_digits(at, end, 2, &tm->tm_hour) ||
	    !take_byte(at, end, ":") || !take_digits(at, end, 2, &tm->tm_min) ||
	    !take_byte(at, end, ":") || !take_digits(at, end, 2, &tm->tm_sec))
		return false;
	if (tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1 ||
	    tm->tm_mday > days_of(tm->tm_year, tm->tm_mon - 1))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	/* RFC 3339 5.7: a leap second is 60 */
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* Digits beyond nanoseconds are left out. */
static bool
take_fraction(const char **at, const char *end, long *nanoseconds)
{
	long unit = 100000000;

	*nanoseconds = 0;
	if (!take_byte(at, end, "."))
		return true;
	if (*at == end || **at < '0' || **at > '9')
		return false;
	for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
		*nanoseconds += (**at - '0') * unit;
		unit /= 10;
	}
	return true;
}

static bool
take_offset(const char **at, const char *end, long *seconds)
{
	int hours, minutes;
	long sign;

	*seconds = 0;
	if (take_byte(at, end, "Zz"))
		return true;
	sign = *at < end && **at == '-' ? -1 : 1;
	if (!take_byte(at, end, "+-") || !take_digits(at, end, 2, &hours) ||
	    !take_byte(at, end, ":") || !take_digits(at, end, 2, &minutes))
		return false;
	*seconds = sign * (hours * 3600L + minutes * 60L);
	return hours < 24 && minutes < 60;
}

bool
clock_read_rfc3339(const char *text, size_t len, struct timespec *when)
{
	const char *at = text, *end = len ? text + len : text;
	struct tm tm = { .tm_isdst = 0 };
	long nanoseconds, offset;

	if (!take_date_and_time(&at, end, &tm) ||
	    !take_fraction(&at, end, &nanoseconds) ||
	    !take_offset(&at, end, &offset) || at != end)
		return false;
	when->tv_sec = timegm(&tm) - offset;
	when->tv_nsec = nanoseconds;
	return true;
}

/* There is one text for each second, so it must be the one that we write. */
bool
clock_read_http(const char *text, size_t len, struct timespec *when)
{
	static const char format[] = "%a, %d %b %Y %H:%M:%S GMT";
	char copy[HTTP_SIZE], again[HTTP_SIZE];
	struct tm tm;
	time_t seconds;

	if (len != HTTP_SIZE - 1)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	memset(&tm, 0, sizeof(tm));
	if (!strptime(copy, format, &tm))
		return false;
	seconds = timegm(&tm);
	(void)gmtime_r(&seconds, &tm);
	if (strftime(again, sizeof(again), format, &tm) != len ||
	    memcmp(again, copy, len) != 0)
		return false;
	*when = (struct timespec){ seconds, 0 };
	return true;
}
