/* SPDX-License-Identifier: MIT */
/*
 * program - find the command of hookdir run, and say why it cannot be run
 */
#ifndef HOOKDIR_PROGRAM_H
#define HOOKDIR_PROGRAM_H

#include <limits.h>

#include "hookdir/tool.h"

/* Where there is no PATH. */
#define PROGRAM_PATH "/usr/local/bin:/usr/bin:/bin"

/*
 * Look a program up in PATH, as a shell does: its path, which may be in room;
 * or NULL after a line on standard error that says why not.
 */
const char *program_find(const char *name, char room[PATH_MAX]);

/*
 * Can it be executed? EX_OK; or EX_UNAVAILABLE after a line that says why
 * not: it is missing, has no execute permission, or is a script whose first
 * line ends with CR LF or names an interpreter that is missing.
 */
int program_check(const char *path);

#endif
