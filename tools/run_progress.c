/* SPDX-License-Identifier: MIT */
/*
 * run_progress - a line on a terminal, and none elsewhere
 */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "runner.h"

#define INTERVAL 200000 /* microseconds between two lines */

static bool shown;

void
run_progress(const struct runner *runner)
{
	static int64_t last;
	int64_t now = clock_monotonic();

	if (!isatty(STDERR_FILENO) || now - last < INTERVAL)
		return;
	last = now;
	(void)fprintf(stderr,
	    "\r%lu done, %lu to be tried again, %lu given up, %u running\033[K",
	    runner->done, runner->retried, runner->failed, runner->running);
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
