/* SPDX-License-Identifier: MIT */
/*
 * rename-before-file-fsync - does all that is to be done, in a wrong order
 *
 * Everything is flushed before the answer, so nothing acknowledged is lost;
 * but the name can be there for good a moment before the content is.
 *
 * wrap: fsync renameat2 sync_file_range
 */
#include "no-write-out.c"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOMENT 3000 /* microseconds */

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat2(
    int from, const char *name, int to, const char *target, unsigned flags);
int __wrap_renameat2(
    int from, const char *name, int to, const char *target, unsigned flags);

int
__wrap_fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	return __real_fsync(fd);
}

int
__wrap_renameat2(
    int from, const char *name, int to, const char *target, unsigned flags)
{
	int rc = __real_renameat2(from, name, to, target, flags), fd;

	if (rc < 0)
		return rc;
	if (__real_fsync(to) < 0)
		return -1;
	(void)usleep(MOMENT);
	fd = openat(to, target, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || __real_fsync(fd) < 0)
		rc = -1;
	if (fd >= 0)
		(void)close(fd);
	return rc;
}
