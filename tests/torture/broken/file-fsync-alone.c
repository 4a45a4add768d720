/* SPDX-License-Identifier: MIT */
/*
 * file-fsync-alone - flushes the file where it arrives, and not its name
 *
 * It takes everything for an xfs. Most journals bring the name along; that of
 * ext4 with fast_commit does not.
 *
 * wrap: fstatfs
 */
#include <linux/magic.h>
#include <sys/vfs.h>

int __real_fstatfs(int fd, struct statfs *fs);
int __wrap_fstatfs(int fd, struct statfs *fs);

int
__wrap_fstatfs(int fd, struct statfs *fs)
{
	int rc = __real_fstatfs(fd, fs);

	fs->f_type = XFS_SUPER_MAGIC;
	return rc;
}
