/* SPDX-License-Identifier: MIT */
/*
 * odd - messages that cannot be claimed
 *
 * One that cannot be read is passed over, and after PASSES_MAX of that moved
 * to failed/: left in new/ it would have a unit started again and again.
 */
#include "run/odd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "hookdir/tool.h"
#include "run/progress.h"

#define PASSES_MAX 3

/* Is it the file itself that cannot be read? */
static bool
is_unreadable(const struct runner *runner, enum queue_state state,
    const char *file, struct error *err)
{
	struct stat st;
	int fd = queue_open_file(&runner->queue, state, file, &st, err);

	if (fd >= 0)
		io_discard(&fd);
	return fd < 0 &&
	    (err->errnum == EACCES || err->errnum == EPERM ||
		err->errnum == EIO);
}

/* When a run that stays looks at it again; what that defers is due then. */
static time_t
next_look(const struct runner *runner)
{
	time_t most = runner_later(runner)->most;

	if (!runner_waits(runner))
		return 0;
	return clock_now().tv_sec + (most < RUN_RESCAN ? most : RUN_RESCAN);
}

static void
keep_reason(
    struct runner *runner, const struct spool_name *name, const char *why)
{
	struct error err = ERROR_INIT;
	char now[CLOCK_RFC3339_SIZE], text[sizeof(err.text) + 64];

	clock_rfc3339(clock_now(), now);
	(void)snprintf(text, sizeof(text), "%s unreadable: %s\n", now, why);
	if (queue_log_write(&runner->queue, name, span_of(text), &err) < 0)
		tool_warn("%s", err.text);
}

static int
move_on(struct runner *runner, const char *file, struct spool_name *name,
    const struct error *why, struct error *err)
{
	char target[NAME_MAX + 1];
	bool over = name->missed >= PASSES_MAX;
	int rc;

	name->next = over ? 0 : next_look(runner);
	if (over)
		name->missed = 0;
	spool_name_format(name, target);
	rc = queue_move(&runner->queue, QUEUE_NEW, file,
	    over ? QUEUE_FAILED : QUEUE_NEW, target, err);
	if (rc != 1)
		return rc;
	tool_warn(
	    "%s; %s", why->text, over ? "moved to failed/" : "passed over");
	if (over) {
		runner->failed++;
		keep_reason(runner, name, why->text);
	} else {
		runner->missed = true;
		if (runner_waits(runner))
			runner_arrival(runner, target);
	}
	return 1;
}

void
run_pass_over(
    struct runner *runner, const char *file, const struct error *failed)
{
	struct error why = ERROR_INIT, err = ERROR_INIT;
	struct spool_name name;

	if (!spool_name_parse(file, &name) ||
	    !is_unreadable(runner, QUEUE_NEW, file, &why)) {
		runner_miss(runner, failed);
		return;
	}
	/* A run that ends by itself counts its first pass alone. */
	if (!runner_waits(runner) && runner->passes > 1)
		return;
	spool_name_shorten(&name);
	name.missed++;
	run_progress_clear();
	if (move_on(runner, file, &name, &why, &err) < 0)
		runner_miss(runner, &err);
}

/*
 * Without opening it there is no telling whether another runner's command has
 * it, and so it keeps its name; the exit code is left to what can be mended by
 * another run.
 */
void
run_pass_over_cur(
    struct runner *runner, const char *file, const struct error *failed)
{
	struct error why = ERROR_INIT;

	if (!is_unreadable(runner, QUEUE_CUR, file, &why)) {
		runner_miss(runner, failed);
		return;
	}
	if (runner->passes > 1)
		return;
	run_progress_clear();
	tool_warn("%s; left in cur/", why.text);
}
