/* SPDX-License-Identifier: MIT */
/*
 * job - a command that runs for a message
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message/event.h"
#include "base/io.h"
#include "hookdir/program.h"

#define ENTRIES	  16
#define VALUE_MAX 4096			 /* a longer attribute is left out */
#define GRACE	  (INT64_C(5) * 1000000) /* from SIGTERM to SIGKILL */

/* Each is a text "NAME=VALUE" in room. */
struct environment {
	char *entries[ENTRIES];
	size_t count;
	struct buf room;
	size_t offsets[ENTRIES];
};

static const struct {
	enum event_attribute attribute;
	const char *name;
} exported[] = {
	{ EVENT_ID, "CE_ID" },
	{ EVENT_TYPE, "CE_TYPE" },
	{ EVENT_SUBJECT, "CE_SUBJECT" },
	{ EVENT_REFERENCE, "CE_REFERENCE" },
	{ EVENT_SOURCE, "CE_SOURCE" },
	{ EVENT_TIME, "CE_TIME" },
	{ EVENT_DATACONTENTTYPE, "CE_DATACONTENTTYPE" },
	{ EVENT_SENDER, "CE_SENDER" },
};

static void
add(struct environment *env, const char *name, struct span value)
{
	env->offsets[env->count++] = env->room.len;
	buf_append_text(&env->room, name);
	buf_append_byte(&env->room, '=');
	buf_append_span(&env->room, value);
	buf_append_byte(&env->room, '\0');
}

/* What cannot be said in an environment is not said. */
static void
add_attribute(struct environment *env, const char *name, struct span value)
{
	if (value.len > 0 && value.len <= VALUE_MAX &&
	    !memchr(value.at, '\0', value.len))
		add(env, name, value);
}

static void
add_own(struct environment *env, const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	if (!value)
		value = otherwise;
	if (value)
		add(env, name, span_of(value));
}

/*
 * What is no event, or cannot be read, has no attributes and is run all the
 * same: its command decides.
 */
static int
fill(struct environment *env, int fd, const char *seen, struct error *err)
{
	struct error failed = ERROR_INIT;
	struct event event;
	size_t i;

	event_init(&event);
	if (event_peek(&event, fd, &failed) == 0)
		event_find_reference(&event, fd);
	add_own(env, "PATH", PROGRAM_PATH);
	add_own(env, "HOME", NULL);
	add_own(env, "LANG", NULL);
	for (i = 0; i < sizeof(exported) / sizeof(exported[0]); i++)
		add_attribute(env, exported[i].name,
		    event_get(&event, exported[i].attribute));
	add_attribute(env, "CE_SEEN", span_of(seen));
	event_free(&event);
	if (failed.code == ERROR_MEMORY) {
		*err = failed;
		return -1;
	}
	if (buf_check(&env->room, err) < 0)
		return -1;
	for (i = 0; i < env->count; i++)
		env->entries[i] = env->room.at + env->offsets[i];
	return 0;
}

struct start {
	const char *path;
	char **argv, **env;
	int input, output;
	_Atomic pid_t *group;
	pid_t parent;
	volatile int failed; /* errno; told by the child in our memory */
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
	sigset_t none;

	(void)sigemptyset(&none);
	(void)setpgid(0, 0);
	atomic_store(start->group, getpid());
	if (getppid() != start->parent)
		_exit(0);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(start->input, 0) >= 0 && dup2(start->output, 1) >= 0 &&
	    dup2(start->output, 2) >= 0)
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

/* The command's arguments, and the message's path. */
static char **
make_arguments(const struct job_command *command, char *path)
{
	char **argv = calloc((size_t)command->argc + 2, sizeof(char *));

	if (!argv)
		return NULL;
	memcpy(argv, command->argv, (size_t)command->argc * sizeof(char *));
	argv[command->argc] = path;
	return argv;
}

static int
launch(struct job *job, const struct queue *queue, const struct claim *claim,
    const struct job_command *command, int output, struct error *err)
{
	struct environment env = { .room = BUF_INIT(1 << 20) };
	struct buf path = BUF_INIT(PATH_MAX + NAME_MAX + 16);
	struct start start = { .path = command->path,
		.env = env.entries,
		.input = claim->fd,
		.output = output,
		.group = job->group };

	buf_printf(&path, "%s/%s/%s", queue->path,
	    queue_state_name(claim->state), claim->file);
	buf_append_byte(&path, '\0');
	job->pid = -1;
	if (buf_check(&path, err) == 0 &&
	    fill(&env, claim->fd, job->seen, err) == 0) {
		start.argv = make_arguments(command, path.at);
		if (start.argv)
			job->pid = spawn(&start);
		if (job->pid < 0)
			(void)error_system(
			    err, "cannot start %s", command->path);
	}
	free(start.argv);
	buf_free(&path);
	buf_free(&env.room);
	return job->pid < 0 ? -1 : 0;
}

int
job_start(struct job *job, const struct queue *queue, struct claim *claim,
    const struct job_command *command, struct error *err)
{
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_system(err, "cannot make a pipe");
	/* Only our end: the command may count on writes that block. */
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	rc = launch(job, queue, claim, command, ends[1], err);
	(void)close(ends[1]);
	if (rc < 0) {
		(void)close(ends[0]);
		job->pid = 0;
		return -1;
	}
	job->claim = *claim;
	job->output = ends[0];
	job->written = 0;
	job->timed_out = job->killed = job->unreachable = false;
	job->deadline =
	    command->timeout ? clock_monotonic() + command->timeout : 0;
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
job_output(const struct job *job, struct buf *out)
{
	size_t at = job->written % JOB_OUTPUT;

	/* Once it has been full, the oldest byte stands at the place to write.
	 */
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
