/* SPDX-License-Identifier: MIT */
/*
 * last - when things last happened to a spool, as its history says
 *
 * The files of the receiver are read, the newest day first, until LAST_BYTES
 * were. Of a file that is larger the end counts.
 */
#include "hookdir/last.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "spool/history.h"

static void
later(time_t *last, time_t when)
{
	if (when > *last)
		*last = when;
}

static void
add_key(struct last *last, struct span name, time_t when)
{
	size_t i;

	if (name.len == 0 || name.len >= LAST_KEY_SIZE)
		return;
	for (i = 0; i < last->used_count; i++)
		if (span_is(name, last->used[i].name))
			break;
	if (i == LAST_KEYS)
		return;
	if (i == last->used_count) {
		memcpy(last->used[i].name, name.at, name.len);
		last->used[i].name[name.len] = '\0';
		last->used_count++;
	}
	later(&last->used[i].when, when);
}

static void
add_refused(struct last *last, struct span rule, time_t when)
{
	int code;

	for (code = ERROR_NONE + 1; code < LAST_RULES; code++)
		if (span_is(rule, error_rule((enum error_code)code))) {
			later(&last->refused[code], when);
			return;
		}
}

static void
add_line(struct last *last, struct span line)
{
	struct span event = history_member(line, "event"),
		    time = history_member(line, "time");
	struct timespec when;

	if (!clock_read_rfc3339(time.at, time.len, &when))
		return;
	if (span_is(event, "accepted") || span_is(event, "duplicate")) {
		later(&last->accepted, when.tv_sec);
		add_key(last, history_member(line, "key"), when.tv_sec);
	} else if (span_is(event, "refused")) {
		add_refused(last, history_member(line, "rule"), when.tv_sec);
	}
}

/* Read the file of a day, no more than *room bytes, and take them off. */
static int
read_day(struct last *last, int root, const char *day, off_t *room,
    struct error *err)
{
	struct history_reader reader;
	struct span line;
	struct stat st;
	int rc = history_open(&reader, root, day, HISTORY_IN, err);

	if (rc == 0 && reader.fd >= 0 && fstat(reader.fd, &st) == 0) {
		/* The first line is torn then, which readers skip. */
		if (st.st_size > *room)
			(void)lseek(reader.fd, st.st_size - *room, SEEK_SET);
		*room -= st.st_size < *room ? st.st_size : *room;
		while ((rc = history_next(&reader, &line, err)) == 1)
			add_line(last, line);
	}
	history_close(&reader);
	return rc;
}

int
last_read(struct last *last, int root, struct error *err)
{
	struct history_days days;
	off_t room = LAST_BYTES;
	size_t i;
	int rc = history_days(root, &days, err);

	memset(last, 0, sizeof(*last));
	for (i = days.count; rc == 0 && i-- > 0 && room > 0;)
		rc = read_day(last, root, days.at[i], &room, err);
	free(days.at);
	return rc;
}
