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

#include "clock.h"
#include "tool.h"

/* So much of an output at a time: the others are to have their turn. */
#define READ_MAX ((size_t)64 << 10)

/* The first time: no more claims. The second: no more patience. */
static void
take_signal(struct runner *runner)
{
	unsigned i;

	runner->hurried = runner->interrupted;
	runner->interrupted = true;
	runner_stop(runner, EX_OK);
	run_progress_clear();
	if (runner->running && !runner->hurried && isatty(STDERR_FILENO))
		tool_warn("waiting for %u running; once more kills them",
		    runner->running);
	for (i = 0; runner->hurried && i < runner->options->jobs; i++)
		if (runner->slots[i].job.pid && !runner->slots[i].job.killed)
			job_stop(&runner->slots[i].job);
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
	const time_t soonest = runner_keeps_order(runner)
	    ? runner->order.soonest
	    : runner->pick.soonest;
	int64_t first = INT64_MAX, due, deadline;
	unsigned i;

	for (i = 0; i < runner->options->jobs; i++) {
		deadline = runner->slots[i].job.deadline;
		if (runner->slots[i].job.pid && deadline && deadline < first)
			first = deadline;
	}
	if (runner->inotify < 0 || runner->stopping)
		return first;
	if (soonest) {
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
			job_check_time(&runner->slots[i].job, now);
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
