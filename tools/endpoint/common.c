/* SPDX-License-Identifier: MIT */
/*
 * common - what add, remove and rotate have in common
 */
#include "endpoint/common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hookdir/key_file.h"
#include "hookdir/tool.h"

const char *
common_root(const char *text)
{
	size_t len = strlen(text);

	if (text[0] != '/' || len < 2 || text[len - 1] == '/' ||
	    strpbrk(text, " \t\n\"'\\$;{}|<>*?[]#"))
		exit(tool_usage("--root: %s is not an absolute path without "
				"special characters",
		    text));
	return text;
}

int
common_need_root(const struct endpoint *e)
{
	if (*e->root || geteuid() == 0)
		return EX_OK;
	return tool_fail(EX_NOPERM, "only root can do that; use sudo");
}

int
common_name(struct endpoint *e, const char *name)
{
	if (endpoint_set_name(e, name))
		return EX_OK;
	return tool_usage("%s is no name of an endpoint: up to 63 of a-z, A-Z, "
			  "0-9, \".\", \"_\" and \"-\"",
	    name);
}

int
common_load(struct endpoint *e, const char *name)
{
	struct error err = ERROR_INIT;
	int code = common_name(e, name);

	if (code != EX_OK || endpoint_load(e, &err) == 0)
		return code;
	if (err.errnum == ENOENT)
		return tool_fail(EX_NOINPUT, "there is no endpoint %s", name);
	return tool_error(&err);
}

int
common_read_key(struct endpoint *e, const char *path)
{
	struct buf key = BUF_INIT(KEY_FILE_MAX);
	struct error err = ERROR_INIT;
	int rc;

	rc = key_file_read(
	    &key, strcmp(path, "-") == 0 ? "/dev/stdin" : path, &err);
	if (rc == 0)
		rc = form_check_key(e->form, buf_span(&key), &err);
	buf_append_span(&e->key, buf_span(&key));
	files_free(&key);
	return rc == 0 ? EX_OK : tool_error(&err);
}

int
common_lock(const struct endpoint *e, struct error *err)
{
	const struct files_owner owner = { geteuid(), getegid(), 0755 };
	struct endpoint_path dir = endpoint_below(e, "/etc/hookdir");
	int fd;

	(void)umask(022);
	if (files_make_dir(dir.text, &owner, err) < 0)
		return -1;
	fd = open(dir.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* The descriptor, and so the lock, is held until the program ends. */
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return error_system(err, "cannot lock %s", dir.text);
	return 0;
}

static void
print_value(const struct endpoint *e, const char *port, const char *instead,
    const char *row)
{
	for (; *row; row++)
		if (strncmp(row, "%u", 2) == 0) {
			(void)printf("https://%s%s%s", e->host, port, e->path);
			row++;
		} else if (strncmp(row, "%k", 2) == 0) {
			if (instead)
				(void)fputs(instead, stdout);
			else
				tool_print(
				    stdout, buf_span(&e->key), FILES_MAX);
			row++;
		} else {
			(void)putchar(*row);
		}
	(void)putchar('\n');
}

void
common_print_form(
    const struct endpoint *e, const char *port, const char *instead)
{
	const char *const *row = e->form->rows;

	(void)printf("\n%s\n\n", *row++);
	for (; *row; row++) {
		(void)fputs("  ", stdout);
		print_value(e, port, instead, *row);
	}
}

void
common_reload_units(const struct endpoint *e)
{
	pid_t child;

	if (*e->root || access("/run/systemd/system", F_OK) < 0)
		return;
	(void)fflush(NULL);
	child = fork();
	if (child == 0) {
		(void)execlp("systemctl", "systemctl", "daemon-reload", NULL);
		_exit(127);
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}
