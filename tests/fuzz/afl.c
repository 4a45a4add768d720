/* SPDX-License-Identifier: MIT */
/*
 * afl - one CGI request from a file, for AFL++
 *
 *	afl FILE
 *
 * The file is NAME=VALUE with a NUL behind each, an empty one, and the body.
 * The handler's own main() gets it as its environment and its standard
 * input, in a process of its own each time. HOOKDIR_AFL names the folder
 * that its spool is made in; 200 without a file there is a crash like any
 * other, and so is an answer that is none.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hmac.h"
#include "spool/spool.h"

#define PARAMS_MAX 256
#define INPUT_MAX  (1 << 20)

#ifndef __AFL_INIT
#define __AFL_INIT() ((void)0)
#endif

int handler_main(int argc, char **argv); /* main() of handler/main.c */

static char input[INPUT_MAX + 2], spool_param[512], spool_path[480];

static void
require(bool truth, const char *what)
{
	if (truth)
		return;
	(void)fprintf(stderr, "afl: is not so: %s\n", what);
	abort();
}

/* Remove what is in a folder of the spool; how many there were. */
static int
empty(const char *name)
{
	char path[512];
	struct dirent *entry;
	int count = 0;
	DIR *list;

	(void)snprintf(path, sizeof(path), "%.400s/%s", spool_path, name);
	list = opendir(path);
	while (list && (entry = readdir(list)) != NULL)
		if (entry->d_name[0] != '.')
			count += unlinkat(dirfd(list), entry->d_name, 0) == 0;
	if (list)
		(void)closedir(list);
	return count;
}

static size_t
read_input(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	require(fd >= 0, "the input can be read");
	while (len < INPUT_MAX &&
	    (got = read(fd, input + len, INPUT_MAX - len)) > 0)
		len += (size_t)got;
	(void)close(fd);
	return len;
}

/* Set the environment; where the body begins. */
static size_t
set_environment(size_t len)
{
	static char *params[PARAMS_MAX + 1];
	size_t at = 0, count = 0;

	while (at < len && count < PARAMS_MAX - 1) {
		char *param = input + at;

		at += strlen(param) + 1;
		if (*param == '\0')
			break;
		if (strncmp(param, "HOOKDIR_SPOOL=", 14) == 0)
			param = spool_param;
		else if (strncmp(param, "HOOKDIR_JWKS=", 13) == 0 ||
		    strncmp(param, "LISTEN_", 7) == 0)
			continue;
		params[count++] = param;
	}
	params[count] = NULL;
	environ = params;
	return at < len ? at : len;
}

static int
file_of(const char *bytes, size_t len)
{
	int fd = memfd_create("afl", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, bytes, len) == (ssize_t)len &&
		lseek(fd, 0, SEEK_SET) == 0,
	    "there is memory for a file");
	return fd;
}

static void
check_answer(int fd)
{
	char text[4096];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);
	int stored = empty("new"), kept = empty("quarantine");

	require(len >= 0, "the answer can be read");
	text[len] = '\0';
	require(empty("tmp") == 0, "nothing is left in tmp/");
	require(strncmp(text, "Status: ", 8) == 0, "there is a status");
	require(strstr(text, "\r\n\r\n") != NULL, "the head ends");
	if (strncmp(text + 8, "200", 3) == 0 && strstr(text, "\"accepted\""))
		require(stored == 1, "what was accepted is stored");
	else
		require(stored == 0, "what was not accepted is not stored");
	require(strncmp(text + 8, "200", 3) != 0 || kept == 0,
	    "what was accepted is not in quarantine");
}

/* What is loaded at first use is loaded once, before there are copies. */
static void
warm_up(void)
{
	struct error err = ERROR_INIT;
	unsigned char mac[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];
	struct spool spool;

	(void)snprintf(spool_path, sizeof(spool_path), "%.400s/spool",
	    getenv("HOOKDIR_AFL") ? getenv("HOOKDIR_AFL") : "/tmp");
	(void)snprintf(
	    spool_param, sizeof(spool_param), "HOOKDIR_SPOOL=%s", spool_path);
	require(sha256_hex(span_of("x"), hex, &err) == 0 &&
		hmac_sha256(span_of("x"), span_of("x"), mac, &err) == 0,
	    "there is a digest");
	require(spool_open(&spool, spool_path, &err) == 0, err.text);
	spool_close(&spool);
}

int
main(int argc, char **argv)
{
	char *name[] = { argv[0], NULL };
	int answer, body;
	size_t len, at;

	warm_up();
	__AFL_INIT();
	require(argc == 2, "there is a file");
	len = read_input(argv[1]);
	at = set_environment(len);
	body = file_of(input + at, len - at);
	answer = file_of("", 0);
	require(dup2(body, STDIN_FILENO) == STDIN_FILENO &&
		dup2(answer, STDOUT_FILENO) == STDOUT_FILENO,
	    "there are descriptors");
	/* Without a method it is no request, and prints how it is used. */
	if (!getenv("REQUEST_METHOD"))
		return 0;
	require(handler_main(1, name) == 0, "it exits with 0");
	check_answer(answer);
	(void)empty("seen");
	return 0;
}
