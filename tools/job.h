/* SPDX-License-Identifier: MIT */
/*
 * job - a command that runs for a message
 *
 * It is given the message on standard input, and with that the lock; its
 * path as the last argument; an environment in which a sender can set
 * nothing but the values of CE_*; and a process group of its own. Of what
 * it writes to standard output and error the end is kept.
 */
#ifndef HOOKDIR_JOB_H
#define HOOKDIR_JOB_H

#include <stdatomic.h>

#include "queue/claim.h"
#include "base/clock.h"

#define JOB_OUTPUT 4096 /* bytes kept */

struct job_command {
	const char *path; /* of the program */
	char **argv;	  /* without the message's path; NULL at the end */
	int argc;
	int64_t timeout; /* microseconds; 0: none */
};

struct job {
	pid_t pid; /* 0: none is running */
	/* Where the guard looks; has the process group before it runs. */
	_Atomic pid_t *group;
	struct claim claim;
	/* The version of the thing that was done last, or empty. */
	char seen[CLOCK_RFC3339_SIZE];
	int output;	       /* to read from; -1 at its end */
	char tail[JOB_OUTPUT]; /* a ring: written is how much there was */
	size_t written;
	int64_t deadline; /* clock_monotonic(); 0: none */
	bool timed_out;	  /* told to end as its time was up */
	bool killed;	  /* told to end */
	bool unreachable; /* was to be told to end, and may not be signalled */
};

/*
 * Start the command for the claim, which is the job's from then on. -1: it
 * could not be started, and the claim is still the caller's.
 */
int job_start(struct job *job, const struct queue *queue, struct claim *claim,
    const struct job_command *command, struct error *err);

/* Take in what it has written, about so much of it; never blocks. */
void job_read(struct job *job, size_t most);

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

#endif
