/* SPDX-License-Identifier: MIT */
/*
 * clock - what time it is, replaceable in tests
 */
#include "clock.h"

#include <stdio.h>

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
