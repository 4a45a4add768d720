/* SPDX-License-Identifier: MIT */
/*
 * run_claim - which messages are claimed, and their commands started
 *
 * A pass goes once through new/ and claims what it can. What is in cur/
 * without a lock was left behind by a runner that died, and goes back
 * first.
 */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "hookdir/program.h"
#include "spool/room.h"
#include "hookdir/subject.h"
#include "hookdir/tool.h"
#include "hookdir/remember.h"

#define SLICE INT64_C(20000) /* microseconds */

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
	int rc;

	(void)state;
	(void)err;
	/* Where the first finds no room, the others of a pass are spared. */
	if (name->end && runner->refused)
		return 0;
	rc = waits_for_us(runner, file, name, &failed);
	if (rc == 1)
		rc = claim_take_over(&runner->queue, file, &claim, &failed);
	if (rc == 1 && claim.name.end)
		run_settle_ended(runner, &claim);
	else if (rc == 1)
		rc = run_settle_abandoned(runner, &claim, &failed);
	if (rc < 0)
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

/* 1: claimed. 0: somebody else has it, or it is not of our type. */
static int
claim_if_wanted(struct runner *runner, const char *file, struct claim *claim,
    struct error *err)
{
	const char *type = runner->options->type;
	int rc = 1;

	if (type && !runner_keeps_order(runner))
		rc = subject_read(
		    &runner->queue, QUEUE_NEW, file, type, NULL, err);
	return rc == 1 ? claim_take(&runner->queue, file, claim, err) : rc;
}

/* 1: a message was found, and *claim is open if it was to be had. */
static int
next_claim(struct runner *runner, struct slot *slot, struct claim *claim)
{
	struct error err = ERROR_INIT, failed = ERROR_INIT;
	const char *file = slot->message.file;
	int rc = runner_keeps_order(runner)
	    ? order_next(&runner->order, &runner->queue, &slot->message, &err)
	    : pick_next(&runner->pick, &runner->queue, &file, &err);

	if (rc < 0)
		runner_fault(runner, &err);
	if (rc != 1)
		return 0;
	if (claim_if_wanted(runner, file, claim, &failed) < 0)
		run_pass_over(runner, file, &failed);
	return 1;
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
prepare(struct runner *runner, struct slot *slot, struct error *err)
{
	const struct order_message *message = &slot->message;

	slot->job.seen[0] = '\0';
	slot->unmarked = false;
	if (!runner_keeps_order(runner) || message->alone)
		return 0;
	order_seen(&runner->queue, message->group, slot->job.seen);
	if (!message->mark)
		return 0;
	if (order_remember(&runner->queue, message, err) < 0) {
		if (!room_is_short(err))
			return -1;
		/* There will be room when the message is done. */
		slot->unmarked = true;
		*err = (struct error)ERROR_INIT;
	}
	return order_started(&runner->order, message, err);
}

/* It could not be started: back, and no more of this until that is over. */
static void
undo(struct runner *runner, const struct slot *slot, struct claim *claim,
    const struct error *err)
{
	struct error ignored = ERROR_INIT;
	char file[NAME_MAX + 1];

	spool_name_format(&claim->before, file);
	if (claim_return(&runner->queue, claim, &ignored) == 0)
		runner_arrival(runner, file);
	if (runner_keeps_order(runner))
		order_done(&runner->order, slot->message.group);
	if (!runner->stopping)
		runner_fault(runner, err);
}

/* A program that cannot be executed any more is no fault of the system. */
static void
fail_start(struct runner *runner, const struct slot *slot, struct claim *claim,
    const struct error *err)
{
	if (program_check(runner->options->command.path) != EX_OK)
		runner_stop(runner, EX_UNAVAILABLE);
	else if (err->errnum == ENOEXEC)
		runner_stop(runner,
		    tool_fail(EX_UNAVAILABLE,
			"%s: neither a program of this machine nor a script "
			"that begins with #! and its interpreter",
			err->text));
	else if (err->errnum == ENOENT || err->errnum == EACCES)
		runner_stop(runner, tool_fail(EX_UNAVAILABLE, "%s", err->text));
	undo(runner, slot, claim, err);
}

static void
begin(struct runner *runner, unsigned i, struct claim *claim)
{
	struct slot *slot = &runner->slots[i];
	const struct job_command *command = &runner->options->command;
	struct error err = ERROR_INIT;

	if (prepare(runner, slot, &err) < 0) {
		undo(runner, slot, claim, &err);
	} else if (job_start(&slot->job, &runner->queue, claim, command, &err) <
	    0) {
		fail_start(runner, slot, claim, &err);
	} else {
		runner->running++;
		runner->started++;
		runner->rest_said = false;
	}
}

/*
 * The turn of a group is over when its message was done, or is gone. If it
 * is there and could not be had, those behind it wait for the next pass.
 */
static void
end_turn(struct runner *runner, const struct slot *slot, bool had)
{
	const struct order_message *message = &slot->message;
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
is_over(struct runner *runner, const struct slot *slot, struct claim *claim)
{
	if (claim->name.end)
		run_settle_ended(runner, claim);
	else if (runner_keeps_order(runner) && slot->message.superseded)
		drop_superseded(runner, claim);
	else
		return false;
	return true;
}

/*
 * Claim a message and start its command; false when there is none, or after
 * a few milliseconds, so that what has happened meanwhile is seen.
 */
static bool
fill_slot(struct runner *runner, unsigned i)
{
	struct slot *slot = &runner->slots[i];
	const int64_t end = clock_monotonic() + SLICE;
	struct claim claim = CLAIM_INIT;
	bool had;

	do {
		if (next_claim(runner, slot, &claim) != 1) {
			runner->exhausted = !order_is_reading(&runner->order);
			return false;
		}
		had = claim.fd >= 0;
		if (had && !is_over(runner, slot, &claim)) {
			begin(runner, i, &claim);
			return true;
		}
		if (runner_keeps_order(runner))
			end_turn(runner, slot, had);
	} while (!runner->stopping && !runner_is_resting(runner) &&
	    clock_monotonic() < end);
	return false;
}

void
run_fill_slots(struct runner *runner)
{
	unsigned i;

	for (i = 0; i < runner->options->jobs && !runner->stopping &&
	     !runner_is_resting(runner);
	     i++)
		if (runner->slots[i].job.pid == 0 && !fill_slot(runner, i))
			return;
}
