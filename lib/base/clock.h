/* SPDX-License-Identifier: MIT */
/*
 * clock - what time it is, replaceable in tests
 */
#ifndef HOOKDIR_CLOCK_H
#define HOOKDIR_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Room for "2026-11-21T17:05:33.123456Z" and its NUL. */
#define CLOCK_RFC3339_SIZE 32

/* Now, UTC, since 1970. */
struct timespec clock_now(void);

/* Microseconds since some fixed point; never goes backwards. */
int64_t clock_monotonic(void);

/*
 * Let clock_now() answer what a function of yours says; NULL brings the
 * system's clock back. For tests, before any thread runs.
 */
void clock_replace(struct timespec (*now)(void));

/*
 * A time as RFC 3339 has it, UTC with microseconds. A year beyond 9999
 * cannot be said and becomes 9999-12-31T23:59:59.999999Z, one before 1970
 * becomes 1970-01-01T00:00:00.000000Z.
 */
void clock_rfc3339(struct timespec when, char text[CLOCK_RFC3339_SIZE]);

/*
 * Read such a time, with any offset and any fraction of a second; a space
 * may stand for the T. False, and *when untouched, for anything else.
 */
bool clock_read_rfc3339(const char *text, size_t len, struct timespec *when);

/* Read "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7, IMF-fixdate) alone. */
bool clock_read_http(const char *text, size_t len, struct timespec *when);

#endif
