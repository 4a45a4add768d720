/* SPDX-License-Identifier: MIT */
/*
 * watchdog - no peer holds a thread for ever
 *
 * libfcgi waits without a limit for a peer that stalls. A watch is a
 * connection with a deadline. watchdog_scan(), which one thread calls every
 * second or so, shuts down the connections whose deadline has passed; the
 * thread that waits for such a peer then finds the stream at its end.
 */
#ifndef HOOKDIR_WATCHDOG_H
#define HOOKDIR_WATCHDOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "request.h"

struct watch {
	pthread_mutex_t lock;
	int fd;			  /* a duplicate, the watch's; -1 while idle */
	_Atomic int64_t begun;	  /* clock_monotonic(): watch_start() */
	_Atomic int64_t deadline; /* clock_monotonic(); INT64_MAX: none */
	_Atomic bool sending;	  /* it is the peer's turn to send */
	_Atomic bool late;	  /* it was cut off while it was */
};

/*
 * Takes fd, which must be open; closes it at watch_stop(). The peer sends
 * first.
 */
void watch_start(struct watch *watch, int fd, int64_t deadline);

/* Whose turn it is, and until when; TURN_OURS has no deadline. */
void watch_turn(struct watch *watch, enum turn turn, int64_t deadline);

/*
 * End the peer's sending now: the thread that reads finds the end of the
 * stream, and can still answer. From any thread.
 */
void watch_cut(struct watch *watch);

/*
 * The peer has its answer and may send on until then, for nothing: every
 * scan for WATCH_LEAVING or a later time ends its sending.
 */
void watch_leave(struct watch *watch, int64_t deadline);

#define WATCH_LEAVING (INT64_MIN + 1)

void watch_stop(struct watch *watch);

void watch_init(struct watch *watch);

/*
 * Cut off every peer whose deadline has passed, and every peer that still
 * sends a request which began before that time.
 */
void watchdog_scan(struct watch *watches, size_t count, int64_t begun_before);

#endif
