/* SPDX-License-Identifier: MIT */
/*
 * archive - a directory for messages that are done
 *
 * Copying goes by a name of its own, which begins with a dot, so that
 * nobody takes half a file for a message.
 */
#include "queue/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define BLOCK	  ((size_t)16 << 10)
#define NAMES_MAX 1000 /* of one message */

#define DRAFT_SIZE 64

/* What has been made is to be found again after a power cut. */
static int
flush_parent(int dir, struct error *err)
{
	int parent = io_open_dir(dir, "..", err), rc;

	if (parent < 0)
		return -1;
	rc = io_fsync(parent, "the archive's parent", err);
	io_discard(&parent);
	return rc;
}

int
archive_open(struct archive *archive, const char *path, struct error *err)
{
	bool made = mkdir(path, 0770) == 0;

	if (!made && errno != EEXIST)
		return error_system(err, "cannot make directory %s", path);
	do {
		archive->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} while (archive->dir < 0 && errno == EINTR);
	if (archive->dir < 0)
		return error_system(err, "cannot open directory %s", path);
	/* Better known now than when a message is done. */
	if (faccessat(archive->dir, ".", W_OK | X_OK, AT_EACCESS) < 0) {
		(void)error_system(err, "cannot write to %s", path);
		archive_close(archive);
		return -1;
	}
	if (made && flush_parent(archive->dir, err) < 0) {
		archive_close(archive);
		return -1;
	}
	return 0;
}

void
archive_close(struct archive *archive)
{
	io_discard(&archive->dir);
}

static int
copy_bytes(int from, int to, struct error *err)
{
	char block[BLOCK];
	struct iovec piece;
	off_t at = 0;
	size_t got = BLOCK;

	for (; got == BLOCK; at += (off_t)got) {
		if (io_read_at(from, block, BLOCK, at, &got, "a message", err) <
		    0)
			return -1;
		piece = (struct iovec){ block, got };
		if (io_write_all(to, &piece, 1, "to the archive", err) < 0)
			return -1;
	}
	return 0;
}

/* The same bytes, or one file under two names? 1, 0 or -1. */
static int
is_same(int a, int b, struct error *err)
{
	char left[BLOCK], right[BLOCK];
	size_t got = BLOCK, other;
	off_t at = 0;

	for (; got == BLOCK; at += (off_t)got) {
		if (io_read_at(a, left, BLOCK, at, &got, "a message", err) <
			0 ||
		    io_read_at(
			b, right, BLOCK, at, &other, "the archive", err) < 0)
			return -1;
		if (got != other || memcmp(left, right, got) != 0)
			return 0;
	}
	return 1;
}

/* Is the message in the archive under that name already? 1, 0 or -1. */
static int
is_there(const struct archive *archive, const char *name, int message,
    struct error *err)
{
	struct error other = ERROR_INIT;
	struct stat st;
	int fd = io_open_file(archive->dir, name, &st, &other), rc;

	/* What cannot be read, or is no file, is another one. */
	if (fd < 0)
		return 0;
	rc = is_same(message, fd, err);
	io_discard(&fd);
	return rc;
}

/* NAME.json, NAME,2.json, NAME,3.json ...; false where there are no more. */
static bool
next_name(const char *target, int number, char name[NAME_MAX + 1])
{
	const char *dot = strrchr(target, '.');
	int base = dot ? (int)(dot - target) : (int)strlen(target);

	if (number == 1)
		(void)snprintf(name, NAME_MAX + 1, "%s", target);
	else
		(void)snprintf(name, NAME_MAX + 1, "%.*s,%d%s",
		    base < NAME_MAX - 20 ? base : NAME_MAX - 20, target, number,
		    dot ? dot : "");
	return number <= NAMES_MAX;
}

/*
 * As io_rename_new(), and never over another file: where the file system has
 * no such rename, a link in its place.
 */
static int
rename_new(int from, const char *file, int to, const char *name)
{
	int rc = renameat2(from, file, to, name, RENAME_NOREPLACE);

	if (rc == 0 || (errno != EINVAL && errno != ENOSYS))
		return rc;
	rc = linkat(from, file, to, name, 0);
	return rc == 0 ? unlinkat(from, file, 0) : rc;
}

/*
 * Rename to the first name that is free. 1: done. 0: the message was there.
 * -1 and errno kept in err: it was not to be renamed.
 */
static int
rename_free(const struct archive *archive, int from, const char *file,
    int message, const char *target, struct error *err)
{
	char name[NAME_MAX + 1];
	int number, there;

	for (number = 1; next_name(target, number, name); number++) {
		if (rename_new(from, file, archive->dir, name) == 0)
			return 1;
		if (errno != EEXIST)
			break;
		there = is_there(archive, name, message, err);
		if (there != 0)
			return there < 0 ? -1 : 0;
		errno = EEXIST;
	}
	return error_system(err, "cannot move a message to the archive");
}

/* The name of a file's draft; one that was left behind is removed. */
static void
begin_draft(const struct archive *archive, const struct stat *st,
    char draft[DRAFT_SIZE])
{
	(void)snprintf(draft, DRAFT_SIZE, ".%llx-%llx.draft",
	    (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
	(void)unlinkat(archive->dir, draft, 0);
}

static int
write_draft(const struct archive *archive, int from, const char *draft,
    struct error *err)
{
	int to = io_create(archive->dir, draft, 0660, err), rc = -1;

	if (to < 0)
		return -1;
	if (copy_bytes(from, to, err) == 0 &&
	    io_fsync(to, "the archive", err) == 0 &&
	    io_close(&to, "the archive", err) == 0)
		rc = 0;
	io_discard(&to);
	return rc;
}

/*
 * Rename the draft and flush that: what is removed next is there for good.
 * The draft is gone, also on failure.
 */
static int
place_draft(const struct archive *archive, const char *draft, int from,
    const char *target, struct error *err)
{
	int rc = rename_free(archive, archive->dir, draft, from, target, err);

	if (rc != 1)
		(void)unlinkat(archive->dir, draft, 0);
	/* Flushed also where it was there: that may not have been. */
	return rc < 0 ? -1 : io_fsync(archive->dir, "the archive", err);
}

static int
copy_file(const struct archive *archive, int from, const struct stat *st,
    const char *target, struct error *err)
{
	char draft[DRAFT_SIZE];

	begin_draft(archive, st, draft);
	if (write_draft(archive, from, draft, err) == 0)
		return place_draft(archive, draft, from, target, err);
	(void)unlinkat(archive->dir, draft, 0);
	return -1;
}

/* The same by a second name of the file, which takes no room. */
static int
link_file(const struct archive *archive, int dir, const char *file, int from,
    const struct stat *st, struct error *err)
{
	char draft[DRAFT_SIZE];

	begin_draft(archive, st, draft);
	if (linkat(dir, file, archive->dir, draft, 0) < 0)
		return copy_file(archive, from, st, file, err);
	if (io_fsync(from, "a file for the archive", err) == 0)
		return place_draft(archive, draft, from, file, err);
	(void)unlinkat(archive->dir, draft, 0);
	return -1;
}

int
archive_copy(
    const struct archive *archive, int dir, const char *file, struct error *err)
{
	struct stat st;
	int from = io_open_file(dir, file, &st, err), rc;

	if (from < 0)
		return -1;
	rc = link_file(archive, dir, file, from, &st, err);
	io_discard(&from);
	return rc;
}

int
archive_move(const struct archive *archive, int dir, const char *file,
    const char *target, struct error *err)
{
	struct error failed = ERROR_INIT;
	struct stat st;
	int from = io_open_file(dir, file, &st, err), rc;

	if (from < 0)
		return -1;
	rc = rename_free(archive, dir, file, from, target, &failed);
	if (rc < 0 && failed.errnum == EXDEV)
		rc = copy_file(archive, from, &st, target, err);
	else if (rc < 0)
		*err = failed;
	io_discard(&from);
	if (rc == 1)
		return 0;
	if (rc == 0 && unlinkat(dir, file, 0) < 0 && errno != ENOENT)
		return error_system(err, "cannot remove an archived message");
	return rc;
}
