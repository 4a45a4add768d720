/* SPDX-License-Identifier: MIT */
/*
 * log - one line a request, on standard error
 */
#include "log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "throttle.h"

#define VALUE_MAX 256

static bool journald;
static atomic_uint omitted;

/* systemd.exec(5): JOURNAL_STREAM is "DEVICE:INODE" of the stream. */
void
log_open(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	journald = stream &&
	    sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	    st.st_ino == inode;
}

void
log_start(struct log_line *line, enum log_priority priority)
{
	line->priority = priority;
	line->len = (size_t)snprintf(line->text, sizeof(line->text),
	    journald ? "<%d>hookdir.fcgi:" : "hookdir.fcgi:", (int)priority);
}

/* One character as it goes into the line; how many bytes that takes. */
static size_t
escape(unsigned char c, char out[5])
{
	if (c == '"' || c == '\\')
		return (size_t)snprintf(out, 5, "\\%c", c);
	if (c == '\n')
		return (size_t)snprintf(out, 5, "\\n");
	if (c < 0x20 || c >= 0x7f)
		return (size_t)snprintf(out, 5, "\\x%02x", c);
	out[0] = (char)c;
	return 1;
}

static bool
is_plain(struct span value)
{
	size_t i;

	for (i = 0; i < value.len; i++)
		if (value.at[i] <= ' ' || value.at[i] >= 0x7f ||
		    strchr("\"\\=", value.at[i]))
			return false;
	return value.len > 0;
}

void
log_add(struct log_line *line, const char *key, struct span value)
{
	char text[VALUE_MAX * 4 + 8], *to = text;
	bool cut = value.len > VALUE_MAX, plain;
	size_t i, len, room = sizeof(line->text) - line->len - 1;
	int used;

	if (cut)
		value.len = VALUE_MAX;
	plain = is_plain(value);
	for (i = 0; i < value.len; i++)
		to += escape((unsigned char)value.at[i], to);
	len = (size_t)(to - text);
	used = snprintf(line->text + line->len, room,
	    plain ? " %s=%.*s%s" : " %s=\"%.*s%s\"", key, (int)len, text,
	    cut ? "..." : "");
	if (used > 0 && (size_t)used < room)
		line->len += (size_t)used;
}

void
log_add_text(struct log_line *line, const char *key, const char *value)
{
	log_add(line, key, span_of(value));
}

void
log_add_number(struct log_line *line, const char *key, const char *fmt, ...)
{
	char text[64];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_add_text(line, key, text);
}

/*
 * A reader that does not read must not stop the service: after a second
 * the line is dropped, and the next that gets through says how many were.
 */
static bool
can_write(void)
{
	struct pollfd poller = { STDERR_FILENO, POLLOUT, 0 };
	static _Atomic bool stuck;
	bool ready = poll(&poller, 1, stuck ? 0 : 1000) != 0;

	stuck = !ready;
	return ready;
}

void
log_write(struct log_line *line)
{
	static atomic_uint dropped;
	unsigned lost;
	ssize_t ignored;

	if (!can_write()) {
		atomic_fetch_add(&dropped, 1);
		return;
	}
	lost = atomic_exchange(&dropped, 0);
	if (lost)
		log_add_number(line, "dropped", "%u", lost);
	lost = atomic_exchange(&omitted, 0);
	if (lost)
		log_add_number(line, "omitted", "%u", lost);
	line->text[line->len++] = '\n';
	/* Nobody is left to tell when the log itself cannot be written. */
	ignored = write(STDERR_FILENO, line->text, line->len);
	(void)ignored;
}

void
log_omit(void)
{
	atomic_fetch_add(&omitted, 1);
}

void
log_event(enum log_priority priority, const char *event, const char *detail)
{
	static struct throttle events = THROTTLE_INIT(LOG_BURST, LOG_INTERVAL);
	struct log_line line;

	if (!throttle_pass(
		&events, hash_text(hash_text(0, event), detail), NULL)) {
		log_omit();
		return;
	}
	log_start(&line, priority);
	log_add_text(&line, "event", event);
	log_add_text(&line, "detail", detail);
	log_write(&line);
}
