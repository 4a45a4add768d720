/* SPDX-License-Identifier: MIT */
/*
 * hookdir.fcgi - receive webhooks and put each one, durably, into a spool
 *
 * Options, where requests come from, and off. See hookdir.fcgi(8).
 */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "budget.h"
#include "base/hmac.h"
#include "base/io.h"
#include "base/number.h"
#include "log.h"
#include "transport_cgi.h"
#include "transport_fcgi.h"

#define PROGRAM "hookdir.fcgi"

/* Apache hands over slow clients: as many threads as it has workers. */
#define THREADS_DEFAULT 160
#define THREADS_MOST	4096
#define MEMORY_MOST	65536 /* MiB */
#define WAIT_DEFAULT	10
#define WAIT_MOST	3600

/* sd_listen_fds(3): the first descriptor that systemd hands over. */
#define SYSTEMD_DESCRIPTOR 3

static const char usage_text[] =
    "usage: " PROGRAM " [-m MiB] [-t threads] [-w seconds]\n"
    "       " PROGRAM " -h | -V\n"
    "\n"
    "Receive webhooks behind a web server, as FastCGI when standard input\n"
    "(or the socket that systemd hands over) is a listening socket, else\n"
    "as CGI.\n"
    "\n"
    "  -m, --memory N    hold at most N MiB of large bodies at once (64)\n"
    "  -t, --threads N   serve at most N requests at once (160)\n"
    "  -w, --wait N      cut off a peer that takes longer than N seconds "
    "(10),\n"
    "                    and one more for each 64 KiB of body\n"
    "  -h, --help        show this and exit\n"
    "  -V, --version     show the version and exit\n"
    "\n"
    "What an endpoint does is said by the web server, in parameters such\n"
    "as HOOKDIR_SPOOL: see hookdir.fcgi(8).\n";

static int usage_error(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

static int
usage_error(const char *fmt, ...)
{
	va_list ap;

	(void)fputs(PROGRAM ": ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputs("\nTry '" PROGRAM " -h' for what there is.\n", stderr);
	return EX_USAGE;
}

/* An option whose value is a number from 1 to most. */
struct number_option {
	int letter;
	unsigned most;
	int *value;
};

/* -1 to go on, else the exit status. */
static int
read_number(const struct number_option *option, int letter, const char *text)
{
	uint64_t number;

	while (option->letter && option->letter != letter)
		option++;
	if (!option->letter)
		return usage_error("unknown option, or no value");
	if (!number_read(span_of(text), option->most, &number) || number == 0)
		return usage_error("-%c %s: not a number from 1 to %u", letter,
		    text, option->most);
	*option->value = (int)number;
	return -1;
}

/* A number that systemd says in the environment, or 0. */
static uint64_t
said_by_systemd(const char *name)
{
	const char *text = getenv(name);
	uint64_t number = 0;

	return text && number_read(span_of(text), INT_MAX, &number) ? number
								    : 0;
}

static bool
is_listening(int fd)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) ==
	    0 &&
	    listening;
}

/* The listening socket we were given, or -1. */
static int
find_listener(void)
{
	if (is_listening(STDIN_FILENO))
		return STDIN_FILENO;
	if (said_by_systemd("LISTEN_PID") == (uint64_t)getpid() &&
	    said_by_systemd("LISTEN_FDS") >= 1 &&
	    is_listening(SYSTEMD_DESCRIPTOR))
		return SYSTEMD_DESCRIPTOR;
	return -1;
}

/*
 * Keys are in our memory: no core is written, and other processes of the
 * same user (the scripts that read the spool, say) may not look in.
 */
static void
keep_secrets_in(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef HOOKDIR_SANITIZED /* the leak sanitizer looks in from outside */
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

/*
 * Large buffers are mapped, and given back to the system when they are
 * freed. By itself malloc would raise this limit with each large body, and
 * keep more and more of them.
 */
static void
give_memory_back(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 64 << 10);
}

/*
 * Let libcrypto load what it loads at first use: short of memory it may
 * not survive that, and now nothing is under way that could be lost.
 */
static int
warm_up(void)
{
	struct span byte = span_of("x");
	unsigned char mac[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	struct error err = ERROR_INIT;

	if (sha256_hex(byte, hex, &err) == 0 &&
	    hmac_sha256(byte, byte, mac, &err) == 0)
		return 0;
	log_event(LOG_PRIORITY_ERROR, "start-failed", err.text);
	return -1;
}

/* A request takes up to eight descriptors; 160 of them need more than 1024. */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* -1 to go on, else the exit status. */
static int
read_options(int argc, char **argv, struct fcgi_options *options)
{
	static const struct option names[] = {
		{ "memory", required_argument, NULL, 'm' },
		{ "threads", required_argument, NULL, 't' },
		{ "wait", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c, memory = 0, rc;
	const struct number_option numbers[] = {
		{ 'm', MEMORY_MOST, &memory },
		{ 't', THREADS_MOST, &options->threads },
		{ 'w', WAIT_MOST, &options->wait },
		{ 0, 0, NULL },
	};

	while ((c = getopt_long(argc, argv, "m:t:w:hV", names, NULL)) != -1) {
		switch (c) {
		case 'h':
			(void)fputs(usage_text, stdout);
			return EX_OK;
		case 'V':
			(void)puts(PROGRAM " " HOOKDIR_VERSION);
			return EX_OK;
		default:
			rc = read_number(numbers, c, optarg);
			if (rc >= 0)
				return rc;
		}
	}
	if (memory)
		budget_set((size_t)memory << 20);
	if (optind < argc)
		return usage_error(
		    "%s: no arguments are expected", argv[optind]);
	return -1;
}

int
main(int argc, char **argv)
{
	struct fcgi_options options = {
		.listener = -1, .threads = THREADS_DEFAULT, .wait = WAIT_DEFAULT
	};
	bool cgi = transport_cgi_present();
	int status;

	io_fill_descriptors();
	keep_secrets_in();
	give_memory_back();
	/* A peer that left is seen where we write to it. */
	(void)signal(SIGPIPE, SIG_IGN);
	/* A limit on the size of files is an error like a full disk. */
	(void)signal(SIGXFSZ, SIG_IGN);
	log_open();
	options.listener = find_listener();
	/*
	 * RFC 3875 4.4: a CGI program's arguments can come from the query,
	 * that is from anybody.
	 */
	if (options.listener < 0 && cgi)
		return transport_cgi_run(options.wait);
	status = read_options(argc, argv, &options);
	if (status >= 0)
		return status;
	if (options.listener < 0)
		return usage_error(
		    "standard input is no listening socket, and there is no "
		    "CGI request:\nthis program is started by a web server, "
		    "by systemd or by spawn-fcgi(1)");
	raise_descriptor_limit();
	if (warm_up() < 0)
		return EX_OSERR;
	return transport_fcgi_run(&options) == 0 ? EX_OK : EX_OSERR;
}
