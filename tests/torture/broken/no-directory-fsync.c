/* SPDX-License-Identifier: MIT */
/*
 * no-directory-fsync - flushes files before they are renamed, and no name
 *
 * wrap: fstatfs
 * wrap: fsync
 */
#include "flushed_first.h"
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
