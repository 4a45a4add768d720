/* SPDX-License-Identifier: MIT */
/*
 * feed - a command that lives and is given many messages: run --pipe
 *
 * Each message is a line on its standard input, NAME TAB EVENT; each line
 * NAME TAB STATUS [TAB REASON] on its standard output settles one. An empty
 * line tells it that no message follows before it answers. See
 * hookdir-pipe(7).
 */
#ifndef HOOKDIR_FEED_H
#define HOOKDIR_FEED_H

#include "run/lines.h"
#include "run/state.h"

#define FEED_WINDOW	64
#define FEED_WINDOW_MAX 4096
#define FEED_BYTES	((uint64_t)32 << 20) /* unanswered at a time */
#define FEED_BUFFER	65536
#define FEED_ANSWERED	1024 /* names remembered, for doubled answers */

struct feed {
	struct task **given; /* unanswered, the oldest first; owned */
	unsigned count;
	unsigned written; /* so many of them were written to the end */
	bool begun;	  /* the next one was begun, and at bytes of it read */
	off_t at;
	uint64_t bytes; /* of all that is given */
	struct task
	    *pending;	    /* claimed, to be given when others are answered */
	bool alone;	    /* what it has was given by itself */
	bool idle, told;    /* an empty line is to be written; was written */
	bool closing;	    /* no more is given, the input ends */
	bool lost;	    /* it reads no more */
	bool broken;	    /* it has broken the protocol, and is to end */
	int input, answers; /* -1: closed */
	int lock;	    /* see living.h */
	int64_t answered;   /* clock_monotonic(), the last answer */
	int64_t closed;	    /* since when it is closing */
	size_t answers_count;
	uint64_t had[FEED_ANSWERED]; /* digests of names, the last answered */
	char out[FEED_BUFFER];
	size_t out_at, out_len;
	struct lines lines, errors;
};

/* Feeds for all slots. -1: out of memory, and the caller frees. */
int feed_open(struct runner *runner, struct error *err);
void feed_close(struct runner *runner);

/* Can it be given in a line? */
bool feed_takes(const struct task *task);

/* May a message be claimed for this slot? */
bool feed_has_room(const struct runner *runner, const struct slot *slot);

/* Give it the task, which is copied. -1: no command could be started. */
int feed_give(struct runner *runner, struct slot *slot, const struct task *task,
    struct error *err);

/* Write what can be written to all, and tell those that wait for more. */
void feed_write_all(struct runner *runner);

/* It has closed its standard input. */
void feed_lose_input(struct runner *runner, struct slot *slot);

/* Take in what the command has written. */
void feed_read_answers(struct runner *runner, struct slot *slot);
void feed_read_errors(struct runner *runner, struct slot *slot);

/* End of input for all; what they have not begun to read goes back. */
void feed_end_all(struct runner *runner);

/* It has ended: take in what it left, and settle what it has not answered. */
void feed_ended(struct runner *runner, struct slot *slot);

/* How many live. */
unsigned feed_count_living(const struct runner *runner);

#endif
