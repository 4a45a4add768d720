/* SPDX-License-Identifier: MIT */
/*
 * start - which messages are claimed and given to a command
 *
 * A pass goes once through new/ and claims what it can. What is in cur/
 * without a lock was left behind by a runner that died, and goes back
 * first.
 */
#include "run/start.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "hookdir/program.h"
#include "spool/room.h"
#include "hookdir/subject.h"
#include "hookdir/tool.h"
#include "hookdir/remember.h"
#include "run/archive_path.h"
#include "run/feed.h"
#include "run/odd.h"
#include "run/one.h"
#include "run/outcome.h"

#define SLICE INT64_C(20000) /* microseconds of claiming at a time */

/* The archive of a run for other types is not the one it waits for. */
static int
waits_for_us(struct runner *runner, const char *file,
    const struct spool_name *name, struct error *err)
{
	if (name->end != SPOOL_END_ARCHIVE || !runner->options->type)
		return 1;
	return subject_read(
	    &runner->queue, QUEUE_CUR, file, runner->options->type, NULL, err);
}

/* Left behind by a runner that died. */
static int
visit_abandoned(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct runner *runner = context;
	struct claim claim = CLAIM_INIT;
	struct error failed = ERROR_INIT;
	enum claim_result rc = CLAIM_GONE;
	int ours;

	(void)state;
	(void)err;
	/* Where the first finds no room, the others of a pass are spared. */
	if (name->end && runner->refused)
		return 0;
	ours = waits_for_us(runner, file, name, &failed);
	if (ours == 1)
		rc = living_take_over(&runner->queue, file, &claim, &failed);
	if (rc == CLAIM_TAKEN && claim.name.end)
		run_settle_ended(runner, &claim);
	else if (rc == CLAIM_TAKEN)
		ours = run_settle_abandoned(runner, &claim, &failed);
	if (ours < 0 || rc == CLAIM_FAILED)
		run_pass_over_cur(runner, file, &failed);
	return 0;
}

void
run_start_pass(struct runner *runner)
{
	struct error err = ERROR_INIT;
	int rc;

	runner->started_before = runner->started;
	runner->passes++;
	/* In a run that ends by itself, it is tried once. */
	if (runner_waits(runner))
		runner->refused = false;
	runner->exhausted = false;
	run_follow_archive(runner);
	rc = queue_each(
	    &runner->queue, QUEUE_CUR, visit_abandoned, runner, &err);
	if (rc == 0 && runner_keeps_order(runner))
		rc = order_start(&runner->order, &runner->queue, &err);
	else if (rc == 0)
		rc = pick_start(&runner->pick, &runner->queue, &err);
	if (rc < 0)
		runner_fault(runner, &err);
}

/* Is it of our type? With an order, that is known before. */
static enum claim_result
claim_if_wanted(struct runner *runner, const char *file, struct claim *claim,
    struct error *err)
{
	const char *type = runner->options->type;
	int rc = 1;

	if (type && !runner_keeps_order(runner))
		rc = subject_read(
		    &runner->queue, QUEUE_NEW, file, type, NULL, err);
	if (rc != 1)
		return rc < 0 ? CLAIM_FAILED : CLAIM_GONE;
	return claim_take(&runner->queue, file, claim, err);
}

/* Pick the next message: 1, or 0 when there is none now. */
static int
pick(struct runner *runner, struct task *task, const char **file)
{
	struct error err = ERROR_INIT;
	int rc;

	*file = task->message.file;
	rc = runner_keeps_order(runner)
	    ? order_next(&runner->order, &runner->queue, &task->message, &err)
	    : pick_next(&runner->pick, &runner->queue, file, &err);
	if (rc < 0)
		runner_fault(runner, &err);
	return rc == 1;
}

/* Done without being run: a newer one says all that it said. */
static void
drop_superseded(struct runner *runner, struct claim *claim)
{
	runner->superseded++;
	remember(runner->queue.root, &claim->name, claim->fd, "superseded",
	    span_of("not run, a newer one is known"));
	claim->name.end = SPOOL_END_DONE;
	run_settle_ended(runner, claim);
}

/* The order is told before the command is, and what was done last looked up. */
static int
prepare(struct runner *runner, struct task *task, struct error *err)
{
	const struct order_message *message = &task->message;

	if (!runner_keeps_order(runner) || message->alone)
		return 0;
	order_seen(&runner->queue, message->group, task->seen);
	if (!message->mark)
		return 0;
	if (order_remember(&runner->queue, message, err) < 0) {
		if (!room_is_short(err))
			return -1;
		/* There will be room when the message is done. */
		task->unmarked = true;
		*err = (struct error)ERROR_INIT;
	}
	return order_started(&runner->order, message, err);
}

/* It could not be started: back, and no more of this until that is over. */
static void
undo(struct runner *runner, struct task *task, const struct error *err)
{
	struct error ignored = ERROR_INIT;
	char file[NAME_MAX + 1];

	spool_name_format(&task->claim.before, file);
	if (claim_return(&runner->queue, &task->claim, &ignored) == 0)
		runner_arrival(runner, file);
	if (runner_keeps_order(runner))
		order_done(&runner->order, task->message.group);
	if (!runner->stopping)
		runner_fault(runner, err);
}

/* A program that cannot be executed any more is no fault of the system. */
static void
fail_start(struct runner *runner, struct task *task, const struct error *err)
{
	if (program_check(runner->command.path) != EX_OK)
		runner_stop(runner, EX_UNAVAILABLE);
	else if (err->errnum == ENOEXEC)
		runner_stop(runner,
		    tool_fail(EX_UNAVAILABLE,
			"%s: neither a program of this machine nor a script "
			"that begins with #! and its interpreter",
			err->text));
	else if (err->errnum == ENOENT || err->errnum == EACCES)
		runner_stop(runner, tool_fail(EX_UNAVAILABLE, "%s", err->text));
	undo(runner, task, err);
}

static void
give(struct runner *runner, struct slot *slot, struct task *task)
{
	struct error err = ERROR_INIT;
	int rc;

	if (prepare(runner, task, &err) < 0) {
		undo(runner, task, &err);
		return;
	}
	rc = runner->window ? feed_give(runner, slot, task, &err)
			    : one_give(runner, slot, task, &err);
	if (rc < 0) {
		fail_start(runner, task, &err);
		return;
	}
	runner->running++;
	runner->started++;
	runner->rest_said = false;
}

/*
 * The turn of a group is over when its message was done, or is gone. If it
 * is there and could not be had, those behind it wait for the next pass.
 */
static void
end_turn(struct runner *runner, const struct task *task, bool had)
{
	const struct order_message *message = &task->message;
	struct error err = ERROR_INIT;
	struct stat st;

	if (had ||
	    fstatat(runner->queue.states[QUEUE_NEW], message->file, &st,
		AT_SYMLINK_NOFOLLOW) < 0)
		order_done(&runner->order, message->group);
	else if (order_hold(&runner->order, &runner->queue, message, &err) < 0)
		runner_fault(runner, &err);
}

/* What is claimed and not to be run; false: it is to be run. */
static bool
is_over(struct runner *runner, struct task *task)
{
	if (task->claim.name.end)
		run_settle_ended(runner, &task->claim);
	else if (runner_keeps_order(runner) && task->message.superseded)
		drop_superseded(runner, &task->claim);
	else if (runner->window && !feed_takes(task))
		run_refuse(runner, &task->claim,
		    "its name has a control character and fits in no line");
	else
		return false;
	return true;
}

/* Claim the message that was picked. True: it is to be given to a command. */
static bool
claim(struct runner *runner, struct task *task, const char *file)
{
	struct error failed = ERROR_INIT;
	enum claim_result rc =
	    claim_if_wanted(runner, file, &task->claim, &failed);

	if (rc == CLAIM_FAILED)
		run_pass_over(runner, file, &failed);
	if (rc == CLAIM_TAKEN && !is_over(runner, task))
		return true;
	if (runner_keeps_order(runner))
		end_turn(runner, task, rc == CLAIM_TAKEN);
	return false;
}

/*
 * Pick, claim, give; false when there is none, or after a few milliseconds,
 * so that what has happened meanwhile is seen.
 */
static bool
fill_slot(struct runner *runner, struct slot *slot)
{
	const int64_t end = clock_monotonic() + SLICE;
	struct task task;
	const char *file;

	do {
		task = (struct task){ .claim = CLAIM_INIT };
		task.claim.uncounted = runner->window > 0;
		if (!pick(runner, &task, &file)) {
			runner->exhausted = !order_is_reading(&runner->order);
			return false;
		}
		if (claim(runner, &task, file)) {
			give(runner, slot, &task);
			return true;
		}
	} while (!runner->stopping && !runner_is_resting(runner) &&
	    clock_monotonic() < end);
	return false;
}

bool
run_has_room(const struct runner *runner, const struct slot *slot)
{
	return runner->window ? feed_has_room(runner, slot)
			      : slot->job.pid == 0;
}

/* One for each that has room; false: enough for now, or there is no more. */
static bool
fill_once(struct runner *runner)
{
	bool filled = false;
	unsigned i;

	for (i = 0; i < runner->options->jobs; i++) {
		if (runner->stopping || runner_is_resting(runner))
			return false;
		if (!run_has_room(runner, &runner->slots[i]))
			continue;
		if (!fill_slot(runner, &runner->slots[i]))
			return false;
		filled = true;
	}
	return filled;
}

void
run_fill_slots(struct runner *runner)
{
	const int64_t end = clock_monotonic() + SLICE;

	while (fill_once(runner) && clock_monotonic() < end)
		;
}
