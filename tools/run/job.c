/* SPDX-License-Identifier: MIT */
/*
 * job - the process of a command
 */
#include "run/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"

#define GRACE (INT64_C(5) * 1000000) /* from SIGTERM to SIGKILL */

struct start {
	const char *path;
	char **argv, **env;
	const struct job_streams *streams;
	const struct rlimit *files;
	_Atomic pid_t *group;
	pid_t parent;
	volatile int failed; /* errno; set by the child in our memory */
};

/*
 * In the child, which has our memory until it is another program: system
 * calls and nothing else. The guard knows of it before it runs; and if we
 * were killed before that, it does not run.
 */
static void become(struct start *start) __attribute__((noreturn));

static void
become(struct start *start)
{
	const struct job_streams *streams = start->streams;
	sigset_t none;

	(void)sigemptyset(&none);
	(void)setpgid(0, 0);
	atomic_store(start->group, getpid());
	if (getppid() != start->parent)
		_exit(0);
	(void)signal(SIGPIPE, SIG_DFL);
	if (start->files)
		(void)setrlimit(RLIMIT_NOFILE, start->files);
	/* Above the numbers that a shell's scripts use. */
	if (streams->lock >= 0)
		(void)fcntl(streams->lock, F_DUPFD, 20);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(streams->input, 0) >= 0 && dup2(streams->output, 1) >= 0 &&
	    dup2(streams->error, 2) >= 0)
		(void)execve(start->path, start->argv, start->env);
	start->failed = errno;
	_exit(127);
}

/* The process, or -1 and errno. */
static pid_t
spawn(struct start *start)
{
	pid_t pid;

	start->parent = getpid();
	start->failed = 0;
	/* vfork: a runner with much in memory starts commands as fast. */
	pid = vfork();
	if (pid == 0)
		become(start);
	if (pid > 0 && start->failed) {
		atomic_store(start->group, 0);
		(void)waitpid(pid, NULL, 0);
		errno = start->failed;
		return -1;
	}
	return pid;
}

/* The command's arguments, and one more. */
static char **
make_arguments(const struct job_command *command, char *more)
{
	char **argv = calloc((size_t)command->argc + 2, sizeof(char *));

	if (!argv)
		return NULL;
	memcpy(argv, command->argv, (size_t)command->argc * sizeof(char *));
	argv[command->argc] = more;
	return argv;
}

int
job_start(struct job *job, const struct job_command *command, char *argument,
    struct environment *env, const struct job_streams *streams,
    struct error *err)
{
	struct start start = { .path = command->path,
		.env = env->entries,
		.streams = streams,
		.files = command->files,
		.group = job->group };
	pid_t pid = -1;

	start.argv = make_arguments(command, argument);
	if (start.argv)
		pid = spawn(&start);
	if (pid < 0)
		(void)error_system(err, "cannot start %s", command->path);
	free((void *)start.argv);
	if (pid < 0)
		return -1;
	job->pid = pid;
	job->written = 0;
	job->timed_out = job->killed = job->unreachable = false;
	job->deadline =
	    command->timeout ? clock_monotonic() + command->timeout : 0;
	return 0;
}

int
job_pipe(int ends[2], int ours, struct error *err)
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_system(err, "cannot make a pipe");
	/* Only our end: the command may count on calls that block. */
	(void)fcntl(ends[ours], F_SETFL, O_NONBLOCK);
	return 0;
}

void
job_read(struct job *job, size_t most)
{
	size_t at, before = job->written;
	ssize_t got;

	while (job->output >= 0 && job->written - before < most) {
		at = job->written % JOB_OUTPUT;
		got = read(job->output, job->tail + at, JOB_OUTPUT - at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0)
			io_discard(&job->output);
		else
			job->written += (size_t)got;
	}
}

void
job_keep(struct job *job, struct span bytes)
{
	size_t at, len;

	while (bytes.len > 0) {
		at = job->written % JOB_OUTPUT;
		len = JOB_OUTPUT - at < bytes.len ? JOB_OUTPUT - at : bytes.len;
		memcpy(job->tail + at, bytes.at, len);
		job->written += len;
		bytes = span_skip(bytes, len);
	}
}

void
job_output(const struct job *job, struct buf *out)
{
	size_t at = job->written % JOB_OUTPUT;

	/* Once it has been full, the place to write has the oldest byte. */
	if (job->written >= JOB_OUTPUT)
		buf_append(out, job->tail + at, JOB_OUTPUT - at);
	buf_append(out, job->tail, at);
}

/*
 * To its group, and to itself where it has left that. False when it cannot
 * be reached: it has taken another user's rights, as sudo does.
 */
static bool
send(const struct job *job, int number)
{
	(void)kill(-job->pid, number);
	if (getpgid(job->pid) != job->pid)
		return kill(job->pid, number) == 0;
	return kill(job->pid, 0) == 0;
}

void
job_stop(struct job *job)
{
	job->killed = send(job, SIGTERM);
	job->deadline = clock_monotonic() + GRACE;
	job->unreachable = !job->killed;
}

void
job_check_time(struct job *job, int64_t now)
{
	if (!job->deadline || now < job->deadline)
		return;
	if (job->killed || job->unreachable) {
		(void)send(job, SIGKILL);
		job->deadline = 0;
		return;
	}
	job_stop(job);
	job->timed_out = job->killed;
}

int
job_stopped_by(const struct job *job)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PID, (id_t)job->pid, &info, WSTOPPED | WNOHANG) < 0 ||
	    info.si_pid == 0)
		return 0;
	return info.si_status;
}

bool
job_has_ended(const struct job *job)
{
	siginfo_t info = { .si_pid = 0 };
	int rc =
	    waitid(P_PID, (id_t)job->pid, &info, WEXITED | WNOHANG | WNOWAIT);

	/* Where somebody else has collected it, it has ended all the same. */
	return rc == 0 ? info.si_pid != 0 : errno == ECHILD;
}

int
job_collect(struct job *job)
{
	int status = SIGKILL, left = 0; /* unknown is not done */

	/* What is left of its group; the number is ours until waitpid(). */
	if (job->killed || job->unreachable)
		(void)kill(-job->pid, SIGKILL);
	/* All that it has written; a child of its own may go on and on. */
	if (job->output >= 0 && ioctl(job->output, FIONREAD, &left) == 0)
		job_read(job, (size_t)left);
	io_discard(&job->output);
	(void)waitpid(job->pid, &status, 0);
	job->pid = 0;
	return status;
}

void
job_describe(const struct job *job, int status, char *text, size_t size)
{
	const char *name;

	if (job->timed_out && WIFSIGNALED(status))
		(void)snprintf(text, size, "killed after its time was up");
	else if (job->timed_out)
		(void)snprintf(text, size,
		    "exit status %d, told to end as its time was up",
		    WEXITSTATUS(status));
	else if (WIFEXITED(status))
		(void)snprintf(
		    text, size, "exit status %d", WEXITSTATUS(status));
	else {
		name = sigabbrev_np(WTERMSIG(status));
		(void)snprintf(text, size, "killed by signal %d (SIG%s)",
		    WTERMSIG(status), name ? name : "?");
	}
}
