/* SPDX-License-Identifier: MIT */
/*
 * tool_main - a program whose first argument is a subcommand
 */
#include "hookdir/tool.h"

#include <string.h>

#include "base/io.h"

static const struct tool *current;

const struct tool *
tool_current(void)
{
	return current;
}

static int
print_help(
    FILE *out, const char *program, const struct tool *tools, size_t count)
{
	size_t i;

	(void)fprintf(out, "usage: %s COMMAND [ARG...]\n\n", program);
	for (i = 0; i < count; i++)
		(void)fprintf(out, "  %-9s %.*s\n", tools[i].name,
		    (int)strcspn(tools[i].help, "\n"), tools[i].help);
	(void)fputs(
	    "\nhookdir COMMAND --help says more, and hookdir(1) all.\n", out);
	return fflush(out) == 0 ? EX_OK : EX_IOERR;
}

static bool
is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
	    strcmp(word, "help") == 0;
}

int
tool_main(int argc, char **argv, const char *program, const struct tool *tools,
    size_t count)
{
	size_t i;

	io_fill_descriptors();
	if (argc < 2) {
		(void)print_help(stderr, program, tools, count);
		return EX_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("%s " HOOKDIR_VERSION "\n", program);
		return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	}
	if (is_help(argv[1]))
		return print_help(stdout, program, tools, count);
	for (i = 0; i < count; i++)
		if (strcmp(argv[1], tools[i].name) == 0) {
			current = &tools[i];
			return current->run(argc - 1, argv + 1);
		}
	(void)fprintf(stderr, "%s: no command %s; see %s --help\n", program,
	    argv[1], program);
	return EX_USAGE;
}
