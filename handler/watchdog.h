/* SPDX-License-Identifier: MIT */
/*
 * watchdog - no peer holds a thread for ever
 *
 * libfcgi waits without a limit for a peer that stalls. A watch is a thread
 * that serves a connection, with a deadline. watchdog_scan(), which one thread
 * calls every second or so, interrupts the threads whose deadline has passed:
 * the read() or write() inside libfcgi that waits for the peer fails. The
 * connection stays as it is, so that the peer can be answered.
 *
 * An interrupt is a signal, which a thread lets in at the peer's turn alone:
 * nothing else that it does can fail for it. One that comes just before the
 * thread begins to wait is without effect; the next one will have it.
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
	pthread_t thread;
	bool active;		  /* the thread serves a connection */
	_Atomic int64_t begun;	  /* clock_monotonic(): watch_start() */
	_Atomic int64_t deadline; /* clock_monotonic(); INT64_MAX: none */
	_Atomic bool sending;	  /* it is the peer's turn to send */
	_Atomic bool late;	  /* it was cut off while it was */
};

/* Before any thread is started: none but the watched let the signal in. */
void watchdog_init(void);

void watch_init(struct watch *watch);

/* The calling thread serves a connection. The peer sends first. */
void watch_start(struct watch *watch, int64_t deadline);

/*
 * Whose turn it is, and until when; TURN_OURS has no deadline. From the
 * thread of watch_start().
 */
void watch_turn(struct watch *watch, enum turn turn, int64_t deadline);

/*
 * The peer has its answer and may send on until then, for nothing: every
 * scan for WATCH_LEAVING or a later time interrupts that.
 */
void watch_leave(struct watch *watch, int64_t deadline);

#define WATCH_LEAVING (INT64_MIN + 1)

/* Interrupt now, from any thread, a peer that sends; often enough. */
void watch_cut(struct watch *watch);

void watch_stop(struct watch *watch);

/*
 * Cut off every peer whose deadline has passed, and every peer that still
 * sends a request which began before that time.
 */
void watchdog_scan(struct watch *watches, size_t count, int64_t begun_before);

#endif
