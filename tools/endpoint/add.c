/* SPDX-License-Identifier: MIT */
/*
 * add - hookdir add: make an endpoint
 *
 * What can refuse comes before what writes. A change of the web server's
 * configuration that its own test, or the call at the end, does not like is
 * taken back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "endpoint/add.h"
#include "endpoint/parts.h"
#include "endpoint/probe.h"
#include "hookdir/arguments.h"
#include "hookdir/tool.h"
#include "message/sender.h"

static bool
is_there(const struct adding *a, const char *path)
{
	return files_exist(endpoint_below(&a->e, path).text);
}

/* Without --server: the one that is installed. */
static int
find_server(struct adding *a)
{
	bool nginx = is_there(a, "/etc/nginx/nginx.conf");
	bool apache = is_there(a, "/etc/apache2/apache2.conf");

	if (a->server && strcmp(a->server, "nginx") != 0 &&
	    strcmp(a->server, "apache") != 0)
		return tool_usage(
		    "--server: %s is not nginx or apache", a->server);
	if (!a->server && nginx == apache)
		return tool_usage(nginx
			? "nginx and Apache are there: --server is missing"
			: "neither /etc/nginx/nginx.conf nor "
			  "/etc/apache2/apache2.conf is there: --server is "
			  "missing");
	a->e.apache = a->server ? strcmp(a->server, "apache") == 0 : apache;
	return EX_OK;
}

static int
set_words(struct adding *a)
{
	struct endpoint *e = &a->e;

	e->form = form_find(a->sender);
	if (!e->form)
		return tool_usage("there is no sender %s", a->sender);
	if (!a->host)
		return tool_usage("under which name? --host is missing");
	if (!endpoint_is_host(a->host))
		return tool_usage("--host: %s is no host name", a->host);
	(void)snprintf(e->host, sizeof(e->host), "%s", a->host);
	if (a->path)
		(void)snprintf(e->path, sizeof(e->path), "%s", a->path);
	else
		(void)snprintf(
		    e->path, sizeof(e->path), "/webhook/%s", e->name);
	if (!endpoint_is_path(e->path) ||
	    (a->path && strlen(a->path) >= sizeof(e->path)))
		return tool_usage("--path: %s is not a path of letters, "
				  "digits, \"/\", \".\", \"_\" and \"-\"",
		    a->path ? a->path : e->path);
	if (a->user &&
	    (strlen(a->user) >= sizeof(e->user) ||
		strcmp(a->user, "root") == 0))
		return tool_usage(
		    "--user: %s may not process messages", a->user);
	(void)snprintf(e->user, sizeof(e->user), "%s", a->user ? a->user : "");
	return find_server(a);
}

static bool
is_same(const struct endpoint *old, const struct endpoint *e)
{
	return old->form == e->form && old->apache == e->apache &&
	    strcmp(old->host, e->host) == 0 &&
	    strcmp(old->path, e->path) == 0 && strcmp(old->user, e->user) == 0;
}

/* An endpoint of that name that is there already keeps its key. */
static int
look_for_old(struct adding *a)
{
	struct endpoint old;
	struct error err = ERROR_INIT;
	int code = EX_OK;

	endpoint_init(&old, a->e.root);
	(void)endpoint_set_name(&old, a->e.name);
	if (endpoint_load(&old, &err) == 0) {
		if (!is_same(&old, &a->e))
			code = tool_fail(EX_CANTCREAT,
			    "the endpoint %s is there with another sender, "
			    "host, path, user or web server; remove it first",
			    a->e.name);
		else if (a->key_file)
			code = tool_fail(EX_CANTCREAT,
			    "the endpoint %s has a key; hookdir rotate "
			    "changes it",
			    a->e.name);
		buf_append_span(&a->e.key, buf_span(&old.key));
		a->existed = true;
	} else if (err.errnum != ENOENT) {
		code = tool_error(&err);
	}
	endpoint_free(&old);
	return code;
}

/* Only with --install does it matter that there is a server for it. */
static int
choose(struct adding *a)
{
	struct error err = ERROR_INIT;

	if (webserver_read(&a->site, &a->e, &err) == 0)
		a->chosen = site_choose(&a->site, &err);
	if (a->chosen)
		site_address(&a->site, a->chosen, a->address);
	else if (a->install)
		return tool_error(&err);
	return EX_OK;
}

static int
make_key(struct adding *a)
{
	struct error err = ERROR_INIT;

	if (a->key_file)
		return common_read_key(&a->e, a->key_file);
	return form_make_key(a->e.form, &a->e.key, &err) == 0
	    ? EX_OK
	    : tool_error(&err);
}

static int
make(struct adding *a)
{
	struct error err = ERROR_INIT;
	int code = a->existed ? EX_OK : make_key(a);

	if (code != EX_OK)
		return code;
	if (parts_make(&a->e, a->network, &err) < 0 ||
	    (!a->existed && endpoint_create(&a->e, &err) < 0))
		return tool_error(&err);
	if (a->e.user[0] && !a->no_reload)
		common_reload_units(&a->e);
	return EX_OK;
}

/* To what there was before; the spool, which is empty, stays. */
static void
take_back(struct adding *a, bool reload)
{
	struct error err = ERROR_INIT, before = ERROR_INIT;

	if (change_take_back(&a->change, &err) < 0) {
		(void)tool_error(&err);
		tool_warn("the configuration of before is in "
			  "/var/backups/hookdir");
		return;
	}
	webserver_take_back_modules(&a->modules);
	if (!a->existed &&
	    (files_remove(endpoint_conf(&a->e).text, &err) < 0 ||
		parts_remove(&a->e, &err) < 0))
		(void)tool_error(&err);
	if (reload)
		(void)webserver_do(&a->e, WEBSERVER_RELOAD, &err);
	tool_warn("the configuration is as it was before");
	if (webserver_do(&a->e, WEBSERVER_TEST, &before) < 0)
		tool_warn("it had an error before, too: repair that first");
}

static int
install(struct adding *a)
{
	struct error err = ERROR_INIT;
	int code;

	webserver_hold_signals(true);
	if (!a->chosen->has_line &&
	    (webserver_enable_modules(&a->e, &a->modules, &err) < 0 ||
		change_insert(&a->change, &a->e, a->chosen, &err) < 0 ||
		change_make(&a->change, &a->e, &err) < 0 ||
		webserver_do(&a->e, WEBSERVER_TEST, &err) < 0)) {
		code = tool_error(&err);
		take_back(a, false);
		return code;
	}
	(void)printf("%s: the server of line %u has the line: ",
	    a->chosen->file, a->chosen->line);
	add_print_line(a);
	if (a->no_reload)
		return EX_OK;
	if (webserver_do(&a->e, WEBSERVER_RELOAD, &err) < 0) {
		code = tool_error(&err);
		take_back(a, false);
		return code;
	}
	code = probe(&a->e, a->address);
	if (code == EX_PROTOCOL)
		take_back(a, true);
	return code;
}

static int
run(struct adding *a)
{
	struct error err = ERROR_INIT;
	int code = EX_OK;

	if (!a->dry_run && common_lock(&a->e, &err) < 0)
		return tool_error(&err);
	code = look_for_old(a);
	if (code == EX_OK)
		code = choose(a);
	if (code != EX_OK)
		return code;
	if (a->dry_run) {
		add_print_plan(a);
		return EX_OK;
	}
	code = make(a);
	if (code == EX_OK && a->install)
		code = install(a);
	if (code == EX_OK || code == EX_TEMPFAIL)
		add_print_after(a);
	return code;
}

static void
take_option(struct adding *a, int option)
{
	switch (option) {
	case 'H':
		a->host = optarg;
		break;
	case 's':
		a->server = optarg;
		break;
	case 'p':
		a->path = optarg;
		break;
	case 'u':
		a->user = optarg;
		break;
	case 'k':
		a->key_file = optarg;
		break;
	case 'i':
		a->install = true;
		break;
	case 'd':
		a->dry_run = true;
		break;
	case 'n':
		a->no_reload = true;
		break;
	case 'w':
		a->network = true;
		break;
	default:
		a->e.root = common_root(optarg);
	}
}

static int
read_options(int argc, char **argv, struct adding *a)
{
	static const struct option options[] = {
		{ "host", required_argument, NULL, 'H' },
		{ "server", required_argument, NULL, 's' },
		{ "path", required_argument, NULL, 'p' },
		{ "user", required_argument, NULL, 'u' },
		{ "key-file", required_argument, NULL, 'k' },
		{ "install", no_argument, NULL, 'i' },
		{ "dry-run", no_argument, NULL, 'd' },
		{ "no-reload", no_argument, NULL, 'n' },
		{ "network", no_argument, NULL, 'w' },
		{ "root", required_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int operands = 0, got, code;

	while ((got = arguments_next(argc, argv, options, &operands)) != -1)
		take_option(a, got);
	if (operands != 2)
		return tool_usage(operands < 1 ? "which sender?"
			: operands < 2	       ? "which name?"
					       : "one endpoint at a time");
	if (a->network && !a->user)
		return tool_usage("--network is for --user");
	a->sender = argv[1];
	code = common_name(&a->e, argv[2]);
	if (code == EX_OK)
		code = set_words(a);
	return code == EX_OK ? common_need_root(&a->e) : code;
}

int
tool_add(int argc, char **argv)
{
	struct adding a = { .change = CHANGE_INIT, .modules = BUF_INIT(65536) };
	int code;

	endpoint_init(&a.e, "");
	code = read_options(argc, argv, &a);
	if (code == EX_OK)
		code = tool_finish(run(&a));
	change_free(&a.change);
	site_free(&a.site);
	buf_free(&a.modules);
	endpoint_free(&a.e);
	return code;
}
