/* SPDX-License-Identifier: MIT */
/*
 * rotate - hookdir rotate: a new key beside the old one, and the old one away
 *
 * The old key is removed with --yes, or when the history shows that
 * calls use the new key and that none has used the old one for a while.
 * A sender may have webhooks that rarely fire, each with its own key.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "endpoint/common.h"
#include "endpoint/last_use.h"
#include "hookdir/arguments.h"
#include "hookdir/tool.h"

/* Without a call with the old key for so long, it is no longer used. */
#define UNUSED_DAYS 7

struct rotating {
	struct endpoint e;
	const char *key_file;
	bool finish, yes, no_reload;
};

static void
time_before(unsigned days, char text[CLOCK_RFC3339_SIZE])
{
	struct timespec when = clock_now();

	when.tv_sec -= (time_t)days * 86400;
	clock_rfc3339(when, text);
}

/* If the web server refuses it, which it has no reason for: as it was. */
static int
save(struct rotating *r, const struct endpoint *old)
{
	struct error err = ERROR_INIT, ignored = ERROR_INIT;

	webserver_hold_signals(true);
	if (endpoint_save_keys(&r->e, &err) < 0)
		return tool_error(&err);
	/* The last one of a loop tests all. */
	if (r->no_reload)
		return EX_OK;
	if (webserver_do(&r->e, WEBSERVER_TEST, &err) < 0) {
		(void)endpoint_save_keys(old, &ignored);
		tool_warn("the keys are as they were before");
		return tool_error(&err);
	}
	if (webserver_do(&r->e, WEBSERVER_RELOAD, &err) < 0)
		return tool_error(&err);
	return EX_OK;
}

static int
make_key(struct rotating *r)
{
	struct error err = ERROR_INIT;

	buf_append_span(&r->e.previous, buf_span(&r->e.key));
	time_before(0, r->e.rotated);
	buf_reset(&r->e.key);
	if (r->key_file)
		return common_read_key(&r->e, r->key_file);
	if (form_make_key(r->e.form, &r->e.key, &err) < 0)
		return tool_error(&err);
	return EX_OK;
}

static int
begin(struct rotating *r, const struct endpoint *old)
{
	int code;

	if (r->e.previous.len)
		return tool_fail(EX_CANTCREAT,
		    "%s has a previous key since %s; first remove that, with "
		    "--finish",
		    r->e.name, r->e.rotated);
	if (r->e.form->issued && !r->key_file)
		return tool_fail(EX_USAGE,
		    "the sender %s makes the key: --key-file is missing",
		    r->e.form->sender);
	code = make_key(r);
	if (code == EX_OK)
		code = save(r, old);
	if (code != EX_OK)
		return code;
	(void)printf("%s: the new key and the one of before are both good.\n",
	    r->e.name);
	common_print_form(&r->e, "", NULL);
	(void)printf("\nWhen the sender uses it everywhere: hookdir rotate %s "
		     "--finish\n",
	    r->e.name);
	return EX_OK;
}

/* EX_OK: the old key may go. */
static int
check_use(const struct rotating *r)
{
	struct last_use use;
	struct error err = ERROR_INIT;
	char before[CLOCK_RFC3339_SIZE];

	if (r->e.form->way != FORM_SIGNED)
		return tool_fail(EX_TEMPFAIL,
		    "the web server compares the keys of %s, so the history "
		    "does not have them: --yes removes the previous one",
		    r->e.name);
	if (last_use_read(&use, endpoint_spool(&r->e).text, &err) < 0)
		return tool_error(&err);
	time_before(UNUSED_DAYS, before);
	if (strcmp(use.current, r->e.rotated) < 0)
		return tool_fail(EX_TEMPFAIL,
		    "no call has come to %s with the new key since %s; --yes "
		    "removes the previous one",
		    r->e.name, r->e.rotated);
	if (strcmp(r->e.rotated, before) > 0 ||
	    strcmp(use.previous, before) > 0)
		return tool_fail(EX_TEMPFAIL,
		    "the previous key of %s was good for calls until now, the "
		    "last one at %s; %d days without one show that it is not "
		    "used any more; --yes removes it now",
		    r->e.name, use.previous[0] ? use.previous : "no time",
		    UNUSED_DAYS);
	return EX_OK;
}

static int
finish(struct rotating *r, const struct endpoint *old)
{
	int code = EX_OK;

	if (r->e.previous.len == 0) {
		(void)printf("%s has no previous key\n", r->e.name);
		return EX_OK;
	}
	if (!r->yes)
		code = check_use(r);
	if (code != EX_OK)
		return code;
	files_free(&r->e.previous);
	r->e.previous = (struct buf)BUF_INIT(FILES_MAX);
	code = save(r, old);
	if (code == EX_OK)
		(void)printf("%s: the previous key is removed\n", r->e.name);
	return code;
}

static int
run(struct rotating *r, const char *name)
{
	struct endpoint old;
	struct error err = ERROR_INIT;
	int code = common_name(&r->e, name);

	endpoint_init(&old, r->e.root);
	if (code == EX_OK && common_lock(&r->e, &err) < 0)
		code = tool_error(&err);
	if (code == EX_OK)
		code = common_load(&r->e, name);
	if (code == EX_OK)
		code = common_load(&old, name);
	if (code == EX_OK)
		code = r->finish ? finish(r, &old) : begin(r, &old);
	endpoint_free(&old);
	return code;
}

static int
read_options(int argc, char **argv, struct rotating *r)
{
	static const struct option options[] = {
		{ "finish", no_argument, NULL, 'f' },
		{ "yes", no_argument, NULL, 'y' },
		{ "key-file", required_argument, NULL, 'k' },
		{ "no-reload", no_argument, NULL, 'n' },
		{ "root", required_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int operands = 0, got;

	while ((got = arguments_next(argc, argv, options, &operands)) != -1)
		switch (got) {
		case 'f':
			r->finish = true;
			break;
		case 'y':
			r->yes = true;
			break;
		case 'k':
			r->key_file = optarg;
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
	if (r->yes && !r->finish)
		return tool_usage("--yes is for --finish");
	if (r->finish && r->key_file)
		return tool_usage("--finish needs no key");
	return common_need_root(&r->e);
}

int
tool_rotate(int argc, char **argv)
{
	struct rotating r = { .finish = false };
	int code;

	endpoint_init(&r.e, "");
	code = read_options(argc, argv, &r);
	if (code == EX_OK)
		code = tool_finish(run(&r, argv[1]));
	endpoint_free(&r.e);
	return code;
}
