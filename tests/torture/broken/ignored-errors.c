/* SPDX-License-Identifier: MIT */
/*
 * ignored-errors - flushes all, and takes it for granted that it went well
 *
 * wrap: fsync
 * wrap: fremovexattr
 * wrap: sync_file_range
 */
#include <fcntl.h>

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fremovexattr(int fd, const char *name);
int __real_sync_file_range(int fd, off_t from, off_t len, unsigned flags);
int __wrap_sync_file_range(int fd, off_t from, off_t len, unsigned flags);

int
__wrap_fsync(int fd)
{
	(void)__real_fsync(fd);
	return 0;
}

int
__wrap_fremovexattr(int fd, const char *name)
{
	(void)fd;
	(void)name;
	return 0;
}

int
__wrap_sync_file_range(int fd, off_t from, off_t len, unsigned flags)
{
	(void)__real_sync_file_range(fd, from, len, flags);
	return 0;
}
