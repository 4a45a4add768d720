/* SPDX-License-Identifier: MIT */
/*
 * claim - take a message, so that nobody else has it
 *
 * The message is locked with flock(2), then renamed from new/ to cur/. The
 * lock goes when the last process that holds it ends, however it ends: what
 * stands in cur/ without a lock is nobody's, and claim_take_over() takes
 * it. A command that is given the descriptor holds the lock as well, and
 * keeps the message from others even when its runner was killed.
 *
 * Where the file system is so full that the rename fails, the message is
 * claimed by the lock alone and stays in new/ under its name. So a consumer
 * can always work on a message and remove it.
 *
 * Nothing is flushed. A power cut can undo a step, and so have a message
 * run again; it can lose none.
 */
#ifndef HOOKDIR_CLAIM_H
#define HOOKDIR_CLAIM_H

#include "queue/archive.h"
#include "queue/queue.h"

struct claim {
	int fd;			  /* to read from, at its beginning; locked */
	struct spool_name name;	  /* tries includes this one */
	struct spool_name before; /* what it was in new/ */
	enum queue_state state;	  /* QUEUE_CUR, or as above QUEUE_NEW */
	char file[NAME_MAX + 1];  /* in that directory */
	off_t size;		  /* bytes, when it was claimed */
	/*
	 * Set by the caller before: the name in cur/ does not count this try.
	 * If the caller dies, the message has not been tried.
	 */
	bool uncounted;
};

enum claim_result {
	CLAIM_FAILED = -1, /* see the error; the message is where it was */
	CLAIM_GONE,	   /* there is no message of that name (any more) */
	CLAIM_TAKEN,
	CLAIM_HELD /* another process has its lock */
};

#define CLAIM_INIT                                                             \
	{                                                                      \
		.fd = -1, .state = QUEUE_CUR                                   \
	}

/*
 * Open the file of that name and lock it. CLAIM_TAKEN: *fd, to read from at
 * its beginning, is the caller's; st is what was opened. The file may have got
 * another name since, or another file this one.
 */
enum claim_result claim_lock(const struct queue *queue, enum queue_state state,
    const char *file, int *fd, struct stat *st, struct error *err);

/* CLAIM_TAKEN: the locked file has that name. Else CLAIM_GONE, or failed. */
enum claim_result claim_check(const struct queue *queue, enum queue_state state,
    const char *file, int fd, struct error *err);

/* Claim the message of that name in new/, or one left behind in cur/. */
enum claim_result claim_take(struct queue *queue, const char *file,
    struct claim *claim, struct error *err);
enum claim_result claim_take_over(struct queue *queue, const char *file,
    struct claim *claim, struct error *err);

/*
 * What becomes of it. Each ends the claim, also when it fails: then the
 * message stays where it was claimed, for the next run to take it over.
 *
 * claim_leave: it stays where it is.
 * claim_return: back to new/ as if it had not been claimed. If it is to be
 *	given to a command by itself then, set before.alone.
 * claim_defer: back to new/, not to be run before next (0: at any time).
 *	counted says whether this try counts.
 * claim_bury: to failed/, copied there where it is on another file system.
 * claim_finish: removed, or moved to the archive where there is one, and its
 *	document with it, see document.h; its command has succeeded, or need
 *	not be run.
 * claim_remove: the same for a message whose command was not run. Where it
 *	fails, the message goes back to new/.
 *
 * Where claim_bury or claim_finish fails, name.end is kept in the file's
 * name, so that the next run ends it in the same way, and does not run it
 * again.
 */
void claim_leave(struct claim *claim);
int claim_return(struct queue *queue, struct claim *claim, struct error *err);
int claim_defer(struct queue *queue, struct claim *claim, time_t next,
    bool counted, struct error *err);
int claim_bury(struct queue *queue, struct claim *claim, struct error *err);
int claim_finish(struct queue *queue, struct claim *claim,
    const struct archive *archive, struct error *err);
int claim_remove(struct queue *queue, struct claim *claim,
    const struct archive *archive, struct error *err);

#endif
