/* SPDX-License-Identifier: MIT */
/*
 * watchdog - no peer holds a thread for ever
 *
 * libfcgi waits without a limit for a peer that stalls. A watch is a
 * connection with a deadline; watchdog_scan(), called every second or so,
 * shuts down those whose deadline has passed, and the thread that waits
 * finds the stream at its end.
 */
#ifndef HOOKDIR_WATCHDOG_H
#define HOOKDIR_WATCHDOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct watch {
	pthread_mutex_t lock;
	int fd;			  /* a duplicate, ours; -1 while idle */
	_Atomic int64_t deadline; /* clock_monotonic(); INT64_MAX: none */
};

/* Takes fd, which must be open; closes it at watch_stop(). */
void watch_start(struct watch *watch, int fd, int64_t microseconds);

/* A new deadline, so many microseconds from now. */
void watch_extend(struct watch *watch, int64_t microseconds);

/* No deadline until the next watch_extend(). */
void watch_pause(struct watch *watch);

void watch_stop(struct watch *watch);

void watch_init(struct watch *watch);

/* Shut down every connection whose time is over. */
void watchdog_scan(struct watch *watches, size_t count);

#endif
