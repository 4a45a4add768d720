/* SPDX-License-Identifier: MIT */
/*
 * progress - a line on a terminal, and none elsewhere
 */
#include "run/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "hookdir/tool.h"

#define INTERVAL 200000 /* microseconds between two lines */
#define SECOND	 1000000

static bool shown;

static double
rate(const struct runner *runner, int64_t now)
{
	int64_t took = now - runner->began;

	return took > 0 ? (double)runner->done * SECOND / (double)took : 0;
}

/* What is known to be left; with a batch, there may be more. */
static void
print_rest(const struct runner *runner)
{
	const struct pick *pick = &runner->pick;
	size_t rest = runner->order.waiting;
	bool order = runner->options->in_order || runner->options->latest;

	if (!order)
		rest = pick->count - pick->at + pick->waiting;
	(void)fprintf(
	    stderr, ", %zu%s left", rest, !order && pick->more ? "+" : "");
}

void
run_progress(const struct runner *runner)
{
	static int64_t last;
	int64_t now = clock_monotonic();

	if (!isatty(STDERR_FILENO) || now - last < INTERVAL)
		return;
	last = now;
	(void)fprintf(stderr,
	    "\r%lu done, %lu to be retried, %lu dead letters, %u running, "
	    "%.0f/s",
	    runner->done, runner->retried, runner->failed, runner->running,
	    rate(runner, now));
	print_rest(runner);
	(void)fputs("\033[K", stderr);
	(void)fflush(stderr);
	shown = true;
}

void
run_progress_clear(void)
{
	if (shown)
		(void)fputs("\r\033[K", stderr);
	shown = false;
}

static int
count_tried(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	unsigned long *count = context;

	(void)state;
	(void)file;
	(void)err;
	*count += name->tries > 0 || name->later > 0;
	return 0;
}

void
run_summary(const struct runner *runner)
{
	struct error ignored = ERROR_INIT;
	int64_t now = clock_monotonic();
	unsigned long tried = 0;

	if (runner->options->quiet ||
	    !(runner->options->verbose || isatty(STDERR_FILENO)))
		return;
	(void)queue_each(
	    &runner->queue, QUEUE_NEW, count_tried, &tried, &ignored);
	tool_note("%lu done, %lu to be retried, %lu dead letter%s, %.1f s, "
		  "%.1f messages/s",
	    runner->done, tried, runner->failed, runner->failed == 1 ? "" : "s",
	    (double)(now - runner->began) / SECOND, rate(runner, now));
}
