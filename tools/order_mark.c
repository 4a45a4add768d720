/* SPDX-License-Identifier: MIT */
/*
 * order_mark - what an order leaves in the spool
 *
 * latest/GROUP is an empty file whose time of change is the version that
 * was run last: there is nothing in it that could be half written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "io.h"
#include "room.h"
#include "order.h"

int
order_lock(const struct queue *queue, struct error *err)
{
	int fd = io_open_dir(queue->states[QUEUE_CUR], ".", err);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (errno == EWOULDBLOCK) {
		io_discard(&fd);
		return -2;
	}
	(void)error_system(err, "cannot lock cur/");
	io_discard(&fd);
	return -1;
}

/* Nothing else writes here but the one runner that keeps the order. */
static int
remember(int dir, const struct order_message *message, struct error *err)
{
	const struct timespec times[2] = { { 0, UTIME_OMIT },
		message->version };
	int fd, rc = -1;

	(void)unlinkat(dir, ".draft", 0);
	fd = io_create(dir, ".draft", 0660, err);
	if (fd < 0)
		return -1;
	if (futimens(fd, times) < 0 ||
	    renameat(dir, ".draft", dir, message->group) < 0)
		(void)error_system(err, "cannot write to latest/");
	else
		rc = 0;
	io_discard(&fd);
	return rc;
}

int
order_remember(const struct queue *queue, const struct order_message *message,
    struct error *err)
{
	int dir = spool_directory(queue->root, "latest", err), rc;

	if (dir < 0)
		return -1;
	rc = remember(dir, message, err);
	if (rc < 0 && room_regain(queue->root, 0, err))
		rc = remember(dir, message, err);
	io_discard(&dir);
	return rc;
}
