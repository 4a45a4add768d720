/* SPDX-License-Identifier: MIT */
/*
 * endpoints - hookdir endpoints: what add has made
 *
 * Of a key the first digits of its SHA-256 are printed, so that two can be
 * told apart; only root can read the files at all.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hmac.h"
#include "base/io.h"
#include "endpoint/common.h"
#include "endpoint/last_use.h"
#include "hookdir/arguments.h"
#include "hookdir/tool.h"

#define SUFFIX ".conf"

struct listing {
	const char *root;
	bool names_only;
};

static void
print_key(const char *word, const struct buf *key)
{
	char hex[SHA256_HEX_SIZE] = "";
	struct error ignored = ERROR_INIT;

	(void)sha256_hex(buf_span(key), hex, &ignored);
	(void)printf("%s%.8s", word, hex);
}

static void
print(const struct endpoint *e)
{
	struct last_use use;
	struct error err = ERROR_INIT;

	if (last_use_read(&use, endpoint_spool(e).text, &err) < 0)
		(void)tool_error(&err);
	(void)printf("%s  %s  %s  https://%s%s  user %s\n", e->name,
	    e->form->sender, e->apache ? "apache" : "nginx", e->host, e->path,
	    e->user[0] ? e->user : "hookdir");
	print_key("  key ", &e->key);
	if (use.current[0])
		(void)printf(", last used %s", use.current);
	if (e->previous.len) {
		print_key("\n  previous key ", &e->previous);
		(void)printf(", since %s, last used %s", e->rotated,
		    use.previous[0] ? use.previous : "never");
	}
	(void)printf("\n  last message %s\n", use.any[0] ? use.any : "none");
}

/* The name that a file is of; false: of none. */
static bool
name_of(const char *file, char name[NAME_MAX + 1])
{
	size_t len = strlen(file), suffix = strlen(SUFFIX);

	if (len <= suffix || file[0] == '.' ||
	    strcmp(file + len - suffix, SUFFIX) != 0)
		return false;
	(void)snprintf(name, NAME_MAX + 1, "%.*s", (int)(len - suffix), file);
	return true;
}

/* Files of other makes, such as the samples, are passed over. */
static int
list_one(const struct listing *list, const char *file)
{
	struct endpoint e;
	struct error err = ERROR_INIT;
	char name[NAME_MAX + 1];
	int code = EX_OK;

	endpoint_init(&e, list->root);
	if (name_of(file, name) && endpoint_set_name(&e, name)) {
		if (endpoint_load(&e, &err) < 0)
			code =
			    err.code == ERROR_SYSTEM ? tool_error(&err) : EX_OK;
		else if (list->names_only)
			(void)puts(e.name);
		else
			print(&e);
	}
	endpoint_free(&e);
	return code;
}

static int
run(const struct listing *list)
{
	struct endpoint e;
	struct dirent **entries;
	struct endpoint_path dir;
	struct error err = ERROR_INIT;
	int count, i, code = EX_OK, one;

	endpoint_init(&e, list->root);
	dir = endpoint_below(&e, "/etc/hookdir");
	count = scandir(dir.text, &entries, NULL, alphasort);
	if (count < 0 && errno == ENOENT)
		return EX_OK;
	if (count < 0) {
		(void)error_system(&err, "cannot read %s", dir.text);
		return tool_error(&err);
	}
	for (i = 0; i < count; i++) {
		one = list_one(list, entries[i]->d_name);
		code = code == EX_OK ? one : code;
		free(entries[i]);
	}
	free(entries);
	return code;
}

int
tool_endpoints(int argc, char **argv)
{
	static const struct option options[] = {
		{ "names", no_argument, NULL, 'n' },
		{ "root", required_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct listing list = { .root = "" };
	int operands = 0, got;

	while ((got = arguments_next(argc, argv, options, &operands)) != -1)
		if (got == 'n')
			list.names_only = true;
		else
			list.root = common_root(optarg);
	if (operands)
		return tool_usage("no further argument is needed");
	return tool_finish(run(&list));
}
