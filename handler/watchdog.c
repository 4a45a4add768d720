/* SPDX-License-Identifier: MIT */
/*
 * watchdog - no peer holds a thread for ever
 */
#include "watchdog.h"

#include <signal.h>
#include <string.h>

#include "base/clock.h"

/* By itself it does nothing, and no operator sends it. */
#define INTERRUPT SIGURG

static void
do_nothing(int signal_number)
{
	(void)signal_number;
}

static void
let_in(bool interrupts)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, INTERRUPT);
	(void)pthread_sigmask(interrupts ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

void
watchdog_init(void)
{
	struct sigaction action;

	/* Without SA_RESTART: what it interrupts must not go on. */
	memset(&action, 0, sizeof(action));
	action.sa_handler = do_nothing;
	(void)sigaction(INTERRUPT, &action, NULL);
	let_in(false);
}

void
watch_init(struct watch *watch)
{
	(void)pthread_mutex_init(&watch->lock, NULL);
	watch->active = false;
	atomic_init(&watch->begun, INT64_MAX);
	atomic_init(&watch->deadline, INT64_MAX);
	atomic_init(&watch->sending, false);
	atomic_init(&watch->late, false);
}

void
watch_start(struct watch *watch, int64_t deadline)
{
	atomic_store(&watch->begun, clock_monotonic());
	atomic_store(&watch->late, false);
	(void)pthread_mutex_lock(&watch->lock);
	watch->thread = pthread_self();
	watch->active = true;
	(void)pthread_mutex_unlock(&watch->lock);
	watch_turn(watch, TURN_SENDS, deadline);
}

void
watch_turn(struct watch *watch, enum turn turn, int64_t deadline)
{
	let_in(turn != TURN_OURS);
	/* In this order a scan never finds an old deadline at our turn. */
	if (turn == TURN_OURS)
		atomic_store(&watch->deadline, INT64_MAX);
	atomic_store(&watch->sending, turn == TURN_SENDS);
	if (turn != TURN_OURS)
		atomic_store(&watch->deadline, deadline);
}

void
watch_leave(struct watch *watch, int64_t deadline)
{
	atomic_store(&watch->begun, INT64_MIN);
	watch_turn(watch, TURN_SENDS, deadline);
}

/* The caller holds watch->lock, so the thread is at the same connection. */
static void
interrupt(struct watch *watch)
{
	if (atomic_load(&watch->sending))
		atomic_store(&watch->late, true);
	(void)pthread_kill(watch->thread, INTERRUPT);
}

void
watch_cut(struct watch *watch)
{
	(void)pthread_mutex_lock(&watch->lock);
	if (watch->active)
		interrupt(watch);
	(void)pthread_mutex_unlock(&watch->lock);
}

void
watch_stop(struct watch *watch)
{
	watch_turn(watch, TURN_OURS, 0);
	(void)pthread_mutex_lock(&watch->lock);
	watch->active = false;
	(void)pthread_mutex_unlock(&watch->lock);
}

static bool
is_over(struct watch *watch, int64_t now, int64_t begun_before)
{
	if (atomic_load(&watch->deadline) <= now)
		return true;
	return atomic_load(&watch->sending) &&
	    atomic_load(&watch->begun) < begun_before;
}

void
watchdog_scan(struct watch *watches, size_t count, int64_t begun_before)
{
	int64_t now = clock_monotonic();
	size_t i;

	for (i = 0; i < count; i++) {
		if (!is_over(&watches[i], now, begun_before))
			continue;
		(void)pthread_mutex_lock(&watches[i].lock);
		/* Once more, under the lock: it may be another request. */
		if (watches[i].active &&
		    is_over(&watches[i], now, begun_before))
			interrupt(&watches[i]);
		(void)pthread_mutex_unlock(&watches[i].lock);
	}
}
