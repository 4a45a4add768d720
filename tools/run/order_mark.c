/* SPDX-License-Identifier: MIT */
/*
 * order_mark - what an order leaves in the spool
 *
 * latest/GROUP is an empty file whose time of change is the version that
 * was run last, and latest/GROUP.seen one for the version that was done
 * last: there is nothing in them that could be half written, and they take
 * no room on a full disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/io.h"
#include "spool/room.h"
#include "run/order.h"

#define SEEN ".seen"

/* NFS locks a directory for this machine alone, or refuses to. */
static bool
locks_directories(int dir)
{
	struct statfs fs;

	return fstatfs(dir, &fs) < 0 || fs.f_type != NFS_SUPER_MAGIC;
}

int
order_lock(const struct queue *queue, struct error *err)
{
	int cur = queue->states[QUEUE_CUR], fd = -1;

	errno = EBADF;
	if (locks_directories(cur)) {
		fd = io_open_dir(cur, ".", err);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
	}
	if (errno == EBADF) {
		io_discard(&fd);
		fd = openat(cur, ".lock",
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0660);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
	}
	if (errno == EWOULDBLOCK) {
		io_discard(&fd);
		return -2;
	}
	(void)error_system(err, "cannot lock cur/");
	io_discard(&fd);
	return -1;
}

/*
 * Beside it and then renamed: one that is new has its version from the
 * beginning. Nothing else writes here but the one runner that keeps the order.
 */
static int
write_mark(int dir, const char *name, const struct timespec times[2],
    struct error *err)
{
	int fd, rc = -1;

	(void)unlinkat(dir, ".draft", 0);
	fd = io_create(dir, ".draft", 0660, err);
	if (fd < 0)
		return -1;
	if (futimens(fd, times) < 0 || renameat(dir, ".draft", dir, name) < 0)
		(void)error_system(err, "cannot write to latest/");
	else
		rc = 0;
	io_discard(&fd);
	return rc;
}

static int
create_mark(const struct queue *queue, const char *name,
    const struct timespec times[2], struct error *err)
{
	int dir = spool_directory(queue->root, "latest", err), rc;

	if (dir < 0)
		return -1;
	rc = write_mark(dir, name, times, err);
	if (rc < 0 && room_regain(queue->root, 0, err))
		rc = write_mark(dir, name, times, err);
	io_discard(&dir);
	return rc;
}

static int
mark(const struct queue *queue, const char *name, struct timespec version,
    struct error *err)
{
	const struct timespec times[2] = { { 0, UTIME_OMIT }, version };
	char path[sizeof("latest/") + SHA256_HEX_SIZE + sizeof(SEEN)];

	(void)snprintf(path, sizeof(path), "latest/%s", name);
	if (utimensat(queue->root, path, times, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	/* It is not there, or another user's. */
	return create_mark(queue, name, times, err);
}

int
order_remember(const struct queue *queue, const struct order_message *message,
    struct error *err)
{
	return mark(queue, message->group, message->version, err);
}

int
order_remember_done(const struct queue *queue,
    const struct order_message *message, struct error *err)
{
	char name[SHA256_HEX_SIZE + sizeof(SEEN)];

	(void)snprintf(name, sizeof(name), "%s" SEEN, message->group);
	return mark(queue, name, message->version, err);
}

void
order_seen(
    const struct queue *queue, const char *group, char text[CLOCK_RFC3339_SIZE])
{
	char path[sizeof("latest/") + SHA256_HEX_SIZE + sizeof(SEEN)];
	struct stat st;

	(void)snprintf(path, sizeof(path), "latest/%s" SEEN, group);
	text[0] = '\0';
	if (fstatat(queue->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		clock_rfc3339(st.st_mtim, text);
}
