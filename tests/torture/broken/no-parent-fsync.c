/* SPDX-License-Identifier: MIT */
/*
 * no-parent-fsync - new/ alone is flushed, and not what it stands in
 *
 * wrap: fsync
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int
__wrap_fsync(int fd)
{
	char link[64], path[4096];
	struct stat st;
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path));
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) &&
	    (len < 4 || memcmp(path + len - 4, "/new", 4) != 0))
		return 0;
	return __real_fsync(fd);
}
