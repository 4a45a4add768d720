/* SPDX-License-Identifier: MIT */
/*
 * feed_read - what a command with --pipe writes: answers, and other lines
 */
#include "run/feed_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "run/progress.h"
#include "run/suspects.h"
#include "hookdir/tool.h"

/* So much of an output at a time: the others are to have their turn. */
#define READ_MAX ((size_t)256 << 10)
#define GRACE	 (INT64_C(5) * 1000000) /* from the end of output on */
#define SAID_MAX 400			/* bytes of a line that are logged */

struct reader {
	struct runner *runner;
	struct slot *slot;
};

/* What it writes beside answers: to the log, and kept for its end. */
static void
take_output(void *context, struct span line)
{
	const struct reader *reader = context;

	job_keep(&reader->slot->job, line);
	job_keep(&reader->slot->job, span_of("\n"));
	if (reader->runner->options->quiet || line.len == 0)
		return;
	run_progress_clear();
	tool_begin_line(TOOL_INFO);
	(void)fprintf(stderr,
	    "the command (process %ld) wrote: ", (long)reader->slot->job.pid);
	tool_print(stderr, line, SAID_MAX);
	(void)fputc('\n', stderr);
}

/* Which of those that were given to the end; or count. */
static unsigned
find(const struct feed *feed, struct span name)
{
	unsigned i;

	for (i = 0; i < feed->written; i++)
		if (span_is(name, feed->given[i]->name))
			return i;
	return feed->count;
}

/* Is it the name of a message: one that it had, or one of the receiver's? */
static bool
is_message(const struct feed *feed, struct span name)
{
	const uint64_t wanted = hash_span(0, name);
	struct spool_name parts;
	char text[NAME_MAX + 1];
	unsigned i;

	for (i = 0; i < FEED_ANSWERED; i++)
		if (feed->had[i] == wanted)
			return true;
	if (name.len > NAME_MAX || memchr(name.at, '\0', name.len))
		return false;
	memcpy(text, name.at, name.len);
	text[name.len] = '\0';
	return spool_name_parse(text, &parts) && parts.json &&
	    parts.arrived.tv_sec > 0;
}

static void
take_status(struct runner *runner, struct slot *slot, unsigned i,
    const struct answer *answer)
{
	char what[32];
	struct outcome outcome = { FATE_STATUS, answer->status, what,
		answer->reason };

	(void)snprintf(what, sizeof(what), "status %d", answer->status);
	if (outcome.output.len > JOB_OUTPUT)
		outcome.output.len = JOB_OUTPUT;
	slot->feed->answered = clock_monotonic();
	slot->feed->had[slot->feed->answers_count++ % FEED_ANSWERED] =
	    hash_span(0, answer->name);
	feed_settle(runner, feed_take_out(slot->feed, i), &outcome);
	if (runner->suspects.row)
		suspects_clear(runner);
}

static void
take_line(void *context, struct span line)
{
	const struct reader *reader = context;
	struct runner *runner = reader->runner;
	struct slot *slot = reader->slot;
	struct feed *feed = slot->feed;
	struct answer answer;
	bool given = false;
	unsigned i = 0;

	if (!feed->broken && answer_read(line, &answer)) {
		i = find(feed, answer.name);
		given = i < feed->count;
		if (given && answer.status >= 0) {
			take_status(runner, slot, i, &answer);
			return;
		}
		if (given ||
		    (answer.status >= 0 && is_message(feed, answer.name))) {
			feed_say(runner, slot, "is to end: it has answered %s",
			    given ? "with a status that is no number from 0 "
				    "to 255"
				  : "for a message that it does not have");
			feed_break_off(slot);
		}
	}
	take_output(context, line);
}

/* Answers where bytes is 0 at the end of output. */
static bool
read_some(int *fd, struct lines *lines, lines_take *take, struct reader *reader)
{
	char room[16384];
	size_t total = 0;
	ssize_t got;

	while (*fd >= 0 && total < READ_MAX) {
		got = read(*fd, room, sizeof(room));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return true;
		if (got <= 0)
			io_discard(fd);
		else
			lines_feed(lines, (struct span){ room, (size_t)got },
			    take, reader);
		total += got > 0 ? (size_t)got : 0;
	}
	return *fd >= 0;
}

void
feed_read_answers(struct runner *runner, struct slot *slot)
{
	struct reader reader = { runner, slot };
	struct feed *feed = slot->feed;

	if (read_some(&feed->answers, &feed->lines, take_line, &reader))
		return;
	/* It can answer no more. Most often it is just about to end. */
	feed_close_input(runner, slot);
	if (!slot->job.killed && !slot->job.unreachable)
		slot->job.deadline = clock_monotonic() + GRACE;
	io_discard(&feed->input);
	feed->out_at = feed->out_len = 0;
}

void
feed_read_errors(struct runner *runner, struct slot *slot)
{
	struct reader reader = { runner, slot };

	(void)read_some(
	    &slot->job.output, &slot->feed->errors, take_output, &reader);
}

/* All that it has written; a child of its own may hold the pipes. */
void
feed_drain(struct runner *runner, struct slot *slot)
{
	struct feed *feed = slot->feed;
	int left = 0;

	if (feed->answers >= 0 && ioctl(feed->answers, FIONREAD, &left) == 0 &&
	    left > 0)
		feed_read_answers(runner, slot);
	feed_read_errors(runner, slot);
	/* A line without its end is no answer. */
	if (feed->lines.len)
		take_output(&(struct reader){ runner, slot },
		    (struct span){ feed->lines.at, feed->lines.len });
	if (feed->errors.len)
		take_output(&(struct reader){ runner, slot },
		    (struct span){ feed->errors.at, feed->errors.len });
	io_discard(&feed->input);
	io_discard(&feed->answers);
	io_discard(&slot->job.output);
}
