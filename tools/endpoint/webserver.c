/* SPDX-License-Identifier: MIT */
/*
 * webserver - what is asked of nginx and Apache: test, reload, modules
 */
#include "endpoint/webserver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "hookdir/tool.h"

#define OUTPUT_MAX ((size_t)64 << 10)

static struct endpoint_path
main_file(const struct endpoint *e)
{
	return endpoint_below(e,
	    e->apache ? "/etc/apache2/apache2.conf" : "/etc/nginx/nginx.conf");
}

bool
webserver_is_there(const struct endpoint *e)
{
	return files_exist(main_file(e).text);
}

int
webserver_read(struct site *site, const struct endpoint *e, struct error *err)
{
	struct endpoint_path conf = endpoint_conf(e), first = main_file(e);
	struct site_wanted wanted = { e->host, e->path, conf.text };

	/* The names are read while the site is read, and are the caller's. */
	return e->apache ? site_read_apache(site, first.text, &wanted, err)
			 : site_read_nginx(site, first.text, &wanted, err);
}

void
webserver_hold_signals(bool hold)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)signal(signals[i], hold ? SIG_IGN : SIG_DFL);
}

/* In the child: never returns. The output goes to out. */
static void
execute(const struct endpoint *e, enum webserver_step step, int out)
{
	static const char *const apache[] = { "configtest", "graceful" };
	struct endpoint_path first = main_file(e);
	struct endpoint_path dir = endpoint_below(e, "/etc/apache2");
	int null = open("/dev/null", O_RDONLY);

	webserver_hold_signals(false);
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(out, STDOUT_FILENO);
	(void)dup2(out, STDERR_FILENO);
	if (*e->root)
		(void)setenv("APACHE_CONFDIR", dir.text, 1);
	/* "apache2ctl graceful" would start one that does not run. */
	if (step == WEBSERVER_RELOAD && !*e->root &&
	    access("/run/systemd/system", F_OK) == 0)
		(void)execlp("systemctl", "systemctl", "reload",
		    e->apache ? "apache2" : "nginx", NULL);
	else if (e->apache)
		(void)execlp("apache2ctl", "apache2ctl", apache[step], NULL);
	else if (step == WEBSERVER_TEST)
		(void)execlp(
		    "nginx", "nginx", "-q", "-t", "-c", first.text, NULL);
	else
		(void)execlp("nginx", "nginx", "-q", "-s", "reload", "-c",
		    first.text, NULL);
	(void)dprintf(STDERR_FILENO, "cannot execute %s\n",
	    e->apache ? "apache2ctl" : "nginx");
	_exit(127);
}

/* cron and others have no sbin. */
static void
complete_path(void)
{
	const char *path = getenv("PATH");
	struct buf more = BUF_INIT(OUTPUT_MAX);

	buf_printf(&more, "%s:/usr/sbin:/usr/bin:/sbin:/bin%c",
	    path && *path ? path : "/usr/local/sbin", '\0');
	if (!more.failed)
		(void)setenv("PATH", more.at, 1);
	buf_free(&more);
}

static void
read_output(int fd, struct buf *output)
{
	char part[4096];
	ssize_t got;

	while ((got = read(fd, part, sizeof(part))) > 0 ||
	    (got < 0 && errno == EINTR))
		if (got > 0)
			buf_append(output, part, (size_t)got);
}

static void
print_output(const struct buf *output)
{
	struct span rest = buf_span(output), line;

	while (span_cut(&rest, '\n', &line)) {
		(void)fputs("  ", stderr);
		tool_print(stderr, line, 1000);
		(void)fputc('\n', stderr);
	}
}

int
webserver_do(
    const struct endpoint *e, enum webserver_step step, struct error *err)
{
	struct buf output = BUF_INIT(OUTPUT_MAX);
	int ends[2], status = -1;
	pid_t child;

	complete_path();
	(void)fflush(NULL);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_system(err, "no pipe");
	child = fork();
	if (child == 0)
		execute(e, step, ends[1]);
	io_discard(&ends[1]);
	read_output(ends[0], &output);
	io_discard(&ends[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0) {
		print_output(&output);
		(void)error_set(err, ERROR_CONFIGURATION, "%s %s",
		    e->apache ? "Apache" : "nginx",
		    step == WEBSERVER_TEST ? "refuses the configuration"
					   : "was not reloaded");
	}
	buf_free(&output);
	return status == 0 ? 0 : -1;
}

/* 1: made, 0: it is there or not needed. */
static int
link_module(const struct endpoint *e, const char *name, struct error *err)
{
	struct endpoint_path from, to;
	char text[PATH_MAX];

	(void)snprintf(
	    text, sizeof(text), "/etc/apache2/mods-available/%s", name);
	from = endpoint_below(e, text);
	(void)snprintf(
	    text, sizeof(text), "/etc/apache2/mods-enabled/%s", name);
	to = endpoint_below(e, text);
	if (!files_exist(from.text) || files_exist(to.text))
		return 0;
	(void)snprintf(text, sizeof(text), "../mods-available/%s", name);
	if (symlink(text, to.text) < 0)
		return error_system(err, "cannot enable the module %s", name);
	return 1;
}

static int
enable(const struct endpoint *e, struct span module, struct buf *made,
    struct error *err)
{
	static const char *const suffixes[] = { "load", "conf" };
	char name[80];
	size_t i;
	int got;

	for (i = 0; i < 2; i++) {
		(void)snprintf(name, sizeof(name), "%.*s.%s", (int)module.len,
		    module.at, suffixes[i]);
		got = link_module(e, name, err);
		if (got < 0)
			return -1;
		if (got > 0)
			buf_printf(made, "%s/etc/apache2/mods-enabled/%s\n",
			    e->root, name);
	}
	return 0;
}

int
webserver_enable_modules(
    const struct endpoint *e, struct buf *made, struct error *err)
{
	struct span rest = span_of(form_modules(e->form)), module;

	while (e->apache && span_cut(&rest, ' ', &module))
		if (enable(e, module, made, err) < 0)
			return -1;
	return 0;
}

void
webserver_take_back_modules(const struct buf *made)
{
	struct span rest = buf_span(made), line;
	char path[PATH_MAX];

	while (span_cut(&rest, '\n', &line)) {
		(void)snprintf(
		    path, sizeof(path), "%.*s", (int)line.len, line.at);
		(void)unlink(path);
	}
}
