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

#include "queue/claim.h"
#include "guard.h"
#include "job.h"
#include "order.h"
#include "pick.h"

#define RUN_JOBS_MAX 256

/* Seconds between two passes of a run that stays. */
#define RUN_RESCAN 30

struct run_options {
	unsigned jobs, retries;
	uint64_t backoff_base, backoff_max; /* seconds */
	const char *type;		    /* a glob, or NULL */
	const char *archive;		    /* a path, or NULL */
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
	int64_t rest;	   /* until then nothing is started; the same clock */
	bool rest_said, unwatched_said;
	bool stopping, interrupted, hurried;
	bool missed;	 /* a message could not be had */
	unsigned passes; /* how many were begun */
	bool refused; /* the archive or failed/ has no room, and it was said */
	bool archive_said;    /* some wait for an archive, and there is none */
	bool unarchived_said; /* the archive's path is no directory now */
	int code;	      /* to exit with */

	/* For the progress line, and whether a pass did anything. */
	unsigned long done, failed, retried, superseded;
	unsigned long started, started_before;
};

/* Until there is nothing to do, or something says stop: an exit code. */
int runner_work(struct runner *runner);

/* Stop claiming, and exit with this code once the running ones are done. */
void runner_stop(struct runner *runner, int code);

/*
 * The same for a fault, with its line on standard error. Who waits for
 * messages waits until there are descriptors, memory or room again, too.
 */
void runner_fault(struct runner *runner, const struct error *err);

/* Of what there may be more in a moment? */
bool runner_is_shortage(const struct error *err);

/* A message could not be had; it is still there. */
void runner_miss(struct runner *runner, const struct error *err);

/* Does it stay when there is nothing to do? */
bool runner_waits(const struct runner *runner);
bool runner_is_resting(const struct runner *runner);

bool runner_keeps_order(const struct runner *runner);

/* What waits for its next try. */
const struct later *runner_later(const struct runner *runner);

/* A message has come to new/. */
void runner_arrival(struct runner *runner, const char *file);

/*
 * Have what arrives told by inotify. Where that is not to be had now, look
 * again and again until it is.
 */
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

/*
 * The same for a message whose runner died: it counts as a try. And for one
 * whose outcome stands in its name already, as there was no room for it.
 */
int run_settle_abandoned(
    struct runner *runner, struct claim *claim, struct error *err);
void run_settle_ended(struct runner *runner, struct claim *claim);

/*
 * run_archive.c: open the archive, where there is one; and follow its path
 * to another directory, as the one that is open may be gone. Where that
 * fails, a line says so and the open one stays.
 */
int run_open_archive(struct runner *runner, struct error *err);
void run_follow_archive(struct runner *runner);

/*
 * run_odd.c: pass over a message of new/, or one of cur/, that cannot be
 * claimed. passes must count the pass.
 */
void run_pass_over(
    struct runner *runner, const char *file, const struct error *err);
void run_pass_over_cur(
    struct runner *runner, const char *file, const struct error *err);

/* run_progress.c: a line on a terminal, and none elsewhere. */
void run_progress(const struct runner *runner);
void run_progress_clear(void);

#endif
