/* SPDX-License-Identifier: MIT */
/*
 * show - hookdir show: one message
 *
 * The event goes to standard output and what the command said about it to
 * standard error, so that the one can be piped on.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "hookdir/arguments.h"
#include "base/clock.h"
#include "message/event.h"
#include "base/io.h"
#include "json/json.h"
#include "hookdir/pretty.h"

#define ANY_STATE ((1u << QUEUE_STATES) - 1)

/* A message that is being run moves: so often it is looked for. */
#define SEARCHES 5

enum part {
	PART_ALL,
	PART_DATA,
	PART_BODY,
	PART_OUTPUT
};

struct shown {
	struct queue queue;
	const char *called;
	enum part part;
	struct spool_name name;
	struct event event;
};

static int
not_there(const struct shown *shown)
{
	return tool_fail(EX_NOINPUT, "no message %s in %s", shown->called,
	    shown->queue.path);
}

/* A descriptor; -2 where there is no such message. */
static int
open_message(struct shown *shown, struct error *err)
{
	struct error missing = ERROR_INIT;
	char file[NAME_MAX + 1];
	enum queue_state state;
	struct stat st;
	int i, fd = -1, rc;

	for (i = 0; fd < 0 && i < SEARCHES; i++) {
		rc = queue_find(
		    &shown->queue, shown->called, ANY_STATE, &state, file, err);
		if (rc != 1)
			return rc < 0 ? -1 : -2;
		(void)spool_name_parse(file, &shown->name);
		missing = (struct error)ERROR_INIT;
		fd = queue_open_file(&shown->queue, state, file, &st, &missing);
		if (fd < 0 && missing.errnum != ENOENT) {
			*err = missing;
			return -1;
		}
	}
	return fd < 0 ? -2 : fd;
}

/* 0, or -1 where there is none, and *code says what follows. */
static int
read_output(struct shown *shown, struct buf *out, int *code)
{
	struct error err = ERROR_INIT;

	*code = EX_OK;
	if (queue_log_read(&shown->queue, &shown->name, out, &err) < 0)
		*code = tool_error(&err);
	return *code == EX_OK && out->len > 0 ? 0 : -1;
}

/* The first line of a log begins with the time; the line ends with it. */
static void
print_outcome(FILE *out, struct span line)
{
	struct span rest = line, time;
	struct timespec when;

	(void)fputs("-- ", out);
	if (!span_cut(&rest, ' ', &time) || !rest.len ||
	    !clock_read_rfc3339(time.at, time.len, &when)) {
		tool_print(out, line, SIZE_MAX);
	} else {
		tool_print(out, rest, SIZE_MAX);
		(void)fputs(", ", out);
		tool_print(out, time, SIZE_MAX);
	}
	(void)putc('\n', out);
}

static int
show_output_after(struct shown *shown)
{
	struct buf log = BUF_INIT(QUEUE_LOG_MAX);
	struct span rest, line;
	int code;

	if (read_output(shown, &log, &code) == 0) {
		(void)fflush(stdout);
		rest = buf_span(&log);
		(void)span_cut(&rest, '\n', &line);
		print_outcome(stderr, line);
		pretty_lines(stderr, rest);
	}
	buf_free(&log);
	return code;
}

/* For a program as it is, for a terminal escaped. */
static int
show_output(struct shown *shown)
{
	struct buf log = BUF_INIT(QUEUE_LOG_MAX);
	struct span rest, line;
	int code;

	if (read_output(shown, &log, &code) == 0) {
		rest = buf_span(&log);
		(void)span_cut(&rest, '\n', &line);
		if (isatty(STDOUT_FILENO))
			pretty_lines(stdout, rest);
		else if (rest.len)
			(void)fwrite(rest.at, 1, rest.len, stdout);
	} else if (code == EX_OK) {
		code = tool_fail(EX_NOINPUT,
		    "nothing is kept that was said "
		    "about %s",
		    shown->called);
	}
	buf_free(&log);
	return code;
}

static int
show_all(struct shown *shown)
{
	pretty_print(stdout, shown->event.root.raw);
	return show_output_after(shown);
}

static int
show_payload(struct shown *shown)
{
	struct buf data = BUF_INIT(EVENT_MAX);
	struct error err = ERROR_INIT;
	struct json_value member;
	int code = EX_OK;

	if (shown->part == PART_BODY &&
	    !json_member(shown->event.root, "data_base64", &member))
		return tool_fail(EX_DATAERR,
		    "%s: its body is not kept; --data has what was in it",
		    shown->called);
	if (event_payload(&shown->event, &data, &err) < 0)
		code = tool_error(&err);
	else if (data.len)
		(void)fwrite(data.at, 1, data.len, stdout);
	buf_free(&data);
	return code;
}

static int
show_broken(struct shown *shown, const struct error *err)
{
	int code = tool_error(err);

	if (err->code == ERROR_FORM && shown->part == PART_ALL) {
		pretty_lines(stdout, buf_span(&shown->event.text));
		(void)show_output_after(shown);
	}
	return code;
}

static int
show(struct shown *shown)
{
	struct error err = ERROR_INIT;
	int fd = open_message(shown, &err), rc;

	if (fd < 0)
		return fd == -2 ? not_there(shown) : tool_error(&err);
	if (shown->part == PART_OUTPUT) {
		io_discard(&fd);
		return show_output(shown);
	}
	rc = event_read(&shown->event, fd, &err);
	io_discard(&fd);
	if (rc < 0)
		return show_broken(shown, &err);
	return shown->part == PART_ALL ? show_all(shown) : show_payload(shown);
}

static void
read_options(int argc, char **argv, struct shown *shown, int *operands)
{
	static const struct option options[] = {
		{ "data", no_argument, NULL, PART_DATA },
		{ "body", no_argument, NULL, PART_BODY },
		{ "output", no_argument, NULL, PART_OUTPUT },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int got;

	while ((got = arguments_next(argc, argv, options, operands)) != -1)
		shown->part = (enum part)got;
}

int
tool_show(int argc, char **argv)
{
	struct shown shown = { .part = PART_ALL };
	int operands = 0, code;

	read_options(argc, argv, &shown, &operands);
	if (operands != 2)
		return tool_usage(operands < 2 ? "which message of which spool?"
					       : "one message at a time");
	code = tool_open_queue(&shown.queue, argv[1]);
	if (code != EX_OK)
		return code;
	shown.called = argv[2];
	event_init(&shown.event);
	code = tool_finish(show(&shown));
	event_free(&shown.event);
	queue_close(&shown.queue);
	return code;
}
