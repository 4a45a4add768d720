/* SPDX-License-Identifier: MIT */
/*
 * trusted-flush - takes the kernel's word for a directory that was flushed
 *
 * On xfs that is none: where the file system has shut itself down, there is
 * nothing left to be flushed, and all is said to be well.
 *
 * wrap: fstat
 * wrap: fstatfs
 */
#include "flushed_first.h"
#include <sys/stat.h>

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);

int
__wrap_fstat(int fd, struct stat *st)
{
	int rc = __real_fstat(fd, st);

	return rc < 0 && errno == EIO ? 0 : rc;
}
