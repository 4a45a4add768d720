/* SPDX-License-Identifier: MIT */
/*
 * feed - a command that lives and is given many messages: run --pipe
 *
 * What is unanswered is in the order in which it was given: first those that
 * were written to the end, then perhaps one that is begun.
 */
#include "run/feed_parts.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "run/progress.h"
#include "hookdir/tool.h"

int
feed_open(struct runner *runner, struct error *err)
{
	struct feed *feed;
	unsigned i;

	for (i = 0; i < runner->options->jobs; i++) {
		feed = calloc(1, sizeof(*feed));
		runner->slots[i].feed = feed;
		if (feed)
			feed->given =
			    calloc(runner->window, sizeof(struct task *));
		if (!feed || !feed->given)
			return error_set(
			    err, ERROR_MEMORY, "no memory for jobs");
		feed->input = feed->answers = feed->lock = -1;
	}
	return 0;
}

void
feed_close(struct runner *runner)
{
	unsigned i;

	for (i = 0; runner->slots && i < runner->options->jobs; i++) {
		if (runner->slots[i].feed)
			free((void *)runner->slots[i].feed->given);
		free(runner->slots[i].feed);
		runner->slots[i].feed = NULL;
	}
}

bool
feed_takes(const struct task *task)
{
	const unsigned char *c = (const unsigned char *)task->claim.name.base;

	for (; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			return false;
	return true;
}

static uint64_t
size_of(const struct task *task)
{
	return (uint64_t)task->claim.size;
}

bool
feed_has_room(const struct runner *runner, const struct slot *slot)
{
	const struct feed *feed = slot->feed;

	if (slot->job.pid == 0)
		return true;
	return feed->input >= 0 && !feed->closing && !feed->broken &&
	    !feed->pending && !feed->alone && feed->count < runner->window &&
	    feed->bytes < FEED_BYTES;
}

/*
 * From the later of the oldest one's giving, or the end of input, and the last
 * answer. Without its output it has a deadline of its own.
 */
static void
set_deadline(const struct runner *runner, struct slot *slot)
{
	const struct feed *feed = slot->feed;
	int64_t timeout = runner->command.timeout, from;

	if (!slot->job.pid || slot->job.killed || slot->job.unreachable ||
	    feed->answers < 0)
		return;
	slot->job.deadline = 0;
	if (timeout == 0 || (feed->count == 0 && !feed->closing))
		return;
	from = feed->closing ? feed->closed : feed->given[0]->given;
	if (from < feed->answered)
		from = feed->answered;
	slot->job.deadline = from + timeout;
}

/* Ends in each case: the command has what it needs, or there is none. */
static int
start(struct runner *runner, struct slot *slot, struct error *err)
{
	struct environment env = ENVIRONMENT_INIT;
	struct feed *feed = slot->feed;
	int input[2] = { -1, -1 }, answers[2] = { -1, -1 };
	int errors[2] = { -1, -1 }, rc = -1;
	struct job_streams streams;

	environment_add_own(&env);
	feed->lock = living_lock(&runner->living, &runner->queue,
	    (unsigned)(slot - runner->slots), err);
	if (feed->lock < 0 || environment_finish(&env, err) < 0 ||
	    job_pipe(input, 1, err) < 0 || job_pipe(answers, 0, err) < 0 ||
	    job_pipe(errors, 0, err) < 0)
		goto out;
	streams =
	    (struct job_streams){ input[0], answers[1], errors[1], feed->lock };
	rc = job_start(&slot->job, &runner->command, NULL, &env, &streams, err);
out:
	io_discard(&input[0]);
	io_discard(&answers[1]);
	io_discard(&errors[1]);
	environment_free(&env);
	if (rc < 0) {
		io_discard(&input[1]);
		io_discard(&answers[0]);
		io_discard(&errors[0]);
		living_unlock(&feed->lock);
		return -1;
	}
	feed->input = input[1];
	feed->answers = answers[0];
	slot->job.output = errors[0];
	slot->job.deadline = 0;
	return 0;
}

static void
push(struct runner *runner, struct feed *feed, struct task *task)
{
	task->given = clock_monotonic();
	feed->given[feed->count++] = task;
	feed->bytes += size_of(task);
	feed->alone = task->claim.name.alone || runner->window == 1;
	feed->idle = feed->told = false;
}

static bool
fits(const struct feed *feed, const struct task *task)
{
	return feed->count == 0 ||
	    (!task->claim.name.alone && !feed->alone &&
		feed->bytes + size_of(task) <= FEED_BYTES);
}

int
feed_give(struct runner *runner, struct slot *slot, const struct task *task,
    struct error *err)
{
	struct task *copy = malloc(sizeof(*copy));

	if (!copy)
		return error_set(err, ERROR_MEMORY, "no memory for a message");
	*copy = *task;
	spool_name_format(&task->claim.name, copy->name);
	if (slot->job.pid == 0 && start(runner, slot, err) < 0) {
		free(copy);
		return -1;
	}
	if (fits(slot->feed, copy))
		push(runner, slot->feed, copy);
	else
		slot->feed->pending = copy;
	return 0;
}

/* Not settled any more by the feed; the caller's. */
struct task *
feed_take_out(struct feed *feed, unsigned i)
{
	struct task *task = feed->given[i];

	memmove((void *)(feed->given + i), (void *)(feed->given + i + 1),
	    (feed->count - i - 1) * sizeof(struct task *));
	feed->count--;
	feed->bytes -= size_of(task);
	if (i < feed->written)
		feed->written--;
	if (feed->count == 0)
		feed->alone = false;
	return task;
}

void
feed_settle(
    struct runner *runner, struct task *task, const struct outcome *outcome)
{
	run_settle(runner, task, outcome);
	free(task);
}

void
feed_settle_back(struct runner *runner, struct task *task, enum fate fate)
{
	const struct outcome outcome = { fate, -1, "", { NULL, 0 } };

	feed_settle(runner, task, &outcome);
}

/* What the command has not begun to read. */
void
feed_take_back(struct runner *runner, struct feed *feed)
{
	struct task *pending = feed->pending;

	feed->pending = NULL;
	if (pending)
		feed_settle_back(runner, pending, FATE_UNGIVEN);
	while (feed->count > feed->written + feed->begun)
		feed_settle_back(
		    runner, feed_take_out(feed, feed->count - 1), FATE_UNGIVEN);
}

void
feed_say(
    const struct runner *runner, const struct slot *slot, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (runner->options->quiet)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	run_progress_clear();
	tool_warn("the command (process %ld) %s", (long)slot->job.pid, text);
}

/* It cannot be relied upon any more: it is to end. */
void
feed_break_off(struct slot *slot)
{
	slot->feed->broken = true;
	if (!slot->job.killed)
		job_stop(&slot->job);
}

/* What it has is to be answered, and it is to end. */
void
feed_close_input(struct runner *runner, struct slot *slot)
{
	struct feed *feed = slot->feed;

	if (!feed->closing)
		feed->closed = clock_monotonic();
	feed->closing = true;
	feed_take_back(runner, feed);
}

static void
promote(struct runner *runner, struct feed *feed)
{
	struct task *pending = feed->pending;

	if (!pending || feed->closing || !fits(feed, pending))
		return;
	feed->pending = NULL;
	push(runner, feed, pending);
}

void
feed_write_all(struct runner *runner)
{
	struct slot *slot;
	struct feed *feed;
	unsigned i;

	for (i = 0; runner->window && i < runner->options->jobs; i++) {
		slot = &runner->slots[i];
		feed = slot->feed;
		if (!slot->job.pid || feed->broken)
			continue;
		promote(runner, feed);
		feed->idle = feed->count > 0 &&
		    (runner->exhausted || runner_is_resting(runner) ||
			!feed_has_room(runner, slot));
		feed_write(runner, slot);
		if (feed->closing && !feed->begun && feed->out_len == 0)
			io_discard(&feed->input);
		/* All that it has read to the end is answered. */
		if (feed->lost && feed->count == feed->begun &&
		    !slot->job.killed)
			job_stop(&slot->job);
		set_deadline(runner, slot);
	}
}

void
feed_end_all(struct runner *runner)
{
	unsigned i;

	for (i = 0; runner->window && i < runner->options->jobs; i++)
		if (runner->slots[i].job.pid && !runner->slots[i].feed->closing)
			feed_close_input(runner, &runner->slots[i]);
}

unsigned
feed_count_living(const struct runner *runner)
{
	unsigned i, count = 0;

	for (i = 0; runner->window && i < runner->options->jobs; i++)
		count += runner->slots[i].job.pid != 0;
	return count;
}
