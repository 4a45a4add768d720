/* SPDX-License-Identifier: MIT */
/*
 * fetch - fetch what an event refers to, and deliver it: the command line
 */
#include "net/fetch.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/fetch_job.h"
#include "net/fetch_past.h"
#include "base/io.h"
#include "spool/room.h"
#include "hookdir/tool.h"

#define MAX_SIZE_DEFAULT ((uint64_t)64 << 20)
#define TIMEOUT_DEFAULT	 30
#define TIMEOUT_MOST	 3600
/* CloudEvents 1.0 "Type System": an Integer, as datasize is one. */
#define MAX_SIZE_MOST INT32_MAX

#define MAX_EVENT_DEFAULT ((uint64_t)1 << 30)
#define MAX_EVENT_MOST	  ((uint64_t)1 << 40)
#define DESCRIPTORS	  24 /* as many as one fetch may need */
#define RATE_DEFAULT	  10
#define RATE_MOST	  1000
#define TRIES_DEFAULT	  10
#define TRIES_MOST	  1000

/* See EXIT STATUS in hookdir-fetch(1): what may go by is tried again. */
static int
fail(const struct error *err)
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
	if (room_is_short(err))
		return tool_fail(EX_TEMPFAIL,
		    "%s; nothing was delivered: make room in the spool's file "
		    "system",
		    err->text);
	return tool_fail(EX_TEMPFAIL, "%s", err->text);
}

static int
read_event(struct event *event, const char *path, struct error *err)
{
	struct stat st;
	int fd = STDIN_FILENO, rc;

	if (path) {
		fd = io_open_file(AT_FDCWD, path, &st, err);
		if (fd < 0)
			return -1;
	}
	rc = event_read(event, fd, err);
	if (rc == 0 && event_get(event, EVENT_ID).len == 0)
		rc = error_set(err, ERROR_FORM, "not an event: it has no id");
	if (rc == 0)
		event_find_reference(event, fd);
	if (path)
		io_discard(&fd);
	return rc;
}

/* A spool is opened by its absolute path. */
static int
open_spool(struct spool *spool, const char *called, struct error *err)
{
	char absolute[PATH_MAX * 2], here[PATH_MAX], path[PATH_MAX];

	(void)tool_spool(called, path);
	if (path[0] == '/')
		return spool_open(spool, path, err);
	if (!getcwd(here, sizeof(here)))
		return error_system(err, "cannot tell where we are");
	(void)snprintf(absolute, sizeof(absolute), "%s/%s", here, path);
	return spool_open(spool, absolute, err);
}

/*
 * An event passed on to the spool that it comes from would come up again
 * for ever.
 */
static int
check_spool(const struct spool *spool, const char *event, struct error *err)
{
	char input[PATH_MAX] = "";
	const char *slash;
	struct stat from, to;
	char parent[PATH_MAX];
	int len;

	/* Standard input is a file, too, where hookdir run gives it. */
	if (!event && readlink("/proc/self/fd/0", input, sizeof(input) - 1) > 0)
		event = input;
	slash = event ? strrchr(event, '/') : NULL;
	if (!slash)
		return 0;
	len = snprintf(
	    parent, sizeof(parent), "%.*s/..", (int)(slash - event), event);
	if (len < (int)sizeof(parent) && stat(parent, &from) == 0 &&
	    fstat(spool->root, &to) == 0 && from.st_dev == to.st_dev &&
	    from.st_ino == to.st_ino)
		return error_set(err, ERROR_CONFIGURATION,
		    "the event stands in the spool that it would go to");
	return 0;
}

/*
 * Documents that are complete wait in tmp/, so another attempt asks only for
 * what found no room. How large that is the server alone knows.
 */
static int
fetch(struct fetch_job *job, const struct spool *spool, struct error *err)
{
	int rc = fetch_all(job, spool, err), i;

	for (i = 0; rc < 0 && i < ROOM_ATTEMPTS &&
	     room_regain(spool->root, job->options->max_size, err);
	     i++)
		rc = fetch_all(job, spool, err);
	return rc;
}

static int
work(struct fetch_job *job, const char *path, const char *event,
    struct error *err)
{
	struct spool spool = SPOOL_INIT;
	int rc = open_spool(&spool, path, err);

	if (rc == 0)
		rc = check_spool(&spool, event, err);
	if (rc == 0) {
		/* Where the handler does not write nobody else sweeps. */
		spool_sweep(&spool);
		rc = fetch_api_open(&job->api, &spool, job->config,
		    job->options->timeout, job->options->rate, err);
		if (rc == 0)
			fetch_past_sweep(job->api.dir);
		if (rc == 0)
			rc = fetch(job, &spool, err);
		fetch_api_close(&job->api);
	}
	spool_close(&spool);
	return rc;
}

/*
 * Without descriptors libcurl reports a wrong certificate, or that a server
 * cannot be reached, which would count against a document.
 */
static int
check_descriptors(struct error *err)
{
	int fds[DESCRIPTORS], count = 0, rc = 0;

	while (rc == 0 && count < DESCRIPTORS) {
		fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fds[count] < 0)
			rc = error_system(err,
			    "cannot open %d files at a time, see LimitNOFILE= "
			    "or ulimit -n",
			    DESCRIPTORS);
		else
			count++;
	}
	while (count > 0)
		io_discard(&fds[--count]);
	return rc;
}

static int
check(struct fetch_job *job, struct error *err)
{
	int rc = fetch_api_open(&job->api, NULL, job->config,
	    job->options->timeout, job->options->rate, err);

	if (rc == 0)
		rc = fetch_api_check(&job->api, err);
	fetch_api_close(&job->api);
	if (rc == 0)
		(void)printf("%s: user %s is let in\n", job->config->base,
		    job->config->username);
	return rc;
}

/* spool is NULL for a check. */
static int
run(const struct fetch_options *options, const char *spool, const char *path)
{
	struct fetch_config config;
	struct fetch_job job = { .options = options, .config = &config };
	struct error err = ERROR_INIT;
	int code = EX_OK;

	event_init(&job.event);
	if (check_descriptors(&err) < 0 ||
	    fetch_config_read(
		&config, options->config, FETCH_CONFIG_TRADECLOUD, &err) < 0 ||
	    fetch_http_start(&err) < 0) {
		code = fail(&err);
	} else {
		if (!spool)
			code = check(&job, &err) < 0 ? fail(&err) : EX_OK;
		else if (read_event(&job.event, path, &err) < 0)
			code = err.code == ERROR_SYSTEM
			    ? tool_fail(EX_NOINPUT, "%s", err.text)
			    : fail(&err);
		else if (work(&job, spool, path, &err) < 0)
			code = fail(&err);
		fetch_http_stop();
	}
	event_free(&job.event);
	fetch_config_wipe(&config);
	/* All is cleaned up: end as the signal wants it. */
	if (code != EX_OK && fetch_http_signal()) {
		(void)signal(fetch_http_signal(), SIG_DFL);
		(void)raise(fetch_http_signal());
	}
	return code;
}

static int
take_option(struct fetch_options *options, int option)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		return EX_OK;
	case 'a':
		if (!fetch_url_is_pattern(optarg))
			return tool_usage(
			    "--allow-host: %s is not HOST, HOST:PORT or *.HOST",
			    optarg);
		options->hosts[options->host_count++] = optarg;
		return EX_OK;
	case 's':
		options->max_size =
		    tool_read_number("--max-size", optarg, 1, MAX_SIZE_MOST);
		return EX_OK;
	case 'e':
		options->max_event =
		    tool_read_number("--max-event", optarg, 1, MAX_EVENT_MOST);
		return EX_OK;
	case 'r':
		options->rate =
		    (unsigned)tool_read_number("--rate", optarg, 1, RATE_MOST);
		return EX_OK;
	case 'd':
		options->tries = (unsigned)tool_read_number(
		    "--document-retries", optarg, 1, TRIES_MOST);
		return EX_OK;
	default:
		options->timeout = (long)tool_read_number(
		    "--timeout", optarg, 1, TIMEOUT_MOST);
		return EX_OK;
	}
}

int
net_fetch(int argc, char **argv)
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "allow-host", required_argument, NULL, 'a' },
		{ "max-size", required_argument, NULL, 's' },
		{ "max-event", required_argument, NULL, 'e' },
		{ "rate", required_argument, NULL, 'r' },
		{ "document-retries", required_argument, NULL, 'd' },
		{ "check", no_argument, NULL, 'k' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct fetch_options options = { .max_size = MAX_SIZE_DEFAULT,
		.max_event = MAX_EVENT_DEFAULT,
		.timeout = TIMEOUT_DEFAULT,
		.rate = RATE_DEFAULT,
		.tries = TRIES_DEFAULT };
	int option, code = EX_OK;
	bool only_check = false;

	options.hosts = calloc((size_t)argc, sizeof(*options.hosts));
	if (!options.hosts)
		return tool_fail(EX_OSERR, "no memory");
	while (code == EX_OK && (option = tool_option(argc, argv, names)) != -1)
		if (option == 'k')
			only_check = true;
		else
			code = take_option(&options, option);
	argc -= optind;
	argv += optind;
	if (code == EX_OK && !options.config)
		code = tool_usage("--config is missing");
	if (code == EX_OK && only_check && argc > 0)
		code = tool_usage("--check takes no SPOOL");
	if (code == EX_OK && !only_check && (argc < 1 || argc > 2))
		code = tool_usage("SPOOL and at most one EVENT are wanted");
	if (code == EX_OK)
		code = run(&options, only_check ? NULL : argv[0],
		    argc == 2 ? argv[1] : NULL);
	free(options.hosts);
	return code == EX_OK ? tool_finish(EX_OK) : code;
}
