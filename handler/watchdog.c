/* SPDX-License-Identifier: MIT */
/*
 * watchdog - no peer holds a thread for ever
 *
 * The watch has a descriptor of its own: libfcgi closes the other when it
 * likes, and its number may then be somebody else's connection.
 */
#include "watchdog.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

void
watch_init(struct watch *watch)
{
	(void)pthread_mutex_init(&watch->lock, NULL);
	watch->fd = -1;
	atomic_init(&watch->begun, INT64_MAX);
	atomic_init(&watch->deadline, INT64_MAX);
	atomic_init(&watch->sending, false);
	atomic_init(&watch->late, false);
}

void
watch_start(struct watch *watch, int fd, int64_t deadline)
{
	(void)pthread_mutex_lock(&watch->lock);
	watch->fd = fd;
	(void)pthread_mutex_unlock(&watch->lock);
	atomic_store(&watch->begun, clock_monotonic());
	atomic_store(&watch->late, false);
	watch_turn(watch, TURN_SENDS, deadline);
}

void
watch_turn(struct watch *watch, enum turn turn, int64_t deadline)
{
	/* In this order a scan never finds an old deadline at our turn. */
	if (turn == TURN_OURS)
		atomic_store(&watch->deadline, INT64_MAX);
	atomic_store(&watch->sending, turn == TURN_SENDS);
	if (turn != TURN_OURS)
		atomic_store(&watch->deadline, deadline);
}

/* The caller holds watch->lock. The peer can still be answered. */
static void
end_sending(struct watch *watch)
{
	atomic_store(&watch->late, true);
	(void)shutdown(watch->fd, SHUT_RD);
}

void
watch_leave(struct watch *watch, int64_t deadline)
{
	atomic_store(&watch->begun, INT64_MIN);
	watch_turn(watch, TURN_SENDS, deadline);
}

void
watch_cut(struct watch *watch)
{
	(void)pthread_mutex_lock(&watch->lock);
	if (watch->fd >= 0)
		end_sending(watch);
	(void)pthread_mutex_unlock(&watch->lock);
}

/* The same, for a peer whose time is over, or that takes no answer. */
static void
cut_off(struct watch *watch)
{
	if (atomic_load(&watch->sending) && !atomic_load(&watch->late))
		end_sending(watch);
	else
		(void)shutdown(watch->fd, SHUT_RDWR);
}

void
watch_stop(struct watch *watch)
{
	watch_turn(watch, TURN_OURS, 0);
	(void)pthread_mutex_lock(&watch->lock);
	(void)close(watch->fd);
	watch->fd = -1;
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
		if (watches[i].fd >= 0 &&
		    is_over(&watches[i], now, begun_before))
			cut_off(&watches[i]);
		(void)pthread_mutex_unlock(&watches[i].lock);
	}
}
