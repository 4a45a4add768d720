/* SPDX-License-Identifier: MIT */
/*
 * reconcile_options - the arguments, and how the program ends
 */
#include "net/reconcile_options.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "spool/room.h"
#include "hookdir/tool.h"

#define GRACE_DEFAULT	300
#define GRACE_MOST	(7 * 86400)
#define TIMEOUT_DEFAULT 30
#define TIMEOUT_MOST	3600
#define RATE_DEFAULT	5
#define RATE_MOST	1000
#define RETRIES_DEFAULT 5
#define RETRIES_MOST	100

int
reconcile_fail(const struct error *err)
{
	static const struct {
		enum error_code code;
		int status;
	} codes[] = {
		{ ERROR_CONFIGURATION, EX_CONFIG },
		{ ERROR_CREDENTIALS, EX_CONFIG },
		{ ERROR_FORM, EX_DATAERR },
		{ ERROR_TOO_LARGE, EX_DATAERR },
		{ ERROR_MEMORY, EX_OSERR },
		{ ERROR_CRYPTO, EX_SOFTWARE },
	};
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (err->code == codes[i].code)
			return tool_fail(codes[i].status, "%s", err->text);
	return tool_fail(EX_TEMPFAIL, "%s%s", err->text,
	    room_is_short(err)
		? "; make room in the spool's file system, the next run goes on"
		: "");
}

void
reconcile_end_by_signal(void)
{
	if (!fetch_http_signal())
		return;
	(void)signal(fetch_http_signal(), SIG_DFL);
	(void)raise(fetch_http_signal());
}

void
reconcile_api_init(struct reconcile_api *api, const struct fetch_config *config,
    const struct reconcile_options *options)
{
	*api = (struct reconcile_api){ .config = config,
		.dir = -1,
		.interval = 1000000 / (int64_t)options->rate,
		.timeout = options->timeout,
		.retries = options->retries };
}

static int
take_resources(unsigned *set, const char *text)
{
	struct span rest = span_of(text), word;
	size_t i;

	while (span_cut(&rest, ',', &word)) {
		for (i = 0; i < RECONCILE_RESOURCES; i++)
			if (span_is(word, reconcile_kinds[i].name))
				break;
		if (i == RECONCILE_RESOURCES)
			return tool_usage("--resource: %.*s is none of orders, "
					  "shipments and drafts",
			    (int)word.len, word.at);
		*set |= 1u << i;
	}
	return *set ? EX_OK : tool_usage("--resource: no resource");
}

static int
take_option(struct reconcile_options *options, int option)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		break;
	case 's':
		options->since = strcmp(optarg, "auto") == 0
		    ? -1
		    : (int64_t)tool_read_time("--since", optarg);
		break;
	case 'r':
		return take_resources(&options->resources, optarg);
	case 'g':
		options->grace = (int64_t)tool_read_span("--grace", optarg);
		if (options->grace > GRACE_MOST)
			return tool_usage("--grace: more than 7 days");
		break;
	case 'C':
		options->changed = true;
		break;
	case 'n':
		options->dry_run = true;
		break;
	case 'j':
		options->json = true;
		break;
	case 'R':
		options->rate =
		    (unsigned)tool_read_number("--rate", optarg, 1, RATE_MOST);
		break;
	case 'a':
		options->retries = (unsigned)tool_read_number(
		    "--retries", optarg, 0, RETRIES_MOST);
		break;
	default:
		options->timeout = (long)tool_read_number(
		    "--timeout", optarg, 1, TIMEOUT_MOST);
	}
	return EX_OK;
}

/* tool_option() stops at each word; options may come behind words here. */
static int
take_words(struct reconcile_options *options, int argc, char **argv,
    const char *words[2], const struct option *names)
{
	int option, code = EX_OK, count = 0;

	while (code == EX_OK) {
		option = tool_option(argc, argv, names);
		if (option != -1) {
			code = take_option(options, option);
			continue;
		}
		if (optind >= argc)
			break;
		if (count == 2)
			return tool_usage("one SPOOL is wanted");
		words[count++] = argv[optind++];
	}
	return code;
}

int
reconcile_take_options(struct reconcile_options *options, int argc, char **argv,
    const char *words[2])
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "since", required_argument, NULL, 's' },
		{ "resource", required_argument, NULL, 'r' },
		{ "grace", required_argument, NULL, 'g' },
		{ "changed", no_argument, NULL, 'C' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "rate", required_argument, NULL, 'R' },
		{ "retries", required_argument, NULL, 'a' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int code;

	*options = (struct reconcile_options){ .config = RECONCILE_CONFIG,
		.since = -1,
		.grace = GRACE_DEFAULT,
		.timeout = TIMEOUT_DEFAULT,
		.rate = RATE_DEFAULT,
		.retries = RETRIES_DEFAULT };
	code = take_words(options, argc, argv, words, names);
	if (code != EX_OK)
		return code;
	if (!words[0] || strcmp(words[0], "shipmondo") != 0)
		return tool_usage("the sender is wanted first: shipmondo is "
				  "the only one whose API is known");
	if (!words[1])
		return tool_usage("SPOOL is missing");
	return EX_OK;
}
