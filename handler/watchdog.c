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

#include "clock.h"

void
watch_init(struct watch *watch)
{
	(void)pthread_mutex_init(&watch->lock, NULL);
	watch->fd = -1;
	atomic_init(&watch->deadline, INT64_MAX);
}

void
watch_start(struct watch *watch, int fd, int64_t microseconds)
{
	(void)pthread_mutex_lock(&watch->lock);
	watch->fd = fd;
	(void)pthread_mutex_unlock(&watch->lock);
	watch_extend(watch, microseconds);
}

void
watch_extend(struct watch *watch, int64_t microseconds)
{
	atomic_store(&watch->deadline, clock_monotonic() + microseconds);
}

void
watch_pause(struct watch *watch)
{
	atomic_store(&watch->deadline, INT64_MAX);
}

void
watch_stop(struct watch *watch)
{
	watch_pause(watch);
	(void)pthread_mutex_lock(&watch->lock);
	(void)close(watch->fd);
	watch->fd = -1;
	(void)pthread_mutex_unlock(&watch->lock);
}

void
watchdog_scan(struct watch *watches, size_t count)
{
	int64_t now = clock_monotonic();
	size_t i;

	for (i = 0; i < count; i++) {
		if (atomic_load(&watches[i].deadline) > now)
			continue;
		(void)pthread_mutex_lock(&watches[i].lock);
		/* Once more, under the lock: it may be another request. */
		if (watches[i].fd >= 0 &&
		    atomic_load(&watches[i].deadline) <= now)
			(void)shutdown(watches[i].fd, SHUT_RDWR);
		(void)pthread_mutex_unlock(&watches[i].lock);
	}
}
