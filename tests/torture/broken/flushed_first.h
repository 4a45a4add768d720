/* SPDX-License-Identifier: MIT */
/*
 * flushed_first - what flushes the file before it renames it
 *
 * That is what the handler does on a file system that it does not know:
 * with this it knows none. Wants "wrap: fstatfs".
 */
#ifndef HOOKDIR_FLUSHED_FIRST_H
#define HOOKDIR_FLUSHED_FIRST_H

#include <errno.h>
#include <sys/vfs.h>

int __wrap_fstatfs(int fd, struct statfs *fs);

int
__wrap_fstatfs(int fd, struct statfs *fs)
{
	(void)fd;
	(void)fs;
	errno = ENOSYS;
	return -1;
}

#endif
