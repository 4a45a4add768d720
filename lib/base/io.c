/* SPDX-License-Identifier: MIT */
/*
 * io - file primitives that a signal does not disturb
 */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
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

static int
each(DIR *list, const char *what, io_visit *visit, void *context,
    struct error *err)
{
	struct dirent *entry;
	int rc = 0;

	while (rc == 0) {
		errno = 0;
		entry = readdir(list);
		if (!entry && errno)
			return error_system(err, "cannot read %s", what);
		if (!entry)
			break;
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			rc = visit(context, dirfd(list), entry, err);
	}
	return rc;
}

int
io_each(int dir, const char *what, io_visit *visit, void *context,
    struct error *err)
{
	struct error failed = ERROR_INIT;
	int fd = io_open_dir(dir, ".", &failed), rc;
	DIR *list = fd < 0 ? NULL : fdopendir(fd);

	if (!list) {
		(void)error_system(err, "cannot read %s", what);
		io_discard(&fd);
		return -1;
	}
	rc = each(list, what, visit, context, err);
	(void)closedir(list);
	return rc;
}

/* O_NONBLOCK: a FIFO that somebody put there is not waited for. */
int
io_open_file(int dir, const char *name, struct stat *st, struct error *err)
{
	int fd;

	do {
		fd = openat(
		    dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return error_system(err, "cannot open %s", name);
	if (fstat(fd, st) == 0) {
		if (S_ISREG(st->st_mode))
			return fd;
		errno = EINVAL;
	}
	(void)error_system(err, "cannot use %s", name);
	(void)close(fd);
	return -1;
}

static int
try_lock(int fd)
{
	int rc;

	do {
		rc = flock(fd, LOCK_EX | LOCK_NB);
	} while (rc < 0 && errno == EINTR);
	return rc;
}

int
io_lock(int *fd, int dir, const char *name, struct error *err)
{
	int other;

	if (try_lock(*fd) == 0)
		return 1;
	if (errno == EBADF) {
		other = openat(
		    dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		/* Another process has taken it away in between. */
		if (other < 0 && (errno == ENOENT || errno == ESTALE))
			return 0;
		if (other < 0)
			return error_system(err,
			    "cannot lock %s: this file system locks only files "
			    "that may be written to",
			    name);
		(void)close(*fd);
		*fd = other;
		if (try_lock(*fd) == 0)
			return 1;
	}
	return errno == EWOULDBLOCK ? 0
				    : error_system(err, "cannot lock %s", name);
}

int
io_rename_new(int from, const char *name, int to, const char *target)
{
	int rc = renameat2(from, name, to, target, RENAME_NOREPLACE);

	/* Not every file system has the flag; our names are unique anyway. */
	if (rc < 0 && (errno == EINVAL || errno == ENOSYS))
		rc = renameat(from, name, to, target);
	return rc;
}

int
io_read_at(int fd, char *room, size_t len, off_t at, size_t *got,
    const char *what, struct error *err)
{
	ssize_t done;

	*got = 0;
	while (*got < len) {
		done = pread(fd, room + *got, len - *got, at + (off_t)*got);
		if (done < 0 && errno == ESPIPE)
			done = read(fd, room + *got, len - *got);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return error_system(err, "cannot read %s", what);
		if (done == 0)
			break;
		*got += (size_t)done;
	}
	return 0;
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

/*
 * A look at the file afterwards: an xfs that has shut itself down says 0 to
 * the flush of a directory, and an error to this.
 */
int
io_fsync(int fd, const char *what, struct error *err)
{
	struct stat st;
	int rc;

	do {
		rc = fsync(fd);
	} while (rc < 0 && errno == EINTR);
	if (rc < 0 || fstat(fd, &st) < 0)
		return error_system(err, "cannot flush %s", what);
	return 0;
}

/*
 * To remove what is not there begins a change, and no ext4 that has given up
 * lets one begin. Other refusals say nothing about that.
 */
int
io_check_sound(int fd, const char *what, struct error *err)
{
	if (fremovexattr(fd, "user.hookdir.sound") < 0 &&
	    (errno == EROFS || errno == EIO))
		return error_system(err, "cannot flush %s", what);
	return 0;
}

int
io_write_out(int fd, const char *what, struct error *err)
{
	int rc;

	do {
		rc = sync_file_range(fd, 0, 0,
		    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
			SYNC_FILE_RANGE_WAIT_AFTER);
	} while (rc < 0 && errno == EINTR);
	/* Some sandboxes do not know the call: a flush does that, and more. */
	if (rc < 0 && (errno == ENOSYS || errno == EPERM))
		return io_fsync(fd, what, err);
	if (rc < 0)
		return error_system(err, "cannot write out %s", what);
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

void
io_fill_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}
