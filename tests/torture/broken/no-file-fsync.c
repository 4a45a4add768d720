/* SPDX-License-Identifier: MIT */
/*
 * no-file-fsync - names are flushed, and what the files say is not
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

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	return __real_fsync(fd);
}
