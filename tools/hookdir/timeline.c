/* SPDX-License-Identifier: MIT */
/*
 * timeline - hookdir history: the lines of the history, in order of time
 *
 * Each file is nearly in order by itself; the line with the earliest time is
 * printed first. A file is read as it grows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hookdir/arguments.h"
#include "base/clock.h"
#include "spool/history.h"
#include "json/json.h"
#include "hookdir/pretty.h"
#include "hookdir/spools.h"

#define EVENTS_MAX   32
#define TEXT_WIDTH   80
#define DETAIL_WIDTH 400
#define ROW_MAX	     ((size_t)1 << 20)
#define POLL	     500000000L /* nanoseconds */
#define SINCE	     86400	/* seconds, without --since */

/* A file of one day. */
struct source {
	const char *spool; /* the path */
	int root;
	enum history_side side;
	struct history_reader reader;
	bool open;
	struct span line; /* the next one; empty: none now */
};

struct timeline {
	struct spools spools;
	struct source *sources; /* two a spool */
	size_t count;
	const char *events; /* "done,failed", or NULL */
	time_t since;
	bool follow, json, has_since;
	struct buf text;
};

static bool
is_wanted(const struct timeline *timeline, struct span line)
{
	struct span time = history_member(line, "time"), word, rest,
		    event = history_member(line, "event");
	struct timespec when;

	if (!clock_read_rfc3339(time.at, time.len, &when) ||
	    when.tv_sec < timeline->since)
		return false;
	if (!timeline->events)
		return true;
	rest = span_of(timeline->events);
	while (span_cut(&rest, ',', &word))
		if (span_equal(word, event))
			return true;
	return false;
}

static void
print_text(
    struct timeline *timeline, struct span line, const char *name, size_t width)
{
	struct span raw = history_member(line, name);
	struct json_value value = { JSON_TYPE_STRING, raw };

	buf_reset(&timeline->text);
	if (raw.len && raw.at[-1] == '"') {
		value.raw = (struct span){ raw.at - 1, raw.len + 2 };
		(void)json_decode_string(value, &timeline->text);
	} else {
		buf_append_span(&timeline->text, raw);
	}
	tool_print(stdout, buf_span(&timeline->text), width);
}

static void
print_line(struct timeline *timeline, const struct source *source)
{
	static const char *const names[] = { "reference", "type", "key", "rule",
		"detail" };
	struct span line = source->line, time = history_member(line, "time");
	const char *spool = strrchr(source->spool, '/');
	struct timespec when = { 0, 0 };
	size_t i;

	(void)clock_read_rfc3339(time.at, time.len, &when);
	tool_print_time(stdout, when.tv_sec);
	(void)fputs("  ", stdout);
	if (timeline->spools.count > 1) {
		tool_print(stdout, span_of(spool ? spool + 1 : source->spool),
		    TEXT_WIDTH);
		(void)fputs("  ", stdout);
	}
	print_text(timeline, line, "event", TEXT_WIDTH);
	(void)fputs("  ", stdout);
	if (history_member(line, "reference").len == 0)
		print_text(timeline, line,
		    history_member(line, "subject").len ? "subject" : "name",
		    TEXT_WIDTH);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (history_member(line, names[i]).len == 0)
			continue;
		if (i)
			(void)fputs("  ", stdout);
		print_text(timeline, line, names[i], DETAIL_WIDTH);
	}
	(void)putchar('\n');
}

static void
print_json(struct timeline *timeline, const struct source *source)
{
	struct buf *row = &timeline->text;

	buf_reset(row);
	buf_append_text(row, "{\"spool\":");
	json_append_string(row, span_of(source->spool));
	buf_append_byte(row, ',');
	buf_append_span(row, span_skip(source->line, 1));
	buf_append_byte(row, '\n');
	pretty_plain(stdout, buf_span(row));
}

/* Have the next line that is wanted. -1: failed. */
static int
advance(struct timeline *timeline, struct source *source, struct error *err)
{
	int rc;

	do {
		rc = history_next(&source->reader, &source->line, err);
	} while (rc == 1 && !is_wanted(timeline, source->line));
	if (rc != 1)
		source->line = (struct span){ NULL, 0 };
	return rc < 0 ? -1 : 0;
}

/* Each line begins with its time, so lines compare as text. */
static struct source *
earliest(struct timeline *timeline)
{
	struct source *first = NULL, *source;
	size_t i;

	for (i = 0; i < timeline->count; i++) {
		source = &timeline->sources[i];
		if (source->line.len &&
		    (!first ||
			memcmp(source->line.at, first->line.at,
			    CLOCK_RFC3339_SIZE) < 0))
			first = source;
	}
	return first;
}

/* Print what there is now. */
static int
drain(struct timeline *timeline, struct error *err)
{
	struct source *source;
	size_t i;

	for (i = 0; i < timeline->count; i++)
		if (timeline->sources[i].line.len == 0 &&
		    advance(timeline, &timeline->sources[i], err) < 0)
			return -1;
	while ((source = earliest(timeline)) != NULL) {
		if (timeline->json)
			print_json(timeline, source);
		else
			print_line(timeline, source);
		if (ferror(stdout))
			return error_system(
			    err, "cannot write to standard output");
		if (advance(timeline, source, err) < 0)
			return -1;
	}
	(void)fflush(stdout);
	return 0;
}

/* Open the files of a day; those that are open or missing stay so. */
static int
open_day(struct timeline *timeline, const char *day, struct error *err)
{
	struct source *source;
	size_t i;

	for (i = 0; i < timeline->count; i++) {
		source = &timeline->sources[i];
		if (source->open && source->reader.fd >= 0)
			continue;
		if (source->open)
			history_close(&source->reader);
		source->open = false;
		if (history_open(&source->reader, source->root, day,
			source->side, err) < 0)
			return -1;
		source->open = true;
	}
	return 0;
}

static void
close_day(struct timeline *timeline)
{
	size_t i;

	for (i = 0; i < timeline->count; i++) {
		if (timeline->sources[i].open)
			history_close(&timeline->sources[i].reader);
		timeline->sources[i].open = false;
	}
}

static int
print_day(struct timeline *timeline, const char *day, struct error *err)
{
	int rc = open_day(timeline, day, err);

	if (rc == 0)
		rc = drain(timeline, err);
	close_day(timeline);
	return rc;
}

/* From that day to the one before today; days without files cost nothing. */
static int
print_past(struct timeline *timeline, const char *today, struct error *err)
{
	time_t when = timeline->since;
	char day[HISTORY_DAY_SIZE];
	int rc = 0;

	/* Midnight UTC: leap seconds have no place in time_t. */
	for (when -= when % 86400; rc == 0; when += 86400) {
		history_day(when, day);
		if (strcmp(day, today) >= 0)
			break;
		rc = print_day(timeline, day, err);
	}
	return rc;
}

static void
rest(void)
{
	const struct timespec span = { 0, POLL };

	(void)nanosleep(&span, NULL);
}

/* A writer may be a moment late: the old day is read once more. */
static int
follow(
    struct timeline *timeline, char today[HISTORY_DAY_SIZE], struct error *err)
{
	char now[HISTORY_DAY_SIZE];

	for (;;) {
		rest();
		history_day(clock_now().tv_sec, now);
		if (open_day(timeline, today, err) < 0 ||
		    drain(timeline, err) < 0)
			return -1;
		if (strcmp(now, today) != 0) {
			close_day(timeline);
			memcpy(today, now, HISTORY_DAY_SIZE);
		}
	}
}

static int
print_all(struct timeline *timeline, struct error *err)
{
	char today[HISTORY_DAY_SIZE];
	int rc;

	history_day(clock_now().tv_sec, today);
	rc = print_past(timeline, today, err);
	if (rc == 0)
		rc = open_day(timeline, today, err);
	if (rc == 0)
		rc = drain(timeline, err);
	if (rc == 0 && timeline->follow)
		rc = follow(timeline, today, err);
	close_day(timeline);
	return rc;
}

static void
add_source(struct timeline *timeline, const struct queue *queue,
    enum history_side side)
{
	struct source *source = &timeline->sources[timeline->count++];

	source->spool = queue->path;
	source->root = queue->root;
	source->side = side;
}

/* EX_OK, or what is wrong with a spool. */
static int
open_sources(struct timeline *timeline, struct queue *queues)
{
	size_t i;
	int code = EX_OK;

	for (i = 0; i < timeline->spools.count && code == EX_OK; i++) {
		code = tool_open_queue(&queues[i], timeline->spools.paths[i]);
		if (code != EX_OK)
			break;
		add_source(timeline, &queues[i], HISTORY_IN);
		add_source(timeline, &queues[i], HISTORY_OUT);
	}
	return code;
}

static int
run(struct timeline *timeline)
{
	size_t spools = timeline->spools.count, i;
	struct queue *queues = calloc(spools + 1, sizeof(*queues));
	struct error err = ERROR_INIT;
	int code;

	timeline->sources = calloc(2 * spools + 1, sizeof(struct source));
	if (!queues || !timeline->sources)
		code = tool_fail(EX_OSERR, "no memory");
	else
		code = open_sources(timeline, queues);
	if (code == EX_OK && print_all(timeline, &err) < 0)
		code = tool_error(&err);
	for (i = 0; i < timeline->count; i += 2)
		queue_close(&queues[i / 2]);
	free(timeline->sources);
	free(queues);
	return code;
}

static void
read_options(int argc, char **argv, struct timeline *timeline, int *operands)
{
	static const struct option options[] = {
		{ "since", required_argument, NULL, 's' },
		{ "event", required_argument, NULL, 'e' },
		{ "follow", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int got;

	while ((got = arguments_next(argc, argv, options, operands)) != -1)
		switch (got) {
		case 's':
			timeline->since = tool_read_time("--since", optarg);
			timeline->has_since = true;
			break;
		case 'e':
			timeline->events = optarg;
			break;
		case 'f':
			timeline->follow = true;
			break;
		default:
			timeline->json = true;
		}
}

int
tool_history(int argc, char **argv)
{
	struct timeline timeline = { .spools = SPOOLS_INIT,
		.text = BUF_INIT(ROW_MAX) };
	struct error err = ERROR_INIT;
	int operands = 0, code;

	read_options(argc, argv, &timeline, &operands);
	if (!timeline.has_since)
		timeline.since =
		    clock_now().tv_sec - (timeline.follow ? 0 : SINCE);
	if (spools_read(&timeline.spools, argv + 1, operands, &err) < 0)
		code = tool_error(&err);
	else
		code = run(&timeline);
	spools_free(&timeline.spools);
	buf_free(&timeline.text);
	return tool_finish(code);
}
