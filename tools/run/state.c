/* SPDX-License-Identifier: MIT */
/*
 * state - what a run knows, for all parts of hookdir run
 */
#include "run/state.h"

#include <errno.h>

#include "run/progress.h"
#include "hookdir/tool.h"

/* Microseconds until it is tried again after a shortage. */
#define RETRY (INT64_C(1) * 1000000)

void
runner_stop(struct runner *runner, int code)
{
	runner->stopping = true;
	if (runner->code == EX_OK)
		runner->code = code;
}

bool
runner_waits(const struct runner *runner)
{
	return runner->options->watch || runner->options->until_empty;
}

bool
runner_is_resting(const struct runner *runner)
{
	return runner->rest > clock_monotonic();
}

/* Of what there may be more in a moment. */
bool
runner_is_shortage(const struct error *err)
{
	return err->code == ERROR_MEMORY || err->errnum == EMFILE ||
	    err->errnum == ENFILE || err->errnum == ENOMEM ||
	    err->errnum == EAGAIN || err->errnum == ENOSPC ||
	    err->errnum == EDQUOT;
}

static void
rest(struct runner *runner, const struct error *err)
{
	if (!runner->rest_said)
		tool_warn("%s; waiting until that is over", err->text);
	runner->rest_said = true;
	runner->rest = clock_monotonic() + RETRY;
	runner->next_pass = runner->rest;
	runner->exhausted = true;
}

void
runner_fault(struct runner *runner, const struct error *err)
{
	run_progress_clear();
	if (runner_waits(runner) && runner_is_shortage(err))
		rest(runner, err);
	else
		runner_stop(runner, tool_error(err));
}

void
runner_miss(struct runner *runner, const struct error *err)
{
	run_progress_clear();
	if (runner_waits(runner) && runner_is_shortage(err)) {
		rest(runner, err);
		return;
	}
	runner->missed = true;
	tool_warn("%s", err->text);
}

const struct later *
runner_later(const struct runner *runner)
{
	return runner_keeps_order(runner) ? &runner->order.later
					  : &runner->pick.later;
}

bool
runner_keeps_order(const struct runner *runner)
{
	return runner->options->in_order || runner->options->latest;
}

void
runner_arrival(struct runner *runner, const char *file)
{
	struct error err = ERROR_INIT;

	if (!runner_keeps_order(runner))
		pick_add(&runner->pick, file);
	else if (order_add(&runner->order, &runner->queue, file, &err) < 0)
		runner_fault(runner, &err);
	runner->exhausted = false;
}
