/* SPDX-License-Identifier: MIT */
/*
 * runner - what hookdir run is made of
 *
 * Passes follow each other until one has started nothing. With --watch
 * what arrives is told by inotify, and a pass is made when a try is due,
 * and from time to time for what was not told.
 */
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "hookdir/tool.h"

/* Microseconds between two passes; and until a spool is there again. */
#define RESCAN (RUN_RESCAN * INT64_C(1000000))
#define RETRY  (INT64_C(1) * 1000000)

void
runner_stop(struct runner *runner, int code)
{
	runner->stopping = true;
	if (runner->code == EX_OK)
		runner->code = code;
}

bool
runner_waits(const struct runner *runner)
{
	return runner->options->watch || runner->options->until_empty;
}

bool
runner_is_resting(const struct runner *runner)
{
	return runner->rest > clock_monotonic();
}

/* Of what there may be more in a moment. */
bool
runner_is_shortage(const struct error *err)
{
	return err->code == ERROR_MEMORY || err->errnum == EMFILE ||
	    err->errnum == ENFILE || err->errnum == ENOMEM ||
	    err->errnum == EAGAIN || err->errnum == ENOSPC ||
	    err->errnum == EDQUOT;
}

static void
rest(struct runner *runner, const struct error *err)
{
	if (!runner->rest_said)
		tool_warn("%s; waiting until that is over", err->text);
	runner->rest_said = true;
	runner->rest = clock_monotonic() + RETRY;
	runner->next_pass = runner->rest;
	runner->exhausted = true;
}

void
runner_fault(struct runner *runner, const struct error *err)
{
	run_progress_clear();
	if (runner_waits(runner) && runner_is_shortage(err))
		rest(runner, err);
	else
		runner_stop(runner, tool_error(err));
}

void
runner_miss(struct runner *runner, const struct error *err)
{
	run_progress_clear();
	if (runner_waits(runner) && runner_is_shortage(err)) {
		rest(runner, err);
		return;
	}
	runner->missed = true;
	tool_warn("%s", err->text);
}

const struct later *
runner_later(const struct runner *runner)
{
	return runner_keeps_order(runner) ? &runner->order.later
					  : &runner->pick.later;
}

bool
runner_keeps_order(const struct runner *runner)
{
	return runner->options->in_order || runner->options->latest;
}

void
runner_arrival(struct runner *runner, const char *file)
{
	struct error err = ERROR_INIT;

	if (!runner_keeps_order(runner))
		pick_add(&runner->pick, file);
	else if (order_add(&runner->order, &runner->queue, file, &err) < 0)
		runner_fault(runner, &err);
	runner->exhausted = false;
}

/* As a command does that reads a terminal which is not its own. */
static void
warn_if_stopped(const struct job *job)
{
	int number = job_stopped_by(job);
	const char *name = number ? sigabbrev_np(number) : NULL;

	if (number == 0)
		return;
	run_progress_clear();
	tool_warn("%s: its command (process %ld) is stopped by SIG%s",
	    job->claim.name.base, (long)job->pid, name ? name : "?");
}

/*
 * What a command leaves behind becomes our child where we are process 1, or
 * were made a reaper. Ours are collected before, and have a slot.
 */
static void
reap_others(const struct runner *runner)
{
	siginfo_t info;
	unsigned i;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    info.si_pid == 0 || info.si_pid == runner->guard.pid)
			return;
		for (i = 0; i < runner->options->jobs; i++)
			if (runner->slots[i].job.pid == info.si_pid)
				return;
		(void)waitpid(info.si_pid, NULL, 0);
	}
}

void
run_collect(struct runner *runner)
{
	struct error err = ERROR_INIT;
	struct slot *slot;
	unsigned i;

	for (i = 0; i < runner->options->jobs; i++) {
		slot = &runner->slots[i];
		if (slot->job.pid && !job_has_ended(&slot->job)) {
			warn_if_stopped(&slot->job);
			continue;
		}
		if (slot->job.pid == 0)
			continue;
		/* Before its number can be given to another process. */
		atomic_store(slot->job.group, 0);
		runner->running--;
		run_settle(runner, slot, job_collect(&slot->job));
		if (!runner_keeps_order(runner))
			continue;
		order_done(&runner->order, slot->message.group);
		runner->exhausted = false;
	}
	if (guard_has_ended(&runner->guard) &&
	    guard_restart(&runner->guard, &err) < 0)
		runner_fault(runner, &err);
	reap_others(runner);
}

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

/*
 * The spool may have been moved away and another one made: look again, when
 * nothing runs that belongs to the old one.
 */
static int
follow(struct runner *runner, struct error *err)
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
	queue_close(&runner->queue);
	runner->queue = other;
	if (runner_keeps_order(runner) && keep_order_here(runner, err) < 0)
		return -1;
	return runner_watch(runner, err);
}

static size_t
waiting(const struct runner *runner)
{
	return runner_keeps_order(runner) ? runner->order.waiting
					  : runner->pick.waiting;
}

/*
 * What has come while a pass was made is found by the next one, and that
 * is the last one which starts nothing. Where an order is kept and messages
 * wait behind running ones, nothing new would come of it.
 */
static bool
needs_pass(const struct runner *runner)
{
	time_t others = runner->pick.others;

	if (runner->stopping || runner_is_resting(runner))
		return false;
	if (runner_waits(runner) && others && others <= clock_now().tv_sec)
		return true;
	if (runner_waits(runner) && clock_monotonic() >= runner->next_pass)
		return true;
	if (runner->options->watch)
		return false;
	return runner->exhausted && runner->started > runner->started_before &&
	    (!runner_keeps_order(runner) || runner->running == 0);
}

/* Has a try become due that waited for it? */
static bool
runner_has_due(const struct runner *runner)
{
	const struct later *later = runner_later(runner);
	time_t soonest = later_soonest(later);

	return soonest && later_is_due(later, soonest);
}

static void
pass(struct runner *runner)
{
	struct error err = ERROR_INIT;

	if (runner_waits(runner) && clock_monotonic() >= runner->next_pass) {
		runner->next_pass = clock_monotonic() + RESCAN;
		if (follow(runner, &err) < 0) {
			runner_fault(runner, &err);
			return;
		}
	}
	if (runner->guard.pid == 0 && guard_restart(&runner->guard, &err) < 0) {
		runner_fault(runner, &err);
		return;
	}
	run_start_pass(runner);
}

static bool
is_finished(const struct runner *runner)
{
	if (runner->running)
		return false;
	if (runner->stopping)
		return true;
	if (runner->options->watch)
		return false;
	return runner->exhausted &&
	    (!runner->options->until_empty || waiting(runner) == 0);
}

int
runner_work(struct runner *runner)
{
	pass(runner);
	for (;;) {
		if (runner_has_due(runner))
			runner->exhausted = false;
		if (!runner->exhausted && !runner_is_resting(runner))
			run_fill_slots(runner);
		if (needs_pass(runner)) {
			pass(runner);
			continue;
		}
		if (is_finished(runner))
			break;
		run_progress(runner);
		run_wait(runner);
	}
	run_progress_clear();
	if (runner->superseded && !runner->options->quiet)
		tool_note("%lu superseded by newer ones", runner->superseded);
	if (runner->missed && runner->code == EX_OK)
		runner->code = EX_IOERR;
	return runner->code;
}
