/* SPDX-License-Identifier: MIT */
/*
 * log - one line a request, on standard error
 *
 * key=value, in one write so that threads do not mix. Whatever comes from
 * outside is escaped: a line cannot be forged. No secret, no payload. With
 * journald at the other end each line begins with its priority, <N>.
 */
#ifndef HOOKDIR_LOG_H
#define HOOKDIR_LOG_H

#include <stddef.h>

#include "base/buf.h"

/* syslog(3) has more; these are what a line of ours can be. */
enum log_priority {
	LOG_PRIORITY_ERROR = 3,
	LOG_PRIORITY_WARNING = 4,
	LOG_PRIORITY_NOTICE = 5,
	LOG_PRIORITY_INFO = 6
};

#define LOG_LINE_MAX 3072 /* under PIPE_BUF: one write stays in one piece */

struct log_line {
	enum log_priority priority;
	size_t len;
	char text[LOG_LINE_MAX];
};

/* Look once, before any thread runs, whether journald is listening. */
void log_open(void);

void log_start(struct log_line *line, enum log_priority priority);

/*
 * Add key=value. A value with anything but plain characters goes between
 * quotes, with backslash escapes; a long one is cut and ends in "...".
 * What no longer fits the line is left out.
 */
void log_add(struct log_line *line, const char *key, struct span value);
void log_add_text(struct log_line *line, const char *key, const char *value);
void log_add_number(struct log_line *line, const char *key, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

void log_write(struct log_line *line);

/*
 * Lines that a caller without a key can cause are bounded, since a full disk
 * or the journal's own limit would cost those of accepted messages: a burst
 * of one kind, then one an interval, of which callers have shares; see
 * throttle.h. Where there are more, call
 * log_omit() in place of log_write(): the next line has the number.
 */
#define LOG_BURST    100
#define LOG_INTERVAL 1000000 /* microseconds */
void log_omit(void);

/*
 * A line that is no request's: key "event" and a text, of which there are few
 * different ones. Bounded so.
 */
void log_event(
    enum log_priority priority, const char *event, const char *detail);

#endif
