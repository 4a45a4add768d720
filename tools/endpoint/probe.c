/* SPDX-License-Identifier: MIT */
/*
 * probe - does hookdir answer at the endpoint's URL?
 *
 * hookdir itself opens no connection: hookdir-net does, in a process of its
 * own. The key goes there through a pipe.
 */
#include "endpoint/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "hookdir/net_exec.h"
#include "hookdir/tool.h"

static void
execute(const struct endpoint *e, const char *address, int key)
{
	char url[2 * ENDPOINT_WORD_MAX + 32], resolve[ENDPOINT_WORD_MAX + 100];
	char check[] = "check", resolve_option[] = "--resolve";
	char key_option[] = "--key-file", key_path[] = "/dev/stdin";
	char insecure[] = "--insecure", sender_option[] = "--sender";
	char sender[64];
	char *argv[] = { check, insecure, sender_option, sender, resolve_option,
		resolve, key_option, key_path, url, NULL };
	const char *colon = strrchr(address, ':');

	(void)snprintf(url, sizeof(url), "https://%s%s%s%s", e->host, colon,
	    e->path, e->form->way == FORM_URL ? "/{key}/check" : "");
	(void)snprintf(sender, sizeof(sender), "%s", e->form->sender);
	(void)snprintf(resolve, sizeof(resolve), "%s%s:%.*s", e->host, colon,
	    (int)(colon - address), address);
	(void)dup2(key, STDIN_FILENO);
	_exit(net_exec(9, argv));
}

int
probe(const struct endpoint *e, const char *address)
{
	struct iovec iov = { e->key.at, e->key.len };
	struct error ignored = ERROR_INIT;
	int ends[2], status = 0;
	pid_t child;

	(void)fflush(NULL);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return tool_fail(EX_TEMPFAIL, "there is no pipe");
	child = fork();
	if (child == 0)
		execute(e, address, ends[0]);
	io_discard(&ends[0]);
	(void)io_write_all(ends[1], &iov, 1, "a pipe", &ignored);
	io_discard(&ends[1]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child < 0 || !WIFEXITED(status))
		return tool_fail(EX_TEMPFAIL, "the endpoint was not checked");
	if (WEXITSTATUS(status) == EX_OK || WEXITSTATUS(status) == EX_PROTOCOL)
		return WEXITSTATUS(status);
	return EX_TEMPFAIL;
}
