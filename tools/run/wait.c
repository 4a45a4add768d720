/* SPDX-License-Identifier: MIT */
/*
 * wait - wait until something happens
 *
 * A command has ended or written something, a message has come, a signal,
 * or a time: nothing is looked at again and again.
 */
#include "run/wait.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "run/feed.h"
#include "run/one.h"
#include "run/progress.h"
#include "run/start.h"
#include "hookdir/tool.h"

/* So much of an output at a time: the others are to have their turn. */
#define READ_MAX ((size_t)64 << 10)

static const char *
name_of(const struct slot *slot)
{
	return slot->feed ? "--pipe" : slot->task.claim.name.base;
}

static void
warn_unreachable(const struct slot *slot)
{
	run_progress_clear();
	tool_warn("%s: its command (process %ld) is to end and may not be "
		  "signalled by this user; waiting for its end",
	    name_of(slot), (long)slot->job.pid);
}

/* The first time: no more claims. The second: no more patience. */
static void
take_signal(struct runner *runner)
{
	struct job *job;
	unsigned i;

	runner->hurried = runner->interrupted;
	runner->interrupted = true;
	runner_stop(runner, EX_OK);
	run_progress_clear();
	if (runner->running && !runner->hurried && isatty(STDERR_FILENO))
		tool_warn("waiting for %u running; once more kills them",
		    runner->running);
	for (i = 0; runner->hurried && i < runner->options->jobs; i++) {
		job = &runner->slots[i].job;
		if (!job->pid || job->killed)
			continue;
		job_stop(job);
		if (job->unreachable)
			warn_unreachable(&runner->slots[i]);
	}
}

/* As a command does that reads a terminal which is not its own. */
static void
warn_if_stopped(const struct slot *slot)
{
	int number = job_stopped_by(&slot->job);
	const char *name = number ? sigabbrev_np(number) : NULL;

	if (number == 0)
		return;
	run_progress_clear();
	tool_warn("%s: its command (process %ld) is stopped by SIG%s",
	    name_of(slot), (long)slot->job.pid, name ? name : "?");
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

static void
collect_slot(struct runner *runner, struct slot *slot)
{
	if (slot->job.pid == 0)
		return;
	if (!job_has_ended(&slot->job)) {
		warn_if_stopped(slot);
		return;
	}
	/* Before its number can be given to another process. */
	atomic_store(slot->job.group, 0);
	if (slot->feed)
		feed_ended(runner, slot);
	else
		one_ended(runner, slot, job_collect(&slot->job));
}

/* See which commands have ended. */
static void
collect(struct runner *runner)
{
	struct error err = ERROR_INIT;
	unsigned i;

	for (i = 0; i < runner->options->jobs; i++)
		collect_slot(runner, &runner->slots[i]);
	if (guard_has_ended(&runner->guard) &&
	    guard_restart(&runner->guard, &err) < 0)
		runner_fault(runner, &err);
	reap_others(runner);
}

static void
read_signals(struct runner *runner)
{
	struct signalfd_siginfo info;

	while (read(runner->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGCHLD)
			collect(runner);
		else
			take_signal(runner);
}

static void
read_arrivals(struct runner *runner)
{
	char room[4096] __attribute__((aligned(8)));
	const struct inotify_event *event;
	ssize_t got, at;

	while ((got = read(runner->inotify, room, sizeof(room))) > 0)
		for (at = 0; at < got;
		     at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const void *)(room + at);
			if (event->len)
				runner_arrival(runner, event->name);
			else
				runner->next_pass = 0;
		}
}

/* When the next try is due, or a job is over its time. */
static int64_t
next_event(const struct runner *runner)
{
	const struct timespec now = clock_now();
	const time_t soonest = later_soonest(runner_later(runner));
	int64_t first = INT64_MAX, due, deadline;
	bool room = false;
	unsigned i;

	for (i = 0; i < runner->options->jobs; i++) {
		deadline = runner->slots[i].job.deadline;
		room = room || run_has_room(runner, &runner->slots[i]);
		if (runner->slots[i].job.pid && deadline && deadline < first)
			first = deadline;
	}
	if (runner->stopping)
		return first;
	/* There is room, and not all that there is was looked at. */
	if (!runner->exhausted && room && !runner_is_resting(runner))
		return 0;
	if (!runner_waits(runner))
		return first;
	if (soonest && room) {
		due = (int64_t)(soonest - now.tv_sec) * 1000000 -
		    now.tv_nsec / 1000 + clock_monotonic();
		first = due < first ? due : first;
	}
	return runner->next_pass < first ? runner->next_pass : first;
}

/* Milliseconds to poll; rounded up, else the last one would be spent awake. */
static int
patience(const struct runner *runner)
{
	int64_t first = next_event(runner), now = clock_monotonic();

	if (first == INT64_MAX)
		return -1;
	if (first <= now)
		return 0;
	return first - now > 60000000 ? 60000 : (int)((first - now) / 1000) + 1;
}

static void
check_times(struct runner *runner)
{
	const int64_t now = clock_monotonic();
	struct slot *slot;
	bool known;
	unsigned i;

	for (i = 0; i < runner->options->jobs; i++) {
		slot = &runner->slots[i];
		if (!slot->job.pid)
			continue;
		known = slot->job.unreachable;
		job_check_time(&slot->job, now);
		if (slot->job.unreachable && !known)
			warn_unreachable(slot);
	}
}

struct polling {
	struct pollfd fds[2 + 3 * RUN_JOBS_MAX];
	struct slot *owners[2 + 3 * RUN_JOBS_MAX];
	nfds_t count;
};

static void
poll_for(struct polling *polling, struct slot *slot, int fd, short events)
{
	if (fd < 0)
		return;
	polling->owners[polling->count] = slot;
	polling->fds[polling->count++] = (struct pollfd){ fd, events, 0 };
}

static void
poll_slot(struct polling *polling, struct slot *slot)
{
	const struct feed *feed = slot->feed;

	if (slot->job.pid == 0)
		return;
	poll_for(polling, slot, slot->job.output, POLLIN);
	if (!feed)
		return;
	poll_for(polling, slot, feed->answers, POLLIN);
	poll_for(polling, slot, feed->input,
	    feed->out_at < feed->out_len ? POLLOUT : 0);
}

static void
take_in(struct runner *runner, struct slot *slot, const struct pollfd *fd)
{
	const struct feed *feed = slot->feed;

	if (!feed)
		job_read(&slot->job, READ_MAX);
	else if (fd->fd == feed->answers)
		feed_read_answers(runner, slot);
	else if (fd->fd == slot->job.output)
		feed_read_errors(runner, slot);
	else if (fd->fd == feed->input && (fd->revents & POLLERR))
		feed_lose_input(runner, slot);
}

void
run_wait(struct runner *runner)
{
	static struct polling polling;
	nfds_t i;
	unsigned slot;

	polling.fds[0] = (struct pollfd){ runner->signals, POLLIN, 0 };
	polling.fds[1] = (struct pollfd){ runner->inotify, POLLIN, 0 };
	polling.count = 2;
	for (slot = 0; slot < runner->options->jobs; slot++)
		poll_slot(&polling, &runner->slots[slot]);
	if (poll(polling.fds, polling.count, patience(runner)) < 0)
		return;
	for (i = 2; i < polling.count; i++)
		if (polling.fds[i].revents)
			take_in(runner, polling.owners[i], &polling.fds[i]);
	check_times(runner);
	if (polling.fds[0].revents)
		read_signals(runner);
	if (polling.fds[1].revents)
		read_arrivals(runner);
}

bool
run_pause(struct runner *runner)
{
	struct pollfd fd = { runner->signals, POLLIN, 0 };

	if (poll(&fd, 1, 1000) > 0)
		read_signals(runner);
	return runner->stopping;
}
