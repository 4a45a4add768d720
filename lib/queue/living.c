/* SPDX-License-Identifier: MIT */
/*
 * living - which commands of run --pipe still live, also without their run
 */
#include "queue/living.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "spool/room.h"

#define FILE_NAME  ".pipe"
#define RANGES	   64  /* runners on one spool */
#define RANGE_SIZE 512 /* one byte for the runner, the others for commands */

static int
open_file(const struct queue *queue, int flags, struct error *err)
{
	int fd = openat(
	    queue->root, FILE_NAME, O_NOFOLLOW | O_CLOEXEC | flags, 0660);

	if (fd < 0)
		(void)error_system(
		    err, "cannot open %s/" FILE_NAME, queue->path);
	return fd;
}

static struct flock
bytes(short type, unsigned range, unsigned first, unsigned count)
{
	return (struct flock){ .l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)range * RANGE_SIZE + first,
		.l_len = (off_t)count };
}

/* 1: locked. 0: another process has one of these bytes. */
static int
lock(int fd, struct flock wanted, struct error *err)
{
	if (fcntl(fd, F_OFD_SETLK, &wanted) == 0)
		return 1;
	if (errno == EAGAIN || errno == EACCES)
		return 0;
	return error_system(err, "cannot lock " FILE_NAME);
}

static int
is_locked(int fd, struct flock wanted, struct error *err)
{
	if (fcntl(fd, F_OFD_GETLK, &wanted) < 0)
		return error_system(err, "cannot look at " FILE_NAME);
	return wanted.l_type != F_UNLCK;
}

/* The first range in which nothing lives; of it, keep the first byte. */
static int
take_range(struct living *living, struct error *err)
{
	struct flock others;
	int rc = 0;

	for (living->range = 0; living->range < RANGES; living->range++) {
		rc = lock(living->fd,
		    bytes(F_WRLCK, living->range, 0, RANGE_SIZE), err);
		if (rc != 0)
			break;
	}
	if (rc == 0)
		return error_set(err, ERROR_CONFIGURATION,
		    "more than %d runs with --pipe on this spool", RANGES);
	others = bytes(F_UNLCK, living->range, 1, RANGE_SIZE - 1);
	return rc < 0 ? -1 : lock(living->fd, others, err) == 1 ? 0 : -1;
}

/*
 * Made by root, it is for those whom the spool belongs to all the same. Where
 * that fails, another process has made it.
 */
static void
share(int fd, const struct queue *queue)
{
	struct stat root;

	if (geteuid() != 0 || fstat(queue->root, &root) < 0 ||
	    fchown(fd, root.st_uid, root.st_gid) < 0)
		return;
	(void)fchmod(fd, 0660);
}

int
living_begin(
    struct living *living, const struct queue *queue, struct error *err)
{
	living_end(living);
	living->fd = open_file(queue, O_RDWR | O_CREAT, err);
	if (living->fd < 0 && room_regain(queue->root, 0, err))
		living->fd = open_file(queue, O_RDWR | O_CREAT, err);
	if (living->fd >= 0)
		share(living->fd, queue);
	if (living->fd >= 0 && take_range(living, err) == 0)
		return 0;
	living_end(living);
	return -1;
}

void
living_end(struct living *living)
{
	io_discard(&living->fd);
}

int
living_lock(const struct living *living, const struct queue *queue,
    unsigned slot, struct error *err)
{
	int fd = open_file(queue, O_RDWR, err), rc;

	if (fd < 0)
		return -1;
	rc = lock(fd, bytes(F_WRLCK, living->range, slot + 1, 1), err);
	if (rc == 1)
		return fd;
	if (rc == 0)
		(void)error_set(err, ERROR_CONFIGURATION,
		    FILE_NAME " is locked by another process");
	io_discard(&fd);
	return -1;
}

void
living_unlock(int *fd)
{
	struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	if (*fd >= 0)
		(void)fcntl(*fd, F_OFD_SETLK, &all);
	io_discard(fd);
}

static int
has_orphan(int fd, unsigned range, struct error *err)
{
	int rc = is_locked(fd, bytes(F_WRLCK, range, 0, 1), err);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return is_locked(fd, bytes(F_WRLCK, range, 1, RANGE_SIZE - 1), err);
}

int
living_orphans(const struct queue *queue, struct error *err)
{
	struct error failed = ERROR_INIT;
	int fd = open_file(queue, O_RDONLY, &failed), rc = 0;
	unsigned range;

	if (fd < 0 && failed.errnum == ENOENT)
		return 0;
	if (fd < 0) {
		*err = failed;
		return -1;
	}
	for (range = 0; range < RANGES && rc == 0; range++)
		rc = has_orphan(fd, range, err);
	io_discard(&fd);
	return rc;
}

enum claim_result
living_take_over(struct queue *queue, const char *file, struct claim *claim,
    struct error *err)
{
	enum claim_result rc = claim_take_over(queue, file, claim, err);
	int orphans;

	if (rc != CLAIM_TAKEN)
		return rc;
	/* Its runner is dead: only now it is known whose command may live. */
	orphans = living_orphans(queue, err);
	if (orphans == 0)
		return CLAIM_TAKEN;
	claim_leave(claim);
	return orphans < 0 ? CLAIM_FAILED : CLAIM_HELD;
}
