/* SPDX-License-Identifier: MIT */
/*
 * fetch_past - what earlier fetches into this spool have done
 *
 * A file of tries has two lines: the number of tries and the size of the
 * document, and the name. It is written under another name and renamed, so
 * that no process reads half of it.
 */
#include "net/fetch_past.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"

#define NAME_SIZE      (SHA256_HEX_SIZE + 8)
#define DELIVERED_LIFE (30 * 24 * 3600) /* seconds */
#define SWEEP_INTERVAL 3600		/* seconds */
#define SWEPT	       "swept"

static void
name_of(char kind, const char *key, char name[NAME_SIZE])
{
	(void)snprintf(name, NAME_SIZE, "%c-%s", kind, key);
}

void
fetch_past_read(int dir, const char *key, struct fetch_past *past)
{
	char name[NAME_SIZE], text[SPOOL_NAME_SIZE + 32] = "", *line;
	long long size = -1;
	struct error ignored = ERROR_INIT;
	struct stat st;
	size_t got = 0;
	int fd;

	memset(past, 0, sizeof(*past));
	name_of('t', key, name);
	fd = io_open_file(dir, name, &st, &ignored);
	if (fd < 0)
		return;
	if (io_read_at(fd, text, sizeof(text) - 1, 0, &got, name, &ignored) ==
		0 &&
	    (line = strchr(text, '\n')) != NULL &&
	    sscanf(text, "%4u %18lld", &past->tries, &size) == 2) {
		past->size = size;
		line++;
		line[strcspn(line, "\n")] = '\0';
		/* It is the name of a file in tmp/, and no path. */
		if (!strchr(line, '/') && line[0] != '.')
			(void)snprintf(
			    past->name, sizeof(past->name), "%s", line);
	}
	io_discard(&fd);
}

int
fetch_past_write(
    int dir, const char *key, const struct fetch_past *past, struct error *err)
{
	char name[NAME_SIZE], draft[NAME_SIZE];
	char text[SPOOL_NAME_SIZE + 32];
	struct iovec piece = { text, 0 };
	int fd, rc = -1;

	name_of('t', key, name);
	name_of('n', key, draft);
	piece.iov_len = (size_t)snprintf(text, sizeof(text), "%u %lld\n%s\n",
	    past->tries, (long long)past->size, past->name);
	(void)unlinkat(dir, draft, 0);
	fd = io_create(dir, draft, 0600, err);
	if (fd < 0)
		return -1;
	if (io_write_all(fd, &piece, 1, "to fetch/", err) == 0 &&
	    io_close(&fd, "a file in fetch/", err) == 0) {
		rc = renameat(dir, draft, dir, name);
		if (rc < 0)
			(void)error_system(
			    err, "cannot rename a file in fetch/");
	}
	io_discard(&fd);
	if (rc < 0)
		(void)unlinkat(dir, draft, 0);
	return rc;
}

void
fetch_past_forget(int dir, const char *key)
{
	char name[NAME_SIZE];

	name_of('t', key, name);
	(void)unlinkat(dir, name, 0);
}

bool
fetch_past_is_delivered(int dir, const char *key)
{
	char name[NAME_SIZE];
	struct stat st;

	name_of('d', key, name);
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

void
fetch_past_note_delivered(int dir, const char *key)
{
	struct error ignored = ERROR_INIT;
	char name[NAME_SIZE];
	int fd;

	name_of('d', key, name);
	fd = io_create(dir, name, 0600, &ignored);
	io_discard(&fd);
}

/* True at most once an hour: the file's time is when it was last. */
static bool
is_due(int dir)
{
	struct stat st;
	int fd;

	if (fstatat(dir, SWEPT, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    clock_now().tv_sec - st.st_mtime < SWEEP_INTERVAL &&
	    st.st_mtime <= clock_now().tv_sec)
		return false;
	fd = openat(
	    dir, SWEPT, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	(void)futimens(fd, NULL);
	io_discard(&fd);
	return true;
}

static bool
is_old(int dir, const char *name)
{
	time_t life = name[0] == 'd' ? DELIVERED_LIFE : SPOOL_STALE;
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    clock_now().tv_sec - st.st_mtime > life;
}

static int
sweep_file(
    void *context, int dir, const struct dirent *entry, struct error *err)
{
	(void)context;
	(void)err;
	if (strchr("tnd", entry->d_name[0]) && entry->d_name[1] == '-' &&
	    is_old(dir, entry->d_name))
		(void)unlinkat(dir, entry->d_name, 0);
	return 0;
}

void
fetch_past_sweep(int dir)
{
	struct error ignored = ERROR_INIT;

	if (is_due(dir))
		(void)io_each(dir, "fetch/", sweep_file, NULL, &ignored);
}
