/* SPDX-License-Identifier: MIT */
/*
 * job - the process of a command
 *
 * It has a process group of its own, its arguments and environment from its
 * caller, and three streams. Of what it writes the end is kept.
 */
#ifndef HOOKDIR_JOB_H
#define HOOKDIR_JOB_H

#include <stdatomic.h>

#include "queue/claim.h"
#include "base/clock.h"
#include <sys/resource.h>
#include <sys/types.h>
#include "run/environment.h"

#define JOB_OUTPUT 4096 /* bytes kept */

struct job_command {
	const char *path; /* of the program */
	char **argv;	  /* NULL at the end */
	int argc;
	int64_t timeout;	    /* microseconds; 0: none */
	const struct rlimit *files; /* the command's limit; NULL: ours */
};

struct job {
	pid_t pid; /* 0: none is running */
	/* Where the guard looks; has the process group before it runs. */
	_Atomic pid_t *group;
	int output;	       /* to read from; -1 at its end */
	char tail[JOB_OUTPUT]; /* a ring: written is how much there was */
	size_t written;
	int64_t deadline; /* clock_monotonic(); 0: none */
	bool timed_out;	  /* told to end as its time was up */
	bool killed;	  /* told to end */
	bool unreachable; /* was to be told to end, and may not be signalled */
};

/* What the command has as 0, 1 and 2. The caller's, also afterwards. */
struct job_streams {
	int input, output, error;
	int lock; /* to be inherited under some number; or -1 */
};

/* A pipe; ours, 0 or 1, is the end that is not for the command. */
int job_pipe(int ends[2], int ours, struct error *err);

/*
 * Start the command, with one more argument (or NULL). -1: it could not be
 * started. job->output is for the caller to set.
 */
int job_start(struct job *job, const struct job_command *command,
    char *argument, struct environment *env, const struct job_streams *streams,
    struct error *err);

/* Take in what it has written, about so much of it; never blocks. */
void job_read(struct job *job, size_t most);

/* Take in what was read of it elsewhere. */
void job_keep(struct job *job, struct span bytes);

/* The end of its output, the oldest first. Appends to out. */
void job_output(const struct job *job, struct buf *out);

/*
 * Is it over its time? Then it and its group are told to end, and later
 * killed; or it becomes unreachable.
 */
void job_check_time(struct job *job, int64_t now);

/* The signal that has stopped it since the last call; 0: none has. */
int job_stopped_by(const struct job *job);

/* Tell its group to end. */
void job_stop(struct job *job);

/* Has it ended? If so, collect what it left: a status as of waitpid(2). */
bool job_has_ended(const struct job *job);
int job_collect(struct job *job);

/* How it ended, in words. */
void job_describe(const struct job *job, int status, char *text, size_t size);

#endif
