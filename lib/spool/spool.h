/* SPDX-License-Identifier: MIT */
/*
 * spool - a Maildir for webhooks, on stable storage
 *
 * tmp/ is being written, new/ is complete and durable; see
 * hookdir-spool(5). Everything is done relative to open directories, no
 * link is followed, and of a request nothing but the caller's address, as
 * quarantine_caller() writes it, is ever part of a path.
 */
#ifndef HOOKDIR_SPOOL_H
#define HOOKDIR_SPOOL_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include "base/error.h"
#include "spool/flushes.h"
#include "spool/spool_name.h"

/* Most pieces that a message may be in. */
#define SPOOL_PIECES_MAX 8

/* Seconds after which a file in tmp/ is nobody's any more. */
#define SPOOL_STALE (36 * 3600)

/*
 * A spool held open for one delivery. The descriptors are the caller's
 * from spool_open() to spool_close().
 */
struct spool {
	int root, tmp, new_;
	struct flushes flushes;
	bool made; /* spool_open() has made it, or its new/ */
};

#define SPOOL_INIT                                                             \
	{                                                                      \
		.root = -1, .tmp = -1, .new_ = -1                              \
	}

/* What is delivered where. The order of names is that of received. */
struct delivery {
	const struct spool *spool;
	struct timespec received;
	const struct iovec *pieces; /* up to SPOOL_PIECES_MAX */
	int count;
};

/*
 * A file on its way: in tmp/, complete. fd is open where the file is flushed
 * when it arrives; who has many may flush the file, close it and set it to -1.
 * From spool_write() on it is the caller's, until it is published, placed,
 * forgotten, or one of these failed.
 */
struct draft {
	int fd;
	char name[SPOOL_NAME_SIZE];
};

#define DRAFT_INIT                                                             \
	{                                                                      \
		-1, ""                                                         \
	}

/*
 * Open a spool by its absolute path, and make what is missing of it; its
 * parent must be there. When it returns 0, its directories would be found
 * again after a power cut. On -1 nothing is open.
 */
int spool_open(struct spool *spool, const char *path, struct error *err);

/*
 * The same for a spool that must be there: -1 where the directory or new/ in
 * it is missing. What else is missing of it is made.
 */
int spool_find(struct spool *spool, const char *path, struct error *err);

/* Accepts SPOOL_INIT, and the outcome of a failed spool_open(). */
void spool_close(struct spool *spool);

/*
 * Deliver a message; name is its file in new/. Where the file system is full,
 * links to messages that are gone are removed from seen/ first; see room.h.
 *
 * 0: the file is complete and on stable storage, and would stand in new/
 * after a power cut. -1: it is neither in new/ nor in tmp/, unless
 * removing it failed as well; name is undefined.
 */
int spool_deliver(const struct delivery *delivery, char name[SPOOL_NAME_SIZE],
    struct error *err);

/* The bytes of a message. */
size_t spool_size(const struct delivery *delivery);

/*
 * The steps of a delivery, for deliveries that differ. spool_write() leaves
 * a complete file in tmp/ whose bytes no later name can overtake on their
 * way to the medium. spool_publish() moves it to new/, under another name
 * if there is one of that name, and flushes it; 0 is the promise of
 * spool_deliver(). spool_place() moves it to another directory of the spool,
 * with the label behind the host in its name, and does not flush that. All
 * remove the file when they fail.
 */
int spool_write(
    const struct delivery *delivery, struct draft *draft, struct error *err);
int spool_publish(
    const struct delivery *delivery, struct draft *draft, struct error *err);
int spool_place(const struct delivery *delivery, int directory,
    const char *label, struct draft *draft, struct error *err);

/* Remove from tmp/ what spool_write() left there. */
void spool_forget(const struct spool *spool, struct draft *draft);

/*
 * Open a directory of a spool that spool_open() does not hold open, by the
 * spool's own. Makes it, durably, if it is missing. The descriptor is the
 * caller's.
 */
int spool_directory(int root, const char *name, struct error *err);

/*
 * A file in the spool's root that another program watches: its time of
 * change says when something was last asked for.
 */
#define SPOOL_KEYS_WANTED "keys-wanted" /* a new key set */
#define SPOOL_MARK_EVERY  60		/* seconds */

/*
 * Set the mark, unless it was set in the last SPOOL_MARK_EVERY seconds: so
 * often, at most, does the other program start, however many ask. Not
 * flushed. 0 or -1.
 */
int spool_mark(const struct spool *spool, const char *name, struct error *err);

/* What is swept from time to time. */
enum spool_sweep {
	SPOOL_SWEEP_TMP,
	SPOOL_SWEEP_SEEN /* by seen_sweep() */
};
#define SPOOL_SWEEPS 2

/*
 * Is it time for this sweep? True at most once an hour for each spool and
 * process: who is told so does it.
 */
bool spool_sweep_is_due(const struct spool *spool, enum spool_sweep sweep);

/*
 * Remove what has been in tmp/ for longer than SPOOL_STALE, if it is time.
 * Failures show in nothing but in files that stay.
 */
void spool_sweep(const struct spool *spool);

#endif
