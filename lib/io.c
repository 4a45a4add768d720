/* SPDX-License-Identifier: MIT */
/*
 * io - file primitives that a signal does not disturb
 */
#include "io.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
io_create(int dir, const char *name, mode_t mode, struct error *err)
{
	int fd;

	do {
		fd = openat(dir, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return error_system(err, "cannot create %s", name);
	return fd;
}

int
io_open_dir(int dir, const char *path, struct error *err)
{
	int fd;

	do {
		fd = openat(
		    dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return error_system(err, "cannot open directory %s", path);
	return fd;
}

/* Step over what was written. */
static void
advance(struct iovec **iov, int *count, size_t done)
{
	while (*count > 0 && done >= (*iov)->iov_len) {
		done -= (*iov)->iov_len;
		++*iov;
		--*count;
	}
	if (*count > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + done;
		(*iov)->iov_len -= done;
	}
}

int
io_write_all(
    int fd, struct iovec *iov, int count, const char *what, struct error *err)
{
	ssize_t done;

	advance(&iov, &count, 0);
	while (count > 0) {
		done = writev(fd, iov, count);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return error_system(err, "cannot write %s", what);
		if (done == 0) {
			errno = EIO;
			return error_system(err, "cannot write %s", what);
		}
		advance(&iov, &count, (size_t)done);
	}
	return 0;
}

int
io_fsync(int fd, const char *what, struct error *err)
{
	int rc;

	do {
		rc = fsync(fd);
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return error_system(err, "cannot flush %s", what);
	return 0;
}

int
io_close(int *fd, const char *what, struct error *err)
{
	int rc = close(*fd);

	*fd = -1;
	/* Linux has closed it, whatever close() says: never again. */
	if (rc < 0 && errno != EINTR)
		return error_system(err, "cannot close %s", what);
	return 0;
}

void
io_discard(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}
