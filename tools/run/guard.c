/* SPDX-License-Identifier: MIT */
/*
 * guard - end the commands of a runner that was killed
 */
#include "run/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

static void
kill_groups(const struct guard *guard)
{
	unsigned i;
	pid_t group;

	for (i = 0; i < guard->count; i++) {
		group = atomic_load(&guard->groups[i]);
		if (group <= 0)
			continue;
		(void)kill(-group, SIGKILL);
		/* It may have left its group. */
		(void)kill(group, SIGKILL);
	}
}

static void watch(const struct guard *guard, int pipe)
    __attribute__((noreturn));

/*
 * In a session of its own, so that what is sent to the runner's group or
 * terminal does not reach it. All other descriptors are closed: a claim
 * among them would hold its lock.
 */
static void
watch(const struct guard *guard, int pipe)
{
	sigset_t all;
	ssize_t got;
	char byte;

	(void)setsid();
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	if (dup2(pipe, 0) < 0)
		_exit(1);
	closefrom(1);
	do {
		got = read(0, &byte, 1);
	} while (got > 0 || (got < 0 && errno == EINTR));
	kill_groups(guard);
	_exit(0);
}

int
guard_restart(struct guard *guard, struct error *err)
{
	int ends[2];

	io_discard(&guard->pipe);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_system(err, "cannot make a pipe");
	guard->pid = fork();
	if (guard->pid == 0)
		watch(guard, ends[0]);
	(void)close(ends[0]);
	if (guard->pid < 0) {
		(void)error_system(err, "cannot start a process");
		(void)close(ends[1]);
		return -1;
	}
	guard->pipe = ends[1];
	return 0;
}

bool
guard_has_ended(struct guard *guard)
{
	if (guard->pid <= 0 || waitpid(guard->pid, NULL, WNOHANG) <= 0)
		return false;
	guard->pid = 0;
	return true;
}

int
guard_start(struct guard *guard, unsigned count, struct error *err)
{
	void *groups = mmap(NULL, count * sizeof(*guard->groups),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (groups == MAP_FAILED)
		return error_system(err, "no memory for the guard");
	guard->groups = groups;
	guard->count = count;
	if (guard_restart(guard, err) == 0)
		return 0;
	guard_end(guard);
	return -1;
}

void
guard_end(struct guard *guard)
{
	io_discard(&guard->pipe);
	while (guard->pid > 0 && waitpid(guard->pid, NULL, 0) < 0 &&
	    errno == EINTR)
		;
	if (guard->groups)
		(void)munmap((void *)(uintptr_t)guard->groups,
		    guard->count * sizeof(*guard->groups));
	*guard = (struct guard)GUARD_INIT;
}
