/* SPDX-License-Identifier: MIT */
/*
 * spool_mark - ask another program for something, by a file that it watches
 */
#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/io.h"

#define FILE_MODE 0660 /* less the umask */

static bool
is_recent(const struct spool *spool, const char *name)
{
	struct stat st;
	time_t age;

	if (fstatat(spool->root, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	age = clock_now().tv_sec - st.st_mtim.tv_sec;
	return age >= 0 && age < SPOOL_MARK_EVERY;
}

int
spool_mark(const struct spool *spool, const char *name, struct error *err)
{
	int fd;

	if (is_recent(spool, name))
		return 0;
	/* O_NONBLOCK: what is no file must not keep us waiting. */
	do
		fd = openat(spool->root, name,
		    O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		    FILE_MODE);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return error_system(err, "cannot open %s", name);
	if (futimens(fd, NULL) < 0) {
		(void)error_system(err, "cannot set the time of %s", name);
		io_discard(&fd);
		return -1;
	}
	return io_close(&fd, name, err);
}
