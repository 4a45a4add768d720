/* SPDX-License-Identifier: MIT */
/*
 * listener - connections, for whichever thread waits for one
 *
 * A connection wakes one thread, of those that wait the one that came last:
 * its memory is still in the processor's cache.
 */
#ifndef HOOKDIR_LISTENER_H
#define HOOKDIR_LISTENER_H

struct listener {
	int fd;	     /* the listening socket */
	int events;  /* epoll(7) */
	int wake[2]; /* closed at its writing end: stop */
};

#define LISTENER_STOPPED (-1)
#define LISTENER_BROKEN	 (-2)

/*
 * fd stays the caller's and must stay open; it becomes non-blocking, because
 * another process may take the connection that we were told of. 0, or -1 and
 * errno. There is no end to it: the process ends.
 */
int listener_init(struct listener *listener, int fd);

/*
 * Wait for a connection. The descriptor is the caller's; or
 * LISTENER_STOPPED, or LISTENER_BROKEN, which it has then said in the log.
 * Out of descriptors or memory it goes on trying.
 */
int listener_accept(const struct listener *listener);

/* Has every listener_accept() return, now and from now on. Once. */
void listener_stop(struct listener *listener);

#endif
