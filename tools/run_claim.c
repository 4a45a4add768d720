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

#include "room.h"
#include "subject.h"
#include "tool.h"

/* One that cannot be had stays; the others are not to suffer. */
static void
miss(struct runner *runner, const struct error *err)
{
	runner->missed = true;
	run_progress_clear();
	tool_warn("%s", err->text);
}

/* Left behind by a runner that died. */
static int
visit_abandoned(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct runner *runner = context;
	struct claim claim = CLAIM_INIT;
	struct error failed = ERROR_INIT;
	int rc = claim_take_over(&runner->queue, file, &claim, &failed);

	(void)state;
	(void)name;
	(void)err;
	if (rc == 1)
		rc = run_settle_abandoned(runner, &claim, &failed);
	if (rc < 0)
		miss(runner, &failed);
	return 0;
}

void
run_start_pass(struct runner *runner)
{
	struct error err = ERROR_INIT;
	int rc;

	runner->started_before = runner->started;
	rc = queue_each(
	    &runner->queue, QUEUE_CUR, visit_abandoned, runner, &err);
	if (rc == 0 && runner_keeps_order(runner))
		rc = order_start(&runner->order, &runner->queue, &err);
	else if (rc == 0)
		rc = pick_start(&runner->pick, &runner->queue, &err);
	if (rc < 0)
		runner_fault(runner, &err);
	runner->missed |= runner->order.missed;
	runner->exhausted = false;
}

/* 1: claimed. 0: somebody else has it, or it is not of our type. */
static int
claim_if_wanted(struct runner *runner, const char *file, struct claim *claim,
    struct error *err)
{
	struct subject_wanted wanted = { runner->options->type, false };
	struct subject ignored;
	int rc = 1;

	if (wanted.type && !runner_keeps_order(runner))
		rc = subject_read(
		    &runner->queue, QUEUE_NEW, file, &wanted, &ignored, err);
	return rc == 1 ? claim_take(&runner->queue, file, claim, err) : rc;
}

/* 1: a message was found, and *claim is open if it was to be had. */
static int
next_claim(struct runner *runner, struct slot *slot, struct claim *claim)
{
	struct error err = ERROR_INIT, failed = ERROR_INIT;
	const char *file = slot->message.file;
	int rc = runner_keeps_order(runner)
	    ? order_next(&runner->order, &runner->queue, &slot->message)
	    : pick_next(&runner->pick, &runner->queue, &file, &err);

	if (rc < 0)
		runner_fault(runner, &err);
	if (rc != 1)
		return 0;
	if (claim_if_wanted(runner, file, claim, &failed) < 0)
		miss(runner, &failed);
	return 1;
}

/* Done without being run: a newer one says all that it said. */
static void
drop_superseded(struct runner *runner, struct claim *claim)
{
	struct error err = ERROR_INIT;

	runner->superseded++;
	if (claim_finish(&runner->queue, claim, &runner->archive, &err) < 0)
		runner_fault(runner, &err);
}

/* A program that cannot be executed is no fault of the system. */
static int
code_of_start(const struct error *err)
{
	if (err->errnum == ENOENT || err->errnum == EACCES ||
	    err->errnum == ENOEXEC)
		return tool_fail(EX_UNAVAILABLE, "%s", err->text);
	return tool_error(err);
}

static void
begin(struct runner *runner, unsigned i, struct claim *claim)
{
	struct slot *slot = &runner->slots[i];
	struct error err = ERROR_INIT, ignored = ERROR_INIT;
	int code;

	slot->unmarked = false;
	if (runner->options->latest &&
	    order_remember(&runner->queue, &slot->message, &err) < 0 &&
	    room_is_short(&err)) {
		/* There will be room when the message is done. */
		slot->unmarked = true;
		err = (struct error)ERROR_INIT;
	}
	if (err.code != ERROR_NONE) {
		code = tool_error(&err);
	} else if (job_start(&slot->job, &runner->queue, claim,
		       &runner->options->command, &err) < 0) {
		code = code_of_start(&err);
	} else {
		runner->running++;
		runner->started++;
		return;
	}
	(void)claim_return(&runner->queue, claim, &ignored);
	runner_stop(runner, code);
}

/*
 * The turn of a group is over when its message was done, or is gone. If it
 * is there and could not be had, those behind it wait for the next pass.
 */
static void
end_turn(struct runner *runner, const struct slot *slot, bool had)
{
	struct stat st;

	if (had ||
	    fstatat(runner->queue.states[QUEUE_NEW], slot->message.file, &st,
		AT_SYMLINK_NOFOLLOW) < 0)
		order_done(&runner->order, slot->message.group);
}

/* Claim a message and start its command; false when there is none. */
static bool
fill_slot(struct runner *runner, unsigned i)
{
	struct slot *slot = &runner->slots[i];
	struct claim claim = CLAIM_INIT;
	bool had;

	while (!runner->stopping) {
		if (next_claim(runner, slot, &claim) != 1)
			return false;
		if (claim.fd >= 0 &&
		    !(runner_keeps_order(runner) && slot->message.superseded)) {
			begin(runner, i, &claim);
			return true;
		}
		had = claim.fd >= 0;
		if (had)
			drop_superseded(runner, &claim);
		if (runner_keeps_order(runner))
			end_turn(runner, slot, had);
	}
	return false;
}

void
run_fill_slots(struct runner *runner)
{
	unsigned i;

	for (i = 0; i < runner->options->jobs && !runner->stopping; i++)
		if (runner->slots[i].job.pid == 0 && !fill_slot(runner, i)) {
			runner->exhausted = true;
			return;
		}
}
