/* SPDX-License-Identifier: MIT */
/*
 * outcome - what becomes of a message when its command has ended
 *
 * The consumer contract: 0 is done, 75 is later and does not count, 65 is
 * never, 78 stops the runner; the rest counts as a failed try.
 */
#include "run/outcome.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "spool/room.h"
#include "hookdir/remember.h"
#include "hookdir/tool.h"
#include "run/progress.h"

/* This one, those that counted and those that did not. */
static unsigned
runs_of(const struct claim *claim)
{
	return claim->name.tries + claim->name.later;
}

/* The last line of the output that says something. */
static struct span
last_line(struct span output)
{
	const char *newline;

	while (output.len > 0 &&
	    strchr(" \t\r\n", output.at[output.len - 1]) != NULL)
		output.len--;
	newline = output.len ? memrchr(output.at, '\n', output.len) : NULL;
	if (newline) {
		output.len -= (size_t)(newline + 1 - output.at);
		output.at = newline + 1;
	}
	return output;
}

/* In the history: before the claim ends, while the file is open. */
static void
note(const struct runner *runner, const struct claim *claim, const char *event,
    const char *what, const char *then, struct span output)
{
	struct span line = last_line(output);
	struct buf detail = BUF_INIT(JOB_OUTPUT + 256);

	buf_printf(&detail, "%s, try %u%s%s%s", what, runs_of(claim),
	    then[0] ? ", " : "", then, line.len ? ": " : "");
	buf_append_span(&detail, line);
	remember(runner->queue.root, &claim->name, claim->fd, event,
	    buf_span(&detail));
	buf_free(&detail);
}

/* On standard error, for cron to mail and for journald to keep. */
static void
report(const struct runner *runner, enum tool_priority priority,
    const struct claim *claim, const char *what, const char *then,
    struct span output)
{
	struct span line = last_line(output);

	if (runner->options->quiet)
		return;
	run_progress_clear();
	tool_begin_line(priority);
	tool_print(stderr, span_of(claim->name.base), NAME_MAX);
	(void)fprintf(stderr, ": %s, try %u, %s", what, runs_of(claim), then);
	if (line.len) {
		(void)fputs(": ", stderr);
		tool_print(stderr, line, 200);
	}
	(void)fputc('\n', stderr);
}

/* Beside the message, for list and show; a failure here changes nothing. */
static void
keep_log(struct runner *runner, const struct claim *claim, const char *what,
    struct span output)
{
	struct buf text = BUF_INIT(QUEUE_LOG_MAX);
	struct error err = ERROR_INIT;
	char now[CLOCK_RFC3339_SIZE];

	clock_rfc3339(clock_now(), now);
	buf_printf(&text, "%s %s, try %u\n", now, what, runs_of(claim));
	buf_append_span(&text, output);
	if (buf_check(&text, &err) < 0 ||
	    queue_log_write(
		&runner->queue, &claim->name, buf_span(&text), &err) < 0)
		tool_warn("%s", err.text);
	buf_free(&text);
}

/* Doubled with every try of that kind; times counts this one. */
static uint64_t
delay_after(const struct run_options *options, unsigned times)
{
	uint64_t delay = options->backoff_base;

	for (; times > 1 && delay < options->backoff_max; times--)
		delay *= 2;
	return delay < options->backoff_max ? delay : options->backoff_max;
}

/*
 * A message that cannot be put where it belongs stays in cur/, and the next
 * pass tries again; the others go on. Where there is no room, that is said
 * once a pass.
 */
static void
check(struct runner *runner, int rc, const struct error *err)
{
	if (rc == 0)
		return;
	if (!runner->refused) {
		run_progress_clear();
		tool_fail(0, "%s", err->text);
	}
	runner->missed = runner->refused = true;
}

/* It stands in new/ again, and nobody else may tell us of that in time. */
static void
take_back(struct runner *runner, const struct claim *claim)
{
	char file[NAME_MAX + 1];

	spool_name_format(&claim->name, file);
	runner_arrival(runner, file);
}

static void
try_again(struct runner *runner, struct claim *claim, uint64_t delay,
    bool counted, const char *what, struct span output)
{
	struct error err = ERROR_INIT;
	char span[TOOL_SHORT_SIZE], then[64] = "again at once";

	tool_short_span((int64_t)delay, span);
	if (delay)
		(void)snprintf(then, sizeof(then), "again in %s", span);
	note(runner, claim, "retry", what, then, output);
	report(runner, TOOL_INFO, claim, what, then, output);
	keep_log(runner, claim, what, output);
	runner->retried++;
	check(runner,
	    claim_defer(&runner->queue, claim,
		delay ? clock_now().tv_sec + (time_t)delay : 0, counted, &err),
	    &err);
	take_back(runner, claim);
}

static void
give_up(struct runner *runner, struct claim *claim, const char *what,
    struct span output)
{
	struct error err = ERROR_INIT;

	note(runner, claim, "failed", what, "given up", output);
	report(runner, TOOL_WARNING, claim, what, "given up", output);
	keep_log(runner, claim, what, output);
	runner->failed++;
	check(runner, claim_bury(&runner->queue, claim, &err), &err);
}

static void
give_back(struct runner *runner, struct claim *claim, const char *what,
    struct span output)
{
	struct error err = ERROR_INIT;

	note(runner, claim, "retry", what, "put back", output);
	report(runner, TOOL_WARNING, claim, what, "put back", output);
	keep_log(runner, claim, what, output);
	check(runner, claim_return(&runner->queue, claim, &err), &err);
}

/* It is in no way known to be at fault, and so nothing is said of it. */
static void
put_back(struct runner *runner, struct claim *claim, bool alone)
{
	struct error err = ERROR_INIT;

	if (alone) {
		spool_name_shorten(&claim->before);
		claim->before.alone = true;
	}
	check(runner, claim_return(&runner->queue, claim, &err), &err);
	take_back(runner, claim);
}

static void
fail(struct runner *runner, struct claim *claim, const char *what,
    struct span output)
{
	if (claim->name.tries > runner->options->retries)
		give_up(runner, claim, what, output);
	else
		try_again(runner, claim,
		    delay_after(runner->options, claim->name.tries), true, what,
		    output);
}

/*
 * The message is done, and so there is room; but a command that is just being
 * started may have the file open for another moment.
 */
static int
remember_late(struct runner *runner, const struct task *task, struct error *err)
{
	const struct timespec step = { 0, 10000000 };
	int rc = order_remember(&runner->queue, &task->message, err), tries;

	for (tries = 0; rc < 0 && room_is_short(err) && tries < 100; tries++) {
		(void)nanosleep(&step, NULL);
		*err = (struct error)ERROR_INIT;
		rc = order_remember(&runner->queue, &task->message, err);
	}
	return rc;
}

/*
 * What was done last of a group. Where there is no room to note it, the next
 * command of the group is told an older version, and takes more than it must.
 */
static bool
note_done(struct runner *runner, const struct task *task)
{
	struct error err = ERROR_INIT;

	if (!runner_keeps_order(runner) || task->message.alone ||
	    order_remember_done(&runner->queue, &task->message, &err) == 0)
		return true;
	if (!room_is_short(&err))
		tool_warn("%s", err.text);
	return false;
}

/* Noted before the message is gone, so that no command is told less. */
static void
finish(struct runner *runner, struct task *task, const char *what,
    struct span output)
{
	bool noted = note_done(runner, task);
	struct error err = ERROR_INIT;
	int rc;

	runner->done++;
	note(runner, &task->claim, "done", what, "", output);
	rc = claim_finish(&runner->queue, &task->claim, &runner->archive, &err);
	if (rc == 0 && task->unmarked)
		rc = remember_late(runner, task, &err);
	if (rc == 0 && !noted)
		(void)note_done(runner, task);
	check(runner, rc, &err);
}

static void
settle_by_status(
    struct runner *runner, struct task *task, const struct outcome *outcome)
{
	const char *what = outcome->what;
	struct span output = outcome->output;
	struct claim *claim = &task->claim;
	uint64_t delay;

	switch (outcome->status) {
	case EX_OK:
		finish(runner, task, what, output);
		break;
	case EX_TEMPFAIL:
		/* A second at least, or a drain would never end. */
		delay = delay_after(runner->options, claim->name.later + 1);
		try_again(
		    runner, claim, delay ? delay : 1, false, what, output);
		break;
	case EX_DATAERR:
		give_up(runner, claim, what, output);
		break;
	case EX_CONFIG:
		give_back(runner, claim, what, output);
		runner_stop(runner, EX_CONFIG);
		break;
	default:
		fail(runner, claim, what, output);
	}
}

void
run_settle(
    struct runner *runner, struct task *task, const struct outcome *outcome)
{
	switch (outcome->fate) {
	case FATE_STATUS:
		task->claim.before.alone = task->claim.name.alone = false;
		settle_by_status(runner, task, outcome);
		break;
	case FATE_BACK:
		give_back(runner, &task->claim, outcome->what, outcome->output);
		break;
	case FATE_UNGIVEN:
		put_back(runner, &task->claim, false);
		break;
	case FATE_ALONE:
		put_back(runner, &task->claim, true);
		break;
	}
	runner->running--;
	if (runner_keeps_order(runner)) {
		order_done(&runner->order, task->message.group);
		runner->exhausted = false;
	}
}

void
run_refuse(struct runner *runner, struct claim *claim, const char *why)
{
	give_up(runner, claim, why, (struct span){ NULL, 0 });
}

int
run_settle_abandoned(
    struct runner *runner, struct claim *claim, struct error *err)
{
	static const char what[] = "runner gone";
	struct error failed = ERROR_INIT;
	struct span none = { NULL, 0 };

	if (claim->name.tries <= runner->options->retries) {
		note(runner, claim, "retry", what, "again at once", none);
		return claim_defer(&runner->queue, claim, 0, true, err);
	}
	note(runner, claim, "failed", what, "given up", none);
	report(runner, TOOL_WARNING, claim, what, "given up", none);
	keep_log(runner, claim, what, none);
	runner->failed++;
	check(runner, claim_bury(&runner->queue, claim, &failed), &failed);
	return 0;
}

/* Another run was to archive it: this one must not remove it. */
static void
leave_to_archive(struct runner *runner, struct claim *claim)
{
	if (!runner->archive_said) {
		run_progress_clear();
		tool_warn("%s is done and waits for an archive, like perhaps "
			  "others: run with --archive",
		    claim->name.base);
	}
	runner->archive_said = true;
	claim_leave(claim);
}

void
run_settle_ended(struct runner *runner, struct claim *claim)
{
	struct error err = ERROR_INIT;
	enum spool_end end = claim->name.end;
	int rc = 0;

	if (end == SPOOL_END_FAILED)
		rc = claim_bury(&runner->queue, claim, &err);
	else if (end == SPOOL_END_ARCHIVE && runner->archive.dir < 0)
		leave_to_archive(runner, claim);
	else
		rc =
		    claim_finish(&runner->queue, claim, &runner->archive, &err);
	check(runner, rc, &err);
}
