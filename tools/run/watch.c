/* SPDX-License-Identifier: MIT */
/*
 * watch - have what arrives told by inotify, and follow a spool that moves
 */
#include "run/watch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>

#include "run/feed.h"
#include "base/io.h"
#include "hookdir/tool.h"

/* Microseconds until it is looked for again. */
#define RETRY (INT64_C(1) * 1000000)

/* Only names that are complete when they come: no file being written. */
static int
watch(struct runner *runner, struct error *err)
{
	char path[PATH_MAX + 8];

	(void)snprintf(path, sizeof(path), "%s/new", runner->queue.path);
	io_discard(&runner->inotify);
	runner->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (runner->inotify >= 0 &&
	    inotify_add_watch(runner->inotify, path,
		IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF |
		    IN_ONLYDIR) >= 0)
		return 0;
	(void)error_system(err, "cannot watch %s", path);
	io_discard(&runner->inotify);
	return -1;
}

int
runner_watch(struct runner *runner, struct error *err)
{
	struct error failed = ERROR_INIT;

	if (watch(runner, &failed) == 0) {
		runner->unwatched_said = false;
		return 0;
	}
	if (!runner_is_shortage(&failed) && failed.errnum != ENOSYS) {
		*err = failed;
		return -1;
	}
	if (!runner->unwatched_said)
		tool_warn("%s; looking once a second", failed.text);
	runner->unwatched_said = true;
	runner->next_pass = clock_monotonic() + RETRY;
	return 0;
}

/* The lock of the old spool says nothing about the new one. */
static int
keep_order_here(struct runner *runner, struct error *err)
{
	io_discard(&runner->order_lock);
	if (queue_directory(&runner->queue, QUEUE_CUR, err) < 0)
		return -1;
	runner->order_lock = order_lock(&runner->queue, err);
	if (runner->order_lock == -2)
		(void)error_set(err, ERROR_CONFIGURATION,
		    "another run keeps order in the new spool");
	return runner->order_lock < 0 ? -1 : 0;
}

int
runner_follow(struct runner *runner, struct error *err)
{
	struct error missing = ERROR_INIT;
	struct queue other;

	if (runner->running)
		return 0;
	if (queue_open(&other, runner->queue.path, &missing) < 0) {
		/* The handler will make it again. */
		runner->next_pass = clock_monotonic() + RETRY;
		if (missing.errnum == ENOENT)
			return 0;
		*err = missing;
		return -1;
	}
	if (queue_owns(&other, runner->queue.states[QUEUE_NEW])) {
		queue_close(&other);
		if (runner_keeps_order(runner) && runner->order_lock < 0 &&
		    keep_order_here(runner, err) < 0)
			return -1;
		return runner->inotify < 0 ? runner_watch(runner, err) : 0;
	}
	/* The commands' locks are in the old one. */
	if (feed_count_living(runner) > 0) {
		queue_close(&other);
		feed_end_all(runner);
		runner->next_pass = clock_monotonic() + RETRY;
		return 0;
	}
	queue_close(&runner->queue);
	runner->queue = other;
	if (runner->window &&
	    living_begin(&runner->living, &runner->queue, err) < 0)
		return -1;
	if (runner_keeps_order(runner) && keep_order_here(runner, err) < 0)
		return -1;
	return runner_watch(runner, err);
}
