/* SPDX-License-Identifier: MIT */
/*
 * find - hookdir find: what became of a message
 *
 * Where spools are named and none of them has it, the others beside them are
 * searched as well: it may have arrived in another shop's spool.
 */
#include "hookdir/find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hookdir/arguments.h"
#include "hookdir/spools.h"

#define NOT_FOUND 1

static int
search(struct find *find, struct error *err)
{
	if (find_scan_history(find, err) < 0 ||
	    find_scan_files(find, err) < 0 || find_collect_steps(find, err) < 0)
		return -1;
	return 0;
}

static int
find_in(struct find *find, const char *path)
{
	struct error err = ERROR_INIT;
	int code = tool_open_queue(&find->queue, path);

	if (code != EX_OK)
		return code;
	if (search(find, &err) < 0)
		code = tool_error(&err);
	find_print(find);
	find_hits_free(find);
	queue_close(&find->queue);
	return code;
}

static int
explain(struct find *find, const char *path)
{
	int code = tool_open_queue(&find->queue, path);

	if (code != EX_OK)
		return code;
	find_explain(find);
	find_hits_free(find);
	queue_close(&find->queue);
	return EX_OK;
}

/* EX_OK, or the code of the last one for which that failed. */
static int
each(struct find *find, const struct spools *spools,
    int (*work)(struct find *, const char *))
{
	int code = EX_OK, one;
	size_t i;

	for (i = 0; i < spools->count; i++) {
		one = work(find, spools->paths[i]);
		if (one != EX_OK)
			code = one;
	}
	return code;
}

/* A directory of spools that cannot be read has none to show. */
static void
add_neighbours(struct spools *others, const struct spools *named)
{
	struct error ignored = ERROR_INIT;
	char path[PATH_MAX + 4];
	size_t i;

	for (i = 0; i < named->count; i++) {
		(void)snprintf(path, sizeof(path), "%s/..", named->paths[i]);
		(void)spools_in(others, path, named, &ignored);
	}
	(void)spools_in(others, tool_spools(), named, &ignored);
}

static void
find_elsewhere(struct find *find, const struct spools *named)
{
	struct spools others = SPOOLS_INIT;

	add_neighbours(&others, named);
	if (!find->json && others.count)
		(void)printf("%zu other spool%s searched\n", others.count,
		    others.count == 1 ? "" : "s");
	(void)each(find, &others, find_in);
	spools_free(&others);
}

static int
run(struct find *find, char **called, int count)
{
	struct spools spools = SPOOLS_INIT;
	struct error err = ERROR_INIT;
	int code;

	if (spools_read(&spools, called, count, &err) < 0) {
		spools_free(&spools);
		return tool_error(&err);
	}
	code = each(find, &spools, find_in);
	if (code == EX_OK && find->hits == 0) {
		(void)each(find, &spools, explain);
		if (count)
			find_elsewhere(find, &spools);
		code = NOT_FOUND;
	}
	if (spools.count == 0)
		tool_warn("no spools in %s", tool_spools());
	spools_free(&spools);
	return tool_finish(code);
}

static void
add_archive(struct find *find, const char *path)
{
	const char **more = realloc(find->archives,
	    (find->archive_count + 1) * sizeof(find->archives[0]));

	if (!more)
		exit(tool_fail(EX_OSERR, "no memory"));
	find->archives = more;
	find->archives[find->archive_count++] = path;
}

static void
read_options(int argc, char **argv, struct find *find, int *operands)
{
	static const struct option options[] = {
		{ "since", required_argument, NULL, 's' },
		{ "archive", required_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int got;

	while ((got = arguments_next(argc, argv, options, operands)) != -1)
		switch (got) {
		case 's':
			find->since = tool_read_time("--since", optarg);
			history_day(find->since, find->since_day);
			break;
		case 'a':
			add_archive(find, optarg);
			break;
		default:
			find->json = true;
		}
}

int
tool_find(int argc, char **argv)
{
	struct find find = { .since = 0 };
	struct error err = ERROR_INIT;
	int operands = 0, code;

	read_options(argc, argv, &find, &operands);
	if (operands == 0 || argv[1][0] == '\0')
		return tool_usage("which text?");
	if (needle_make(&find.needle, argv[1], &err) < 0)
		code = tool_error(&err);
	else
		code = run(&find, argv + 2, operands - 1);
	needle_free(&find.needle);
	free(find.archives);
	return code;
}
