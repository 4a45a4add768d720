/* SPDX-License-Identifier: MIT */
/*
 * queue - a spool as its consumers see it
 *
 * Which of its directories a message stands in is its state. All is done
 * relative to open directories, and no link is followed below the spool.
 */
#ifndef HOOKDIR_QUEUE_H
#define HOOKDIR_QUEUE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "spool/spool.h"
#include "spool/spool_name.h"

enum queue_state {
	QUEUE_NEW,
	QUEUE_CUR,
	QUEUE_HOLD,
	QUEUE_FAILED,
	QUEUE_QUARANTINE
};
#define QUEUE_STATES 5

struct queue {
	char path[PATH_MAX]; /* absolute, without links */
	int root;
	int states[QUEUE_STATES]; /* -1 where it is missing */
	int log;		  /* what failed commands said; or -1 */
};

/*
 * Open a spool that is there; nothing is made. -1 and nothing open:
 * ERROR_SYSTEM with ENOENT where there is none or no new/ in it.
 */
int queue_open(struct queue *queue, const char *path, struct error *err);

/* Accepts the outcome of a failed queue_open(). */
void queue_close(struct queue *queue);

/* Is this directory one of the spool's own? */
bool queue_owns(const struct queue *queue, int directory);

/* "new" and so on; queue_find_state() answers false for other words. */
const char *queue_state_name(enum queue_state state);
bool queue_find_state(const char *name, enum queue_state *state);

/* The directory of a state, made if it is missing; the queue's. -1: failed. */
int queue_directory(
    struct queue *queue, enum queue_state state, struct error *err);

/*
 * Call visit for each message of a state, in no order: only regular files
 * whose names spool_name_parse() takes. What moves meanwhile may be met or
 * not. visit answers 0 to go on; else that ends it and is the answer. A
 * missing directory is an empty one.
 */
typedef int queue_visit(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err);
int queue_each(const struct queue *queue, enum queue_state state,
    queue_visit *visit, void *context, struct error *err);

/*
 * Find a message by what a user calls it: its file, with or without what
 * the runner has added, the ".json", or directories before it. 1: found,
 * and file is its name. 0: there is none. The first of the states given in
 * the set (1u << state) that has it.
 */
int queue_find(const struct queue *queue, const char *called, unsigned states,
    enum queue_state *state, char file[NAME_MAX + 1], struct error *err);

/* Open a message to read. It is a regular file, or -1. */
int queue_open_file(const struct queue *queue, enum queue_state state,
    const char *file, struct stat *st, struct error *err);

/* Did that fail because there is no message of that name (any more)? */
bool queue_is_none(const struct error *err);

/*
 * Move a message to another state, under the name target, never over
 * another file. 1: done. 0: it is not there any more, errno is ENOENT; or
 * the name is taken, EEXIST.
 */
int queue_move(struct queue *queue, enum queue_state from, const char *file,
    enum queue_state to, const char *target, struct error *err);

/*
 * What a command said when it failed, in a file beside the messages: the
 * first line is what happened, the rest the end of its output. Writing
 * replaces it; nothing is flushed. Reading appends to out what there is, at
 * most QUEUE_LOG_MAX bytes.
 */
#define QUEUE_LOG_MAX 8192

int queue_log_write(struct queue *queue, const struct spool_name *name,
    struct span text, struct error *err);
int queue_log_read(const struct queue *queue, const struct spool_name *name,
    struct buf *out, struct error *err);
void queue_log_remove(const struct queue *queue, const struct spool_name *name);

#endif
