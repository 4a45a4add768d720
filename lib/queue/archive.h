/* SPDX-License-Identifier: MIT */
/*
 * archive - a directory for messages that are done
 *
 * A message keeps its name there, without what the runner had added. Nothing
 * is overwritten: where that name is taken by other bytes, a number is added
 * to it, as in NAME,2.json; and where it is taken by the same, the message is
 * there already.
 */
#ifndef HOOKDIR_ARCHIVE_H
#define HOOKDIR_ARCHIVE_H

#include "base/error.h"

struct archive {
	int dir;
};

#define ARCHIVE_INIT                                                           \
	{                                                                      \
		-1                                                             \
	}

/* Open it; made if only its last part is missing. */
int archive_open(struct archive *archive, const char *path, struct error *err);
void archive_close(struct archive *archive);

/*
 * Move a file there. On another file system it is copied and flushed
 * before the first one is removed, so that a power cut leaves one of them.
 * -1: it is where it was.
 */
int archive_move(const struct archive *archive, int dir, const char *file,
    const char *target, struct error *err);

/*
 * Copy a file there, under its own name: a hard link where that is possible.
 * 0: it is in the archive and flushed; the file stays where it is.
 */
int archive_copy(const struct archive *archive, int dir, const char *file,
    struct error *err);

#endif
