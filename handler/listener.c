/* SPDX-License-Identifier: MIT */
/*
 * listener - connections, for whichever thread waits for one
 *
 * The socket's event is given out once and then off, until whoever has it
 * has accepted: with it always on, every connection would wake several.
 */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

#define PAUSE_MS 50

/* Have the next connection wake a thread: -1 and errno if it will not. */
static int
arm(const struct listener *listener, int operation)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT,
		.data.fd = listener->fd };

	return epoll_ctl(listener->events, operation, listener->fd, &event);
}

int
listener_init(struct listener *listener, int fd)
{
	struct epoll_event stop = { .events = EPOLLIN };
	int flags = fcntl(fd, F_GETFL);

	listener->fd = fd;
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    pipe2(listener->wake, O_CLOEXEC) < 0)
		return -1;
	stop.data.fd = listener->wake[0];
	listener->events = epoll_create1(EPOLL_CLOEXEC);
	if (listener->events < 0 || arm(listener, EPOLL_CTL_ADD) < 0)
		return -1;
	return epoll_ctl(
	    listener->events, EPOLL_CTL_ADD, listener->wake[0], &stop);
}

void
listener_stop(struct listener *listener)
{
	(void)close(listener->wake[1]);
}

/* Descriptors or memory ran out: others may give some back. */
static bool
is_shortage(int errnum)
{
	return errnum == EMFILE || errnum == ENFILE || errnum == ENOMEM ||
	    errnum == ENOBUFS;
}

/* A connection that failed before we got it, or a signal, or nothing. */
static bool
is_passing(int errnum)
{
	static const int passing[] = { EAGAIN, EINTR, ECONNABORTED, EPROTO,
		EPERM, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET,
		ENOPROTOOPT };
	size_t i;

	for (i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (errnum == passing[i])
			return true;
	return false;
}

static int
broken(int errnum)
{
	log_event(
	    LOG_PRIORITY_ERROR, "listener-broken", strerrordesc_np(errnum));
	return LISTENER_BROKEN;
}

/*
 * 0 when the socket's event is this thread's. A socket that was shut down is
 * gone, and says EAGAIN for ever.
 */
static int
wait_for_event(const struct listener *listener, bool *gone)
{
	struct epoll_event got[2];
	int count, i;

	do {
		count = epoll_wait(listener->events, got, 2, -1);
	} while (count < 0 && errno == EINTR);
	if (count < 0)
		return broken(errno);
	for (i = 0; i < count; i++)
		if (got[i].data.fd == listener->wake[0])
			return LISTENER_STOPPED;
	*gone = got[0].events & (EPOLLERR | EPOLLHUP);
	return 0;
}

/*
 * As accept4(), with errno in *errnum. Out of descriptors or memory it is
 * tried again, by this thread alone; EAGAIN when it is to stop.
 */
static int
take_connection(const struct listener *listener, int *errnum)
{
	struct pollfd stopped = { listener->wake[0], 0, 0 };
	bool said = false;
	int fd;

	for (;;) {
		fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
		*errnum = errno;
		if (fd >= 0 || !is_shortage(*errnum))
			return fd;
		if (!said)
			log_event(LOG_PRIORITY_ERROR, "accept-failed",
			    strerrordesc_np(*errnum));
		said = true;
		if (poll(&stopped, 1, PAUSE_MS) > 0) {
			*errnum = EAGAIN;
			return -1;
		}
	}
}

int
listener_accept(const struct listener *listener)
{
	int fd, errnum, rc;
	bool gone;

	for (;;) {
		rc = wait_for_event(listener, &gone);
		if (rc < 0)
			return rc;
		fd = take_connection(listener, &errnum);
		if (fd < 0 && (gone || !is_passing(errnum)))
			return broken(errnum);
		if (arm(listener, EPOLL_CTL_MOD) < 0) {
			errnum = errno;
			if (fd >= 0)
				(void)close(fd);
			return broken(errnum);
		}
		if (fd >= 0)
			return fd;
	}
}
