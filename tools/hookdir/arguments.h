/* SPDX-License-Identifier: MIT */
/*
 * arguments - options and operands of a subcommand, in any order
 */
#ifndef HOOKDIR_ARGUMENTS_H
#define HOOKDIR_ARGUMENTS_H

#include "hookdir/tool.h"

/*
 * As tool_option(), but options may stand behind operands as well, up to a
 * "--". At the end, which is -1, the operands are argv[1] to argv[*operands].
 * Set it to 0 before the first call.
 */
int arguments_next(
    int argc, char **argv, const struct option *options, int *operands);

#endif
