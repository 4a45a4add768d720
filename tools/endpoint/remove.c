/* SPDX-License-Identifier: MIT */
/*
 * remove - hookdir remove: take an endpoint away, and leave its spool
 *
 * The line in the web server's configuration goes first: without its file it
 * would be an error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "endpoint/common.h"
#include "endpoint/parts.h"
#include "hookdir/arguments.h"
#include "hookdir/tool.h"

struct removing {
	struct endpoint e;
	bool no_reload, dry_run;
	struct site site;
	struct change *changes; /* one a file */
	size_t count;
	struct buf conf; /* the endpoint's file */
};

/* Have the lines of this file been dealt with? */
static bool
is_done(const struct removing *r, const char *file)
{
	size_t i;

	for (i = 0; i < r->count; i++)
		if (strcmp(r->changes[i].file, file) == 0)
			return true;
	return false;
}

static int
remove_lines(struct removing *r, struct error *err)
{
	const struct change empty = CHANGE_INIT;
	const char *file;
	size_t i;

	r->changes = calloc(r->site.include_count + 1, sizeof(*r->changes));
	if (!r->changes)
		return error_set(err, ERROR_MEMORY, "no memory");
	for (i = 0; i < r->site.include_count; i++) {
		file = r->site.includes[i].file;
		if (is_done(r, file))
			continue;
		r->changes[r->count] = empty;
		r->count++;
		if (change_remove(
			&r->changes[r->count - 1], &r->site, file, err) < 0 ||
		    change_make(&r->changes[r->count - 1], &r->e, err) < 0)
			return -1;
	}
	return 0;
}

static void
print_plan(const struct removing *r)
{
	const char *word = r->dry_run ? "would remove" : "removed";
	size_t i;

	for (i = 0; i < r->site.include_count; i++)
		(void)printf(
		    "%s the line in %s\n", word, r->site.includes[i].file);
	(void)printf("%s %s\n", word, endpoint_conf(&r->e).text);
	(void)printf("the spool stays: %s\n", endpoint_spool(&r->e).text);
	if (files_exist(endpoint_run_conf(&r->e).text))
		(void)printf("its command stays: %s; \"systemctl disable "
			     "--now hookdir-run@%s\" stops it\n",
		    endpoint_run_conf(&r->e).text, r->e.name);
}

/* The web server's test has to do without the endpoint's file. */
static int
try_without(struct removing *r, struct error *err)
{
	const char *path = endpoint_conf(&r->e).text;

	if (files_read(path, &r->conf, err) < 0 || remove_lines(r, err) < 0 ||
	    files_remove(path, err) < 0)
		return -1;
	if (!webserver_is_there(&r->e))
		return 0;
	return webserver_do(&r->e, WEBSERVER_TEST, err);
}

static void
take_back(struct removing *r)
{
	const struct files_owner owner = { geteuid(), getegid(), 0600 };
	struct error err = ERROR_INIT;
	bool failed = false;

	if (r->conf.len)
		failed |= files_write_new(endpoint_conf(&r->e).text,
			      buf_span(&r->conf), &owner, &err) < 0;
	while (r->count) {
		failed |= change_take_back(&r->changes[r->count - 1], &err) < 0;
		change_free(&r->changes[--r->count]);
	}
	if (failed)
		(void)tool_error(&err);
	else
		tool_warn("the configuration is as it was before");
}

/* By a line, or by a pattern, of which nothing is removed. */
static bool
is_included(const struct removing *r)
{
	bool included = r->count > 0;
	size_t i;

	for (i = 0; i < r->site.server_count; i++)
		included |= r->site.servers[i].has_line;
	return included;
}

static int
remove_all(struct removing *r)
{
	struct error err = ERROR_INIT;
	int code;

	webserver_hold_signals(true);
	if (try_without(r, &err) < 0) {
		code = tool_error(&err);
		take_back(r);
		return code;
	}
	if (parts_remove(&r->e, &err) < 0)
		return tool_error(&err);
	if (r->e.user[0] && !r->no_reload)
		common_reload_units(&r->e);
	print_plan(r);
	if (is_included(r) && !r->no_reload &&
	    webserver_do(&r->e, WEBSERVER_RELOAD, &err) < 0)
		return tool_error(&err);
	return EX_OK;
}

static int
run(struct removing *r, const char *name)
{
	struct error err = ERROR_INIT;
	int code = common_name(&r->e, name);

	if (code == EX_OK && !r->dry_run && common_lock(&r->e, &err) < 0)
		code = tool_error(&err);
	if (code == EX_OK)
		code = common_load(&r->e, name);
	if (code != EX_OK)
		return code;
	if (webserver_is_there(&r->e) &&
	    webserver_read(&r->site, &r->e, &err) < 0)
		return tool_error(&err);
	if (r->dry_run) {
		print_plan(r);
		return EX_OK;
	}
	return remove_all(r);
}

static int
read_options(int argc, char **argv, struct removing *r)
{
	static const struct option options[] = {
		{ "dry-run", no_argument, NULL, 'd' },
		{ "no-reload", no_argument, NULL, 'n' },
		{ "root", required_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int operands = 0, got;

	while ((got = arguments_next(argc, argv, options, &operands)) != -1)
		switch (got) {
		case 'd':
			r->dry_run = true;
			break;
		case 'n':
			r->no_reload = true;
			break;
		default:
			r->e.root = common_root(optarg);
		}
	if (operands != 1)
		return tool_usage(
		    operands ? "one endpoint at a time" : "which endpoint?");
	return common_need_root(&r->e);
}

int
tool_remove(int argc, char **argv)
{
	struct removing r = { .conf = BUF_INIT(FILES_MAX + 1) };
	int code;

	endpoint_init(&r.e, "");
	code = read_options(argc, argv, &r);
	if (code == EX_OK)
		code = tool_finish(run(&r, argv[1]));
	while (r.count)
		change_free(&r.changes[--r.count]);
	free(r.changes);
	files_free(&r.conf);
	site_free(&r.site);
	endpoint_free(&r.e);
	return code;
}
