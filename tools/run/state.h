/* SPDX-License-Identifier: MIT */
/*
 * state - what a run knows, for all parts of hookdir run
 *
 * A message goes pick -> claim -> give -> settle. Its task is made by the
 * claim and ended by settle. A slot has one command: without --pipe the
 * command of one task, with it one that lives and has many.
 */
#ifndef HOOKDIR_STATE_H
#define HOOKDIR_STATE_H

#include <stdint.h>

#include "queue/claim.h"
#include "run/guard.h"
#include "run/job.h"
#include "run/order.h"
#include "queue/living.h"
#include "run/pick.h"

#define RUN_JOBS_MAX 256

/* Seconds between two passes of a run that stays. */
#define RUN_RESCAN 30

struct run_options {
	unsigned jobs, retries;
	uint64_t backoff_base, backoff_max; /* seconds */
	const char *type;		    /* a glob, or NULL */
	const char *archive;		    /* a path, or NULL */
	struct job_command command;
	unsigned window; /* 0: a command for each message */
	/* Flags, as getopt_long(3) sets them. */
	int in_order, latest, watch, until_empty, quiet;
	int strict, verbose;
};

/* A claimed message, and what is known of it. */
struct task {
	struct claim claim;
	struct order_message message;  /* where the order matters */
	char seen[CLOCK_RFC3339_SIZE]; /* the version done last, or empty */
	bool unmarked; /* there was no room to remember that it was run */
	/* With --pipe: what it is called there, and clock_monotonic(). */
	char name[NAME_MAX + 1];
	int64_t given;
};

/* See suspects.h. */
#define SUSPECTS_MAX 3

struct suspect {
	struct task *task;
	char what[64];
	char output[JOB_OUTPUT];
	size_t len;
};

struct suspects {
	struct suspect list[SUSPECTS_MAX];
	unsigned count;
	char bases[SUSPECTS_MAX][NAME_MAX + 1]; /* row of them */
	unsigned row;
};

struct feed;

struct slot {
	struct job job;
	struct task task;  /* without --pipe */
	struct feed *feed; /* with it; owned */
};

struct runner {
	const struct run_options *options;
	struct job_command command;
	struct queue queue;
	struct archive archive;
	struct guard guard;
	struct slot *slots;  /* options->jobs of them */
	unsigned running;    /* tasks */
	unsigned window;     /* as options say, or as descriptors allow */
	struct rlimit files; /* what we were started with */
	struct living living;
	struct suspects suspects;

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
	int64_t began; /* clock_monotonic() */
};

/* Stop claiming, and exit with this code once the running ones are done. */
void runner_stop(struct runner *runner, int code);

/*
 * The same for a fault, with its line on standard error. A run that waits
 * for messages waits until there are descriptors, memory or room again, too.
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

#endif
