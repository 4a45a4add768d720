/* SPDX-License-Identifier: MIT */
/*
 * child - run a program, and read what it says
 */
#include "hookdir/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/secret.h"

/* Behind PATH: users other than root have no sbin in it. */
static const char more[] = "/usr/local/sbin:/usr/sbin:/sbin";

static bool
find(const char *name, char path[PATH_MAX])
{
	const char *directories[] = { getenv("PATH"), more };
	struct span rest, directory;
	size_t i;

	for (i = 0; i < 2; i++) {
		rest = span_of(directories[i] ? directories[i] : "");
		while (span_cut(&rest, ':', &directory)) {
			(void)snprintf(path, PATH_MAX, "%.*s/%s",
			    (int)directory.len, directory.at, name);
			if (directory.len && access(path, X_OK) == 0)
				return true;
		}
	}
	return false;
}

static void
become(const char *path, const char *const words[], int output)
{
	int none = open("/dev/null", O_RDONLY), i;
	char *copies[CHILD_WORDS + 1] = { NULL };

	for (i = 0; i < CHILD_WORDS && words[i]; i++)
		copies[i] = strdup(words[i]);

	(void)dup2(none, STDIN_FILENO);
	(void)dup2(output, STDOUT_FILENO);
	(void)dup2(output, STDERR_FILENO);
	(void)setenv("LC_ALL", "C", 1);
	(void)execv(path, copies);
	_exit(127);
}

/* To the end, to the ceiling or to the time. */
static void
read_output(struct child *child, int fd)
{
	int64_t until = clock_monotonic() + CHILD_SECONDS * INT64_C(1000000);
	struct pollfd wait = { fd, POLLIN, 0 };
	int64_t left;
	ssize_t got;
	char *room;

	while ((left = until - clock_monotonic()) > 0) {
		if (poll(&wait, 1, (int)(left / 1000) + 1) < 1)
			continue;
		room = buf_room(&child->output, 4096);
		if (!room)
			return;
		got = read(fd, room, 4096);
		if (got <= 0)
			return;
		child->output.len += (size_t)got;
	}
}

int
child_run(struct child *child, const char *const words[])
{
	char path[PATH_MAX];
	int ends[2], status;
	pid_t pid;

	child->missing = !find(words[0], path);
	if (child->missing)
		return error_set(&child->error, ERROR_SYSTEM,
		    "there is no %s here", words[0]);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_system(&child->error, "pipe");
	pid = fork();
	if (pid == 0)
		become(path, words, ends[1]);
	io_discard(&ends[1]);
	if (pid < 0) {
		io_discard(&ends[0]);
		return error_system(&child->error, "fork");
	}
	read_output(child, ends[0]);
	io_discard(&ends[0]);
	(void)kill(pid, SIGKILL); /* where it has not closed its output */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	child->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	return 0;
}

void
child_free(struct child *child)
{
	/* A web server's configuration has keys. */
	if (child->output.at)
		secret_wipe(child->output.at, child->output.size);
	buf_free(&child->output);
}
