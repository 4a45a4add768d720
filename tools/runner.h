/* SPDX-License-Identifier: MIT */
/*
 * runner - what hookdir run is made of
 *
 * One thread and one loop: claim and start while there is room, wait for
 * something to happen, see what has ended.
 */
#ifndef HOOKDIR_RUNNER_H
#define HOOKDIR_RUNNER_H

#include <stdint.h>

#include "claim.h"
#include "guard.h"
#include "job.h"
#include "order.h"
#include "pick.h"

#define RUN_JOBS_MAX 256

struct run_options {
	unsigned jobs, retries;
	uint64_t backoff_base, backoff_max; /* seconds */
	const char *type;		    /* a glob, or NULL */
	bool in_order, latest;
	bool watch, until_empty;
	bool quiet;
	struct job_command command;
};

/* A job, and what is known of its message. */
struct slot {
	struct job job;
	struct order_message message; /* where the order matters */
	bool unmarked; /* there was no room to remember that it was run */
};

struct runner {
	const struct run_options *options;
	struct queue queue;
	struct archive archive;
	struct guard guard;
	struct slot *slots; /* options->jobs of them */
	unsigned running;

	/* One of the two, as options say. */
	struct pick pick;
	struct order order;
	int order_lock;
	bool exhausted; /* nothing more to claim in this pass */

	int signals;
	int inotify;	   /* -1: what arrives is not waited for */
	int64_t next_pass; /* clock_monotonic(), where it is waited for */
	bool stopping, interrupted, hurried;
	bool missed; /* a message could not be had */
	int code;    /* to exit with */

	/* For the progress line, and whether a pass did anything. */
	unsigned long done, failed, retried, superseded;
	unsigned long started, started_before;
};

/* Until there is nothing to do, or something says stop: an exit code. */
int runner_work(struct runner *runner);

/* Stop claiming, and exit with this code once the running ones are done. */
void runner_stop(struct runner *runner, int code);

/* The same for a fault, with its line on standard error. */
void runner_fault(struct runner *runner, const struct error *err);

bool runner_keeps_order(const struct runner *runner);

/* A message has come to new/. */
void runner_arrival(struct runner *runner, const char *file);

/* Have what arrives told by inotify. */
int runner_watch(struct runner *runner, struct error *err);

/* run_claim.c: begin a pass; start what can be started now. */
void run_start_pass(struct runner *runner);
void run_fill_slots(struct runner *runner);

/* See which commands have ended. */
void run_collect(struct runner *runner);

/* run_wait.c: wait until something has happened, and take it in. */
void run_wait(struct runner *runner);

/* A second of waiting; true when a signal says stop. */
bool run_pause(struct runner *runner);

/*
 * run_outcome.c: do with the message what its command's end says. Wait
 * status as waitpid(2) has it.
 */
void run_settle(struct runner *runner, struct slot *slot, int status);

/* The same for a message whose runner died: it counts as a try. */
int run_settle_abandoned(
    struct runner *runner, struct claim *claim, struct error *err);

/* run_progress.c: a line on a terminal, and none elsewhere. */
void run_progress(const struct runner *runner);
void run_progress_clear(void);

#endif
