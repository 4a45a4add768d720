/* SPDX-License-Identifier: MIT */
/*
 * net_exec - subcommands of hookdir that the program hookdir-net has
 *
 * The place of hookdir-net comes from the kernel or from the build, never
 * from the environment: PATH must not choose what is executed.
 */
#include "hookdir/net_exec.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hookdir/tool.h"

#define PROGRAM "hookdir-net"

/* HOOKDIR_BINDIR is set by the build; for systems without /proc. */
static const char installed[] = HOOKDIR_BINDIR "/" PROGRAM;

/* The place beside the program that is running; "" when that is not known. */
static void
find_beside(char path[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash;

	path[len > 0 ? len : 0] = '\0';
	slash = strrchr(path, '/');
	if (!slash || path + PATH_MAX - slash <= (ssize_t)sizeof(PROGRAM))
		path[0] = '\0';
	else
		(void)memcpy(slash + 1, PROGRAM, sizeof(PROGRAM));
}

/* One line that says why execv() failed; returns the exit code. */
static int
explain(const char *path, int errnum)
{
	bool missing = errnum == ENOENT || errnum == ENOTDIR;
	bool passing =
	    errnum == ENOMEM || errnum == EAGAIN || errnum == ETXTBSY;
	struct error err = ERROR_INIT;

	errno = errnum;
	(void)error_system(&err, "cannot execute %s", path);
	return tool_fail(passing ? EX_TEMPFAIL : EX_CONFIG, "%s%s", err.text,
	    missing ? "; install the package " PROGRAM : "");
}

int
net_exec(int argc, char **argv)
{
	char program[] = PROGRAM, beside[PATH_MAX];
	char **args = calloc((size_t)argc + 2, sizeof(*args));
	const char *path = installed;
	int code;

	if (!args)
		return tool_fail(EX_TEMPFAIL, "no memory");
	args[0] = program;
	(void)memcpy(args + 1, argv, (size_t)argc * sizeof(*args));
	find_beside(beside);
	if (beside[0] != '\0' &&
	    (access(beside, F_OK) == 0 || access(installed, F_OK) < 0))
		path = beside;
	(void)execv(path, args);
	code = explain(path, errno);
	free(args);
	return code;
}
