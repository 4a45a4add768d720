/* SPDX-License-Identifier: MIT */
/*
 * flushes - what has to be flushed before a file and its name are durable
 *
 * Less than "the file, then the rename, then the directory" only where power
 * cuts have proved it.
 */
#include "spool/flushes.h"

#include <linux/magic.h>
#include <sys/vfs.h>

/*
 * A rename is one entry of the log, with both directories and the file: the
 * flush of the file takes the log that far.
 */
static const struct flushes xfs = { .writes_out = true, .file = true };

/*
 * The flush of a directory has the whole journal written, where that of a
 * file may write something shorter (fast_commit); that of the file has the
 * disk flushed as well, wherever the journal is, and writes the inode where
 * there is none. Both say that all is well when the journal was given up.
 */
static const struct flushes ext4 = {
	.writes_out = true, .directory = true, .file = true, .look = true
};

/* The old ext2 driver, or an ext4 whose inodes are small */
static const struct flushes ext2 = { .directory = true, .look = true };

static const struct flushes unknown = { .directory = true };

struct flushes
flushes_needed(int directory, const struct statx *st)
{
	struct statfs fs;

	if (fstatfs(directory, &fs) < 0)
		return unknown;
	if (fs.f_type == XFS_SUPER_MAGIC)
		return xfs;
	if (fs.f_type != EXT4_SUPER_MAGIC)
		return unknown;
	/* The old ext2 driver has the same number, and no times of birth. */
	return st->stx_btime.tv_sec != 0 ? ext4 : ext2;
}
