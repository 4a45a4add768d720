/* SPDX-License-Identifier: MIT */
/*
 * arguments - options and operands of a subcommand, in any order
 *
 * tool_option() stops at the first operand, which is right for a command
 * that runs another. Operands are moved to the front of argv, where
 * everything has been read already.
 */
#include "hookdir/arguments.h"

#include <string.h>

int
arguments_next(
    int argc, char **argv, const struct option *options, int *operands)
{
	int got = -1, before;

	while (optind < argc) {
		before = optind;
		got = tool_option(argc, argv, options);
		if (got != -1)
			return got;
		if (optind > before && strcmp(argv[optind - 1], "--") == 0)
			break;
		if (optind < argc)
			argv[++*operands] = argv[optind++];
	}
	while (optind < argc)
		argv[++*operands] = argv[optind++];
	return got;
}
