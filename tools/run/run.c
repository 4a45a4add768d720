/* SPDX-License-Identifier: MIT */
/*
 * run - set hookdir run up, and take it down
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hookdir/arguments.h"
#include "base/clock.h"
#include "base/io.h"
#include "hookdir/program.h"
#include "hookdir/tool.h"
#include "run/archive_path.h"
#include "run/feed.h"
#include "run/loop.h"
#include "run/options.h"
#include "run/wait.h"
#include "run/watch.h"

#define FILES_OTHER 64 /* descriptors beside those of messages */

/*
 * The handler makes a spool when the first message arrives. Who stays waits
 * for that; for others it is more likely a path that is wrong.
 */
static int
open_spool(struct queue *queue, const char *called, bool wait)
{
	struct error missing = ERROR_INIT;
	char path[PATH_MAX];
	bool said = false;

	(void)tool_spool(called, path);
	while (wait && queue_open(queue, path, &missing) < 0) {
		if (missing.errnum != ENOENT && !runner_is_shortage(&missing))
			return tool_error(&missing);
		if (!said)
			tool_warn("%s; waiting for it", missing.text);
		said = true;
		missing = (struct error)ERROR_INIT;
		(void)sleep(1);
	}
	return wait ? EX_OK : tool_open_queue(queue, path);
}

/* All signals of interest come through a descriptor. */
static int
open_signals(struct error *err)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Ignored, as whoever started us may have left it, there is none. */
	(void)signal(SIGCHLD, SIG_DFL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return error_system(err, "cannot take signals");
	return fd;
}

/*
 * Who keeps an order must be alone. 1: we are. 0: somebody else is, and
 * what there is to do is done by it; or a signal says stop.
 */
static int
be_alone(struct runner *runner, struct error *err)
{
	const bool watch = runner->options->watch;
	bool said = false;

	while ((runner->order_lock = order_lock(&runner->queue, err)) < 0) {
		if (runner->order_lock == -1 &&
		    !(watch && runner_is_shortage(err)))
			return -1;
		if (runner->order_lock == -2 && !runner_waits(runner)) {
			tool_note("another run keeps order here");
			return 0;
		}
		if (!said && runner->order_lock == -2)
			tool_note("waiting for another run that keeps order");
		else if (!said)
			tool_warn("%s; waiting until that is over", err->text);
		said = true;
		*err = (struct error)ERROR_INIT;
		if (run_pause(runner))
			return 0;
	}
	return 1;
}

/*
 * A command of a run that was killed may still work on what it was given: none
 * is started beside it. 1: there is none any more; 0: a signal says stop.
 */
static int
outlive(struct runner *runner, struct error *err)
{
	bool said = false;
	int orphans;

	while ((orphans = living_orphans(&runner->queue, err)) == 1) {
		if (!said)
			tool_note("waiting for the end of a command whose run "
				  "was killed");
		said = true;
		if (run_pause(runner))
			return 0;
	}
	return orphans < 0 ? -1 : 1;
}

/* What a run that ends by itself defers is for the next one. */
static void
set_up_order(struct runner *runner)
{
	struct later later = {
		.began = runner_waits(runner) ? 0 : clock_now().tv_sec,
		.most = runner->options->backoff_max
		    ? (time_t)runner->options->backoff_max
		    : 1
	};

	runner->pick.later = runner->order.later = later;
	runner->order.latest = runner->options->latest;
	runner->order.type = runner->options->type;
	runner->order.quiet = runner->options->quiet;
}

/* The descriptors that all messages and commands take at a time. */
static rlim_t
files_for(const struct runner *runner, unsigned window)
{
	return FILES_OTHER +
	    (rlim_t)runner->options->jobs * (window ? window + 4 : 2);
}

/*
 * Raise the limit of descriptors to what is needed; commands have their own.
 * Where it cannot be raised so far, fewer messages are given at a time.
 */
static void
set_limit(struct runner *runner)
{
	struct rlimit limit;
	rlim_t wanted = files_for(runner, runner->window);

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	runner->files = limit;
	runner->command.files = &runner->files;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= wanted || !runner->options->window)
		return;
	while (runner->window > 1 &&
	    files_for(runner, runner->window) > limit.rlim_cur)
		runner->window--;
	tool_note("--pipe=%u: the limit of %llu open files allows %u messages "
		  "at a time for each of %u commands",
	    runner->options->window, (unsigned long long)limit.rlim_cur,
	    runner->window, runner->options->jobs);
}

static int
open_feeds(struct runner *runner, struct error *err)
{
	if (!runner->window)
		return 0;
	if (feed_open(runner, err) < 0)
		return -1;
	return living_begin(&runner->living, &runner->queue, err);
}

static int
open_runner(struct runner *runner, struct error *err)
{
	unsigned i;

	runner->slots = calloc(runner->options->jobs, sizeof(*runner->slots));
	if (!runner->slots)
		return error_set(err, ERROR_MEMORY, "no memory for jobs");
	if (queue_directory(&runner->queue, QUEUE_CUR, err) < 0)
		return -1;
	if (run_open_archive(runner, err) < 0)
		return -1;
	runner->signals = open_signals(err);
	if (runner->signals < 0 ||
	    guard_start(&runner->guard, runner->options->jobs, err) < 0)
		return -1;
	if (open_feeds(runner, err) < 0)
		return -1;
	for (i = 0; i < runner->options->jobs; i++)
		runner->slots[i].job.group = &runner->guard.groups[i];
	set_up_order(runner);
	return runner_waits(runner) ? runner_watch(runner, err) : 0;
}

static void
close_runner(struct runner *runner)
{
	guard_end(&runner->guard);
	feed_close(runner);
	living_end(&runner->living);
	pick_free(&runner->pick);
	order_free(&runner->order);
	archive_close(&runner->archive);
	io_discard(&runner->inotify);
	io_discard(&runner->signals);
	io_discard(&runner->order_lock);
	queue_close(&runner->queue);
	free(runner->slots);
}

/* What a failed open_runner() has opened. */
static void
undo_open(struct runner *runner)
{
	guard_end(&runner->guard);
	feed_close(runner);
	living_end(&runner->living);
	archive_close(&runner->archive);
	io_discard(&runner->inotify);
	io_discard(&runner->signals);
	free(runner->slots);
	runner->slots = NULL;
}

/* A second; true when a signal says stop. */
static bool
pause_without_signals(void)
{
	const struct timespec second = { 1, 0 };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return sigtimedwait(&set, NULL, &second) > 0;
}

/* A run that watches waits for descriptors and memory. 1, 0: stop, or -1. */
static int
open_patiently(struct runner *runner, struct error *err)
{
	bool said = false;

	while (open_runner(runner, err) < 0) {
		if (!runner->options->watch || !runner_is_shortage(err))
			return -1;
		if (!said)
			tool_warn("%s; waiting until that is over", err->text);
		said = true;
		undo_open(runner);
		if (pause_without_signals())
			return 0;
		*err = (struct error)ERROR_INIT;
	}
	return 1;
}

static int
work(struct runner *runner)
{
	struct error err = ERROR_INIT;
	int rc = open_patiently(runner, &err);

	if (rc == 1 && runner_keeps_order(runner))
		rc = be_alone(runner, &err);
	if (rc == 1 && runner->window)
		rc = outlive(runner, &err);
	if (rc < 0)
		return tool_error(&err);
	return rc == 0 ? EX_OK : runner_work(runner);
}

int
tool_run(int argc, char **argv)
{
	struct runner runner = { .living = LIVING_INIT,
		.archive = ARCHIVE_INIT,
		.guard = GUARD_INIT,
		.order_lock = -1,
		.signals = -1,
		.inotify = -1 };
	int code = run_options_read(argc, argv, &runner.options);

	if (code != EX_OK)
		return code;
	/* What we were given by our parent is not the command's. */
	(void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	runner.window = runner.options->window;
	runner.command = runner.options->command;
	set_limit(&runner);
	code = open_spool(&runner.queue, argv[1], runner.options->watch);
	if (code != EX_OK)
		return code;
	code = work(&runner);
	close_runner(&runner);
	return code;
}
