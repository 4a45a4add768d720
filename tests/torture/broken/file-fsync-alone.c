/* SPDX-License-Identifier: MIT */
/*
 * file-fsync-alone - flushes the file where it arrives, and not its name
 *
 * Most journals bring the name along. That of ext4 with fast_commit does not.
 *
 * wrap: fsync
 */
#include <sys/stat.h>

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int
__wrap_fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return __real_fsync(fd);
}
