/* SPDX-License-Identifier: MIT */
/*
 * options - the command line of hookdir run
 */
#include "run/options.h"

#include <stdlib.h>
#include <string.h>

#include "hookdir/arguments.h"
#include "run/feed.h"
#include "hookdir/program.h"
#include "hookdir/tool.h"

#define SECOND INT64_C(1000000) /* microseconds */

static struct run_options run = { .jobs = 1,
	.retries = 10,
	.backoff_base = 10,
	.backoff_max = 3600,
	.command.timeout = 600 * SECOND };

enum {
	OPTION_JOBS = 1000,
	OPTION_RETRIES,
	OPTION_BACKOFF,
	OPTION_TIMEOUT,
	OPTION_ARCHIVE,
	OPTION_TYPE,
	OPTION_PIPE
};

/* Those without a value set what they point to. */
static const struct option options[] = {
	{ "jobs", required_argument, NULL, OPTION_JOBS },
	{ "retries", required_argument, NULL, OPTION_RETRIES },
	{ "backoff", required_argument, NULL, OPTION_BACKOFF },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "archive", required_argument, NULL, OPTION_ARCHIVE },
	{ "type", required_argument, NULL, OPTION_TYPE },
	{ "pipe", optional_argument, NULL, OPTION_PIPE },
	{ "in-order", no_argument, &run.in_order, 1 },
	{ "latest", no_argument, &run.latest, 1 },
	{ "watch", no_argument, &run.watch, 1 },
	{ "until-empty", no_argument, &run.until_empty, 1 },
	{ "quiet", no_argument, &run.quiet, 1 },
	{ "verbose", no_argument, &run.verbose, 1 },
	{ "strict", no_argument, &run.strict, 1 },
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
read_backoff(const char *text)
{
	const char *colon = strchr(text, ':');
	char base[32];

	if (!colon || (size_t)(colon - text) >= sizeof(base))
		exit(tool_usage("--backoff: %s is not BASE:MAX", text));
	memcpy(base, text, (size_t)(colon - text));
	base[colon - text] = '\0';
	run.backoff_base = read_limited("--backoff", base);
	run.backoff_max = read_limited("--backoff", colon + 1);
	if (run.backoff_base > run.backoff_max)
		exit(tool_usage("--backoff: BASE is more than MAX"));
}

static void
read_option(int got, const char *text)
{
	switch (got) {
	case OPTION_JOBS:
		run.jobs =
		    (unsigned)tool_read_number("--jobs", text, 1, RUN_JOBS_MAX);
		break;
	case OPTION_RETRIES:
		run.retries = (unsigned)tool_read_number(
		    "--retries", text, 0, SPOOL_TRIES_MAX - 1);
		break;
	case OPTION_BACKOFF:
		read_backoff(text);
		break;
	case OPTION_TIMEOUT:
		run.command.timeout =
		    (int64_t)read_limited("--timeout", text) * SECOND;
		break;
	case OPTION_ARCHIVE:
		run.archive = text;
		break;
	case OPTION_TYPE:
		run.type = text;
		break;
	case OPTION_PIPE:
		run.window = text ? (unsigned)tool_read_number(
					"--pipe", text, 1, FEED_WINDOW_MAX)
				  : FEED_WINDOW;
		break;
	default:
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

int
run_options_read(int argc, char **argv, const struct run_options **result)
{
	static char path[PATH_MAX];
	int got, ours = count_before_command(argc, argv), operands = 0;

	while ((got = arguments_next(ours, argv, options, &operands)) != -1)
		read_option(got, optarg);
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
	*result = &run;
	return run.command.path ? EX_OK : EX_UNAVAILABLE;
}
