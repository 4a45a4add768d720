/* SPDX-License-Identifier: MIT */
/*
 * loop - claim and start while there is room, wait, see what has ended
 *
 * Passes follow each other until one has started nothing. With --watch
 * what arrives is told by inotify, and a pass is made when a try is due,
 * and from time to time for what was not told.
 */
#include "run/loop.h"

#include <stdlib.h>

#include "base/clock.h"
#include "run/feed.h"
#include "run/progress.h"
#include "run/start.h"
#include "run/suspects.h"
#include "hookdir/tool.h"
#include "run/wait.h"
#include "run/watch.h"

/* Microseconds between two passes. */
#define RESCAN (RUN_RESCAN * INT64_C(1000000))

static size_t
waiting(const struct runner *runner)
{
	return runner_keeps_order(runner) ? runner->order.waiting
					  : runner->pick.waiting;
}

/*
 * What has come while a pass was made is found by the next one, and that
 * is the last one which starts nothing. Where an order is kept and messages
 * wait behind running ones, nothing new would come of it.
 */
static bool
needs_pass(const struct runner *runner)
{
	time_t others = runner->pick.others;

	if (runner->stopping || runner_is_resting(runner))
		return false;
	if (runner_waits(runner) && others && others <= clock_now().tv_sec)
		return true;
	if (runner_waits(runner) && clock_monotonic() >= runner->next_pass)
		return true;
	if (runner->options->watch)
		return false;
	return runner->exhausted && runner->started > runner->started_before &&
	    (!runner_keeps_order(runner) || runner->running == 0);
}

/* Has a try become due that waited for it? */
static bool
runner_has_due(const struct runner *runner)
{
	const struct later *later = runner_later(runner);
	time_t soonest = later_soonest(later);

	return soonest && later_is_due(later, soonest);
}

static void
pass(struct runner *runner)
{
	struct error err = ERROR_INIT;

	if (runner_waits(runner) && clock_monotonic() >= runner->next_pass) {
		runner->next_pass = clock_monotonic() + RESCAN;
		if (runner_follow(runner, &err) < 0) {
			runner_fault(runner, &err);
			return;
		}
	}
	if (runner->guard.pid == 0 && guard_restart(&runner->guard, &err) < 0) {
		runner_fault(runner, &err);
		return;
	}
	run_start_pass(runner);
}

static bool
is_finished(const struct runner *runner)
{
	if (runner->running)
		return false;
	if (runner->stopping)
		return true;
	if (runner->options->watch)
		return false;
	return runner->exhausted &&
	    (!runner->options->until_empty || waiting(runner) == 0);
}

/* No more is given; what has died without an answer is not tried any more. */
static void
wind_up(struct runner *runner)
{
	suspects_return(runner);
	feed_end_all(runner);
}

/* Nothing else is left that could tell whether the command works. */
static bool
must_settle_suspects(const struct runner *runner)
{
	return runner->exhausted && runner->suspects.count > 0 &&
	    runner->running == runner->suspects.count;
}

static void
loop(struct runner *runner)
{
	for (;;) {
		if (runner->stopping)
			wind_up(runner);
		if (runner_has_due(runner))
			runner->exhausted = false;
		if (!runner->exhausted && !runner_is_resting(runner))
			run_fill_slots(runner);
		if (needs_pass(runner)) {
			pass(runner);
			continue;
		}
		if (must_settle_suspects(runner)) {
			suspects_settle(runner);
			continue;
		}
		if (is_finished(runner) && feed_count_living(runner) == 0)
			return;
		if (is_finished(runner))
			feed_end_all(runner);
		feed_write_all(runner);
		run_progress(runner);
		run_wait(runner);
	}
}

int
runner_work(struct runner *runner)
{
	runner->began = clock_monotonic();
	pass(runner);
	loop(runner);
	run_progress_clear();
	if (runner->superseded && !runner->options->quiet)
		tool_note("%lu superseded by newer ones", runner->superseded);
	run_summary(runner);
	if (runner->missed && runner->code == EX_OK)
		runner->code = EX_IOERR;
	if (runner->options->strict && runner->failed && runner->code == EX_OK)
		runner->code = EXIT_FAILURE;
	return runner->code;
}
