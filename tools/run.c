/* SPDX-License-Identifier: MIT */
/*
 * run - run a command for each message: the consumer contract
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hookdir/arguments.h"
#include "base/clock.h"
#include "base/io.h"
#include "hookdir/program.h"
#include "runner.h"
#include "hookdir/tool.h"

#define SECOND INT64_C(1000000) /* microseconds */

enum {
	OPTION_JOBS = 1000,
	OPTION_RETRIES,
	OPTION_BACKOFF,
	OPTION_TIMEOUT,
	OPTION_ARCHIVE,
	OPTION_TYPE,
	OPTION_IN_ORDER,
	OPTION_LATEST,
	OPTION_WATCH,
	OPTION_UNTIL_EMPTY,
	OPTION_QUIET
};

static const struct option options[] = {
	{ "jobs", required_argument, NULL, OPTION_JOBS },
	{ "retries", required_argument, NULL, OPTION_RETRIES },
	{ "backoff", required_argument, NULL, OPTION_BACKOFF },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "archive", required_argument, NULL, OPTION_ARCHIVE },
	{ "type", required_argument, NULL, OPTION_TYPE },
	{ "in-order", no_argument, NULL, OPTION_IN_ORDER },
	{ "latest", no_argument, NULL, OPTION_LATEST },
	{ "watch", no_argument, NULL, OPTION_WATCH },
	{ "until-empty", no_argument, NULL, OPTION_UNTIL_EMPTY },
	{ "quiet", no_argument, NULL, OPTION_QUIET },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static uint64_t
read_limited(const char *option, const char *text)
{
	uint64_t span = tool_read_span(option, text);

	if (span > SPOOL_NEXT_MAX)
		exit(tool_usage("%s: %s is more than a year", option, text));
	return span;
}

static void
read_backoff(struct run_options *run, const char *text)
{
	const char *colon = strchr(text, ':');
	char base[32];

	if (!colon || (size_t)(colon - text) >= sizeof(base))
		exit(tool_usage("--backoff: %s is not BASE:MAX", text));
	memcpy(base, text, (size_t)(colon - text));
	base[colon - text] = '\0';
	run->backoff_base = read_limited("--backoff", base);
	run->backoff_max = read_limited("--backoff", colon + 1);
	if (run->backoff_base > run->backoff_max)
		exit(tool_usage("--backoff: BASE is more than MAX"));
}

static void
read_option(struct run_options *run, int got, const char *text)
{
	switch (got) {
	case OPTION_JOBS:
		run->jobs =
		    (unsigned)tool_read_number("--jobs", text, 1, RUN_JOBS_MAX);
		break;
	case OPTION_RETRIES:
		run->retries = (unsigned)tool_read_number(
		    "--retries", text, 0, SPOOL_TRIES_MAX - 1);
		break;
	case OPTION_BACKOFF:
		read_backoff(run, text);
		break;
	case OPTION_TIMEOUT:
		run->command.timeout =
		    (int64_t)read_limited("--timeout", text) * SECOND;
		break;
	case OPTION_ARCHIVE:
		run->archive = text;
		break;
	case OPTION_TYPE:
		run->type = text;
		break;
	case OPTION_IN_ORDER:
		run->in_order = true;
		break;
	case OPTION_LATEST:
		run->latest = true;
		break;
	case OPTION_WATCH:
		run->watch = true;
		break;
	case OPTION_UNTIL_EMPTY:
		run->until_empty = true;
		break;
	case OPTION_QUIET:
		run->quiet = true;
		break;
	}
}

/* How many arguments are ours: those before "--". */
static int
count_before_command(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	return i;
}

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

/* What a run that ends by itself defers is for the next one. */
static void
set_up_order(struct runner *runner)
{
	const struct run_options *run = runner->options;
	struct later later = {
		.began = runner_waits(runner) ? 0 : clock_now().tv_sec,
		.most = run->backoff_max ? (time_t)run->backoff_max : 1
	};

	runner->pick.later = runner->order.later = later;
	runner->order.latest = run->latest;
	runner->order.type = run->type;
	runner->order.quiet = run->quiet;
}

static int
open_runner(struct runner *runner, struct error *err)
{
	const struct run_options *run = runner->options;
	unsigned i;

	runner->slots = calloc(run->jobs, sizeof(*runner->slots));
	if (!runner->slots)
		return error_set(err, ERROR_MEMORY, "no memory for jobs");
	if (queue_directory(&runner->queue, QUEUE_CUR, err) < 0)
		return -1;
	if (run_open_archive(runner, err) < 0)
		return -1;
	runner->signals = open_signals(err);
	if (runner->signals < 0 ||
	    guard_start(&runner->guard, run->jobs, err) < 0)
		return -1;
	for (i = 0; i < run->jobs; i++)
		runner->slots[i].job.group = &runner->guard.groups[i];
	set_up_order(runner);
	return runner_waits(runner) ? runner_watch(runner, err) : 0;
}

static void
close_runner(struct runner *runner)
{
	guard_end(&runner->guard);
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
	int alone = open_patiently(runner, &err);

	if (alone < 0)
		return tool_error(&err);
	if (alone == 0)
		return EX_OK;
	if (runner_keeps_order(runner))
		alone = be_alone(runner, &err);
	if (alone < 0)
		return tool_error(&err);
	if (alone == 0)
		return EX_OK;
	return runner_work(runner);
}

int
tool_run(int argc, char **argv)
{
	struct run_options run = { .jobs = 1,
		.retries = 10,
		.backoff_base = 10,
		.backoff_max = 3600,
		.command.timeout = 600 * SECOND };
	struct runner runner = { .options = &run,
		.archive = ARCHIVE_INIT,
		.guard = GUARD_INIT,
		.order_lock = -1,
		.signals = -1,
		.inotify = -1 };
	char path[PATH_MAX];
	int got, ours, operands = 0, code;

	ours = count_before_command(argc, argv);
	while ((got = arguments_next(ours, argv, options, &operands)) != -1)
		read_option(&run, got, optarg);
	if (run.in_order && run.latest)
		return tool_usage("--in-order and --latest exclude each other");
	if (run.watch && run.until_empty)
		return tool_usage(
		    "--watch and --until-empty exclude each other");
	if (operands != 1)
		return tool_usage(operands
			? "one spool, then -- and the command"
			: "which spool?");
	run.command.argc = argc - ours - 1;
	if (run.command.argc < 1)
		return tool_usage("-- and the command are missing");
	run.command.argv = argv + ours + 1;
	/* Looked up once: what is missing is better known before a claim. */
	run.command.path = program_find(run.command.argv[0], path);
	if (!run.command.path)
		return EX_UNAVAILABLE;
	/* What we were given by whoever started us is not the command's. */
	(void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	code = open_spool(&runner.queue, argv[1], run.watch);
	if (code != EX_OK)
		return code;
	code = work(&runner);
	close_runner(&runner);
	return code;
}
