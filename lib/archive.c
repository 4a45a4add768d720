/* SPDX-License-Identifier: MIT */
/*
 * archive - a directory for messages that are done
 *
 * Copying goes by a name of its own, which begins with a dot, so that
 * nobody takes half a file for a message.
 */
#include "archive.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

#define BLOCK ((size_t)64 << 10)

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

/* Write, flush, rename, flush: what is removed next is there for good. */
static int
copy_file(const struct archive *archive, int from, const char *target,
    struct error *err)
{
	char draft[NAME_MAX + 16];
	int to, rc = -1;

	/* One that was left behind is replaced when the message comes again. */
	(void)snprintf(draft, sizeof(draft), ".%s.draft", target);
	(void)unlinkat(archive->dir, draft, 0);
	to = io_create(archive->dir, draft, 0660, err);
	if (to < 0)
		return -1;
	if (copy_bytes(from, to, err) < 0 ||
	    io_fsync(to, "the archive", err) < 0 ||
	    io_close(&to, "the archive", err) < 0)
		goto out;
	if (renameat(archive->dir, draft, archive->dir, target) < 0)
		(void)error_system(err, "cannot rename %s", draft);
	else
		rc = io_fsync(archive->dir, "the archive", err);
out:
	io_discard(&to);
	if (rc < 0)
		(void)unlinkat(archive->dir, draft, 0);
	return rc;
}

int
archive_move(const struct archive *archive, int dir, const char *file,
    const char *target, struct error *err)
{
	struct stat st;
	int from, rc;

	if (renameat(dir, file, archive->dir, target) == 0) {
		/* Of two names of one file, rename(2) leaves both. */
		(void)unlinkat(dir, file, 0);
		return 0;
	}
	if (errno != EXDEV)
		return error_system(
		    err, "cannot move a message to the archive");
	from = io_open_file(dir, file, &st, err);
	if (from < 0)
		return -1;
	rc = copy_file(archive, from, target, err);
	io_discard(&from);
	if (rc == 0 && unlinkat(dir, file, 0) < 0)
		return error_system(err, "cannot remove an archived message");
	return rc;
}
