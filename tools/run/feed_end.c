/* SPDX-License-Identifier: MIT */
/*
 * feed_end - what becomes of messages whose command has ended, with --pipe
 *
 * Which one has ended it cannot be known if there were several: all go back,
 * to be given alone. What was alone is a suspect.
 */
#include "run/feed_parts.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "run/progress.h"
#include "run/suspects.h"
#include "hookdir/tool.h"

/* What becomes of messages that it has not answered. */
static enum fate
fate_of(const struct runner *runner, const struct slot *slot, int status)
{
	const struct job *job = &slot->job;

	if (runner->hurried && job->killed && !job->timed_out &&
	    !slot->feed->broken)
		return FATE_UNGIVEN;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EX_CONFIG)
		return FATE_UNGIVEN;
	/* It did some and ended by itself, as to free its memory. */
	if (status == 0 && slot->feed->answers_count > 0 && !job->timed_out &&
	    !slot->feed->broken)
		return FATE_UNGIVEN;
	return FATE_ALONE;
}

static void
suspect(struct runner *runner, struct slot *slot, const char *what)
{
	struct buf output = BUF_INIT(JOB_OUTPUT);

	job_output(&slot->job, &output);
	suspects_add(
	    runner, feed_take_out(slot->feed, 0), what, buf_span(&output));
	buf_free(&output);
}

static void
report_end(struct runner *runner, struct slot *slot, int status, enum fate fate,
    long pid)
{
	const struct feed *feed = slot->feed;
	char text[64] = "", what[64];

	if (feed->count > 0)
		(void)snprintf(
		    text, sizeof(text), "; %u unanswered go back", feed->count);
	if (feed->count == 1)
		(void)snprintf(text, sizeof(text), ", without an answer for ");
	if (runner->options->quiet ||
	    (status == 0 && (feed->count == 0 || fate == FATE_UNGIVEN)))
		return;
	job_describe(&slot->job, status, what, sizeof(what));
	run_progress_clear();
	tool_warn("the command (process %ld) has ended: %s%s%s", pid, what,
	    text, feed->count == 1 ? feed->given[0]->name : "");
}

static void
reset(struct feed *feed)
{
	feed->written = 0;
	feed->begun = feed->alone = feed->idle = feed->told = false;
	feed->closing = feed->lost = feed->broken = false;
	feed->at = 0;
	feed->answered = 0;
	feed->answers_count = 0;
	memset(feed->had, 0, sizeof(feed->had));
	feed->out_at = feed->out_len = 0;
	feed->lines.len = feed->errors.len = 0;
}

void
feed_ended(struct runner *runner, struct slot *slot)
{
	struct feed *feed = slot->feed;
	const long pid = (long)slot->job.pid;
	enum fate fate;
	char what[64];
	int status;

	/* What is left of its group might go on with what it was given. */
	(void)kill(-slot->job.pid, SIGKILL);
	feed_drain(runner, slot);
	status = job_collect(&slot->job);
	living_unlock(&feed->lock);
	fate = fate_of(runner, slot, status);
	job_describe(&slot->job, status, what, sizeof(what));
	feed_take_back(runner, feed);
	report_end(runner, slot, status, fate, pid);
	if (fate == FATE_ALONE && feed->count == 1 && feed->alone)
		suspect(runner, slot, what);
	while (feed->count > 0)
		feed_settle_back(
		    runner, feed_take_out(feed, feed->count - 1), fate);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EX_CONFIG)
		runner_stop(runner, EX_CONFIG);
	reset(feed);
}
