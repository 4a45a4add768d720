/* SPDX-License-Identifier: MIT */
/*
 * program - find the command of hookdir run, and say why it cannot be run
 *
 * execve(2) has one error for a missing script and a missing interpreter, so
 * the file is looked into before, when nothing was claimed.
 */
#include "hookdir/program.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define FIRST_LINE 256 /* as many bytes as the kernel looks at */

static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* With what errno means; always EX_UNAVAILABLE. */
static int refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int
refuse(const char *fmt, ...)
{
	struct error err = ERROR_INIT, why = ERROR_INIT;
	va_list ap;

	(void)error_system(&why, "%s", "");
	va_start(ap, fmt);
	(void)vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	return tool_fail(EX_UNAVAILABLE, "%s%s", err.text, why.text);
}

/* The first line, if it begins with #!; what is not to be read has none. */
static size_t
read_line(const char *path, char line[FIRST_LINE])
{
	struct error ignored = ERROR_INIT;
	const char *end;
	size_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0)
		(void)io_read_at(
		    fd, line, FIRST_LINE - 1, 0, &got, path, &ignored);
	io_discard(&fd);
	line[got] = '\0';
	end = memchr(line, '\n', got);
	if (got < 2 || line[0] != '#' || line[1] != '!')
		return 0;
	return end ? (size_t)(end - line) : got;
}

static int
check_script(const char *path)
{
	char line[FIRST_LINE], *interpreter = line + 2;
	size_t len = read_line(path, line);

	if (len == 0)
		return EX_OK;
	line[len] = '\0';
	if (line[len - 1] == '\r')
		return tool_fail(EX_UNAVAILABLE,
		    "%s: its lines end with CR LF; remove the CR: "
		    "sed -i 's/\\r$//' %s",
		    path, path);
	interpreter += strspn(interpreter, " \t");
	interpreter[strcspn(interpreter, " \t")] = '\0';
	if (!interpreter[0])
		return tool_fail(EX_UNAVAILABLE,
		    "%s: its first line is #! without an interpreter", path);
	if (access(interpreter, X_OK) == 0)
		return EX_OK;
	return refuse(
	    "%s: its interpreter %s cannot be executed", path, interpreter);
}

int
program_check(const char *path)
{
	if (access(path, F_OK) < 0)
		return refuse("no program %s", path);
	if (!is_file(path))
		return tool_fail(EX_UNAVAILABLE, "%s is no file", path);
	if (access(path, X_OK) < 0)
		return refuse("%s cannot be executed (chmod +x)", path);
	return check_script(path);
}

/*
 * In the directories of PATH, the first that can be executed; else the first
 * that is there, for program_check() to say what it lacks.
 */
static const char *
search(const char *name, char room[PATH_MAX])
{
	const char *path = getenv("PATH");
	char lacking[PATH_MAX] = "";
	struct span rest = span_of(path ? path : PROGRAM_PATH), dir;

	while (span_cut(&rest, ':', &dir)) {
		(void)snprintf(
		    room, PATH_MAX, "%.*s/%s", (int)dir.len, dir.at, name);
		if (is_file(room) && access(room, X_OK) == 0)
			return room;
		if (is_file(room) && !lacking[0])
			(void)snprintf(lacking, sizeof(lacking), "%s", room);
	}
	(void)snprintf(room, PATH_MAX, "%s", lacking);
	return room[0] ? room : NULL;
}

const char *
program_find(const char *name, char room[PATH_MAX])
{
	const char *path = strchr(name, '/') ? name : search(name, room);

	if (!path) {
		(void)tool_fail(EX_UNAVAILABLE, "no program %s in PATH", name);
		return NULL;
	}
	return program_check(path) == EX_OK ? path : NULL;
}
