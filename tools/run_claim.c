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

#include "subject.h"
#include "tool.h"

/* Left behind by a runner that died. */
static int
visit_abandoned(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct runner *runner = context;
	struct claim claim = CLAIM_INIT;
	int rc = claim_take_over(&runner->queue, file, &claim, err);

	(void)state;
	(void)name;
	if (rc == 1)
		run_settle_abandoned(runner, &claim);
	return rc < 0 ? -1 : 0;
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
	struct error err = ERROR_INIT;
	const char *file = slot->message.file;
	int rc = runner_keeps_order(runner)
	    ? order_next(&runner->order, &runner->queue, &slot->message)
	    : pick_next(&runner->pick, &runner->queue, &file, &err);

	if (rc == 1) {
		if (claim_if_wanted(runner, file, claim, &err) < 0) {
			/* That one stays; the others are not to suffer. */
			runner->missed = true;
			run_progress_clear();
			tool_warn("%s", err.text);
		}
		return 1;
	}
	if (rc < 0)
		runner_fault(runner, &err);
	return 0;
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

static void
begin(struct runner *runner, unsigned i, struct claim *claim)
{
	struct slot *slot = &runner->slots[i];
	struct error err = ERROR_INIT, ignored = ERROR_INIT;

	if ((!runner->options->latest ||
		order_remember(&runner->queue, &slot->message, &err) == 0) &&
	    job_start(&slot->job, &runner->queue, claim,
		&runner->options->command, &err) == 0) {
		runner->running++;
		runner->started++;
		return;
	}
	(void)claim_return(&runner->queue, claim, &ignored);
	run_progress_clear();
	if (err.errnum == ENOENT || err.errnum == EACCES ||
	    err.errnum == ENOEXEC)
		runner_stop(runner, tool_fail(EX_UNAVAILABLE, "%s", err.text));
	else
		runner_fault(runner, &err);
}

/* Claim a message and start its command; false when there is none. */
static bool
fill_slot(struct runner *runner, unsigned i)
{
	struct slot *slot = &runner->slots[i];
	struct claim claim = CLAIM_INIT;

	while (!runner->stopping) {
		if (next_claim(runner, slot, &claim) != 1)
			return false;
		if (claim.fd >= 0 &&
		    !(runner_keeps_order(runner) && slot->message.superseded)) {
			begin(runner, i, &claim);
			return true;
		}
		if (claim.fd >= 0)
			drop_superseded(runner, &claim);
		if (runner_keeps_order(runner))
			order_done(&runner->order, slot->message.group);
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
