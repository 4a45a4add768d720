/* SPDX-License-Identifier: MIT */
/*
 * run_wait - wait until something happens
 *
 * A command has ended or written something, a message has come, a signal,
 * or a time: nothing is looked at again and again.
 */
#include "runner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "hookdir/tool.h"

/* So much of an output at a time: the others are to have their turn. */
#define READ_MAX ((size_t)64 << 10)

static void
warn_unreachable(const struct job *job)
{
	run_progress_clear();
	tool_warn("%s: its command (process %ld) is to end and may not be "
		  "signalled by this user; waiting for its end",
	    job->claim.name.base, (long)job->pid);
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
			warn_unreachable(job);
	}
}

static void
read_signals(struct runner *runner)
{
	struct signalfd_siginfo info;

	while (read(runner->signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGCHLD)
			run_collect(runner);
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
	unsigned i;

	for (i = 0; i < runner->options->jobs; i++) {
		deadline = runner->slots[i].job.deadline;
		if (runner->slots[i].job.pid && deadline && deadline < first)
			first = deadline;
	}
	if (runner->stopping)
		return first;
	/* There is room, and not all that there is was looked at. */
	if (!runner->exhausted && runner->running < runner->options->jobs &&
	    !runner_is_resting(runner))
		return 0;
	if (!runner_waits(runner))
		return first;
	if (soonest && runner->running < runner->options->jobs) {
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
check_time(struct job *job, int64_t now)
{
	bool known = job->unreachable;

	job_check_time(job, now);
	if (job->unreachable && !known)
		warn_unreachable(job);
}

void
run_wait(struct runner *runner)
{
	struct pollfd fds[RUN_JOBS_MAX + 2];
	struct job *owners[RUN_JOBS_MAX + 2];
	struct job *job;
	nfds_t count = 2, i;
	int64_t now;

	fds[0] = (struct pollfd){ runner->signals, POLLIN, 0 };
	fds[1] = (struct pollfd){ runner->inotify, POLLIN, 0 };
	for (i = 0; i < runner->options->jobs; i++) {
		job = &runner->slots[i].job;
		if (job->pid == 0 || job->output < 0)
			continue;
		owners[count] = job;
		fds[count++] = (struct pollfd){ job->output, POLLIN, 0 };
	}
	if (poll(fds, count, patience(runner)) < 0)
		return;
	for (i = 2; i < count; i++)
		if (fds[i].revents)
			job_read(owners[i], READ_MAX);
	now = clock_monotonic();
	for (i = 0; i < runner->options->jobs; i++)
		if (runner->slots[i].job.pid)
			check_time(&runner->slots[i].job, now);
	if (fds[0].revents)
		read_signals(runner);
	if (fds[1].revents)
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
