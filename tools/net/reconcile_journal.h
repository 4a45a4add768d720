/* SPDX-License-Identifier: MIT */
/*
 * reconcile_journal - what earlier runs have delivered
 *
 * In SPOOL/reconcile/, for one run at a time:
 *   lock             held by the run
 *   pace             when the API was last asked
 *   shipmondo.ids    a line before and after each delivery; the first is
 *                    flushed, so that a delivery that was cut off is repeated
 *                    under the id that it had
 */
#ifndef HOOKDIR_RECONCILE_JOURNAL_H
#define HOOKDIR_RECONCILE_JOURNAL_H

#include "base/buf.h"
#include "base/hmac.h"
#include "net/reconcile_known.h"

#define RECONCILE_DIRECTORY "reconcile"
#define RECONCILE_IDS	    "shipmondo.ids"

/* A delivery that was begun and is not known to have ended. */
struct reconcile_begun {
	enum reconcile_resource resource;
	uint64_t id;
	int64_t version;
	char event[SHA256_HEX_SIZE]; /* its id */
};

struct reconcile_journal {
	int dir, lock, fd;
	struct reconcile_begun *begun; /* owned */
	size_t count;
};

#define RECONCILE_JOURNAL_INIT                                                 \
	{                                                                      \
		-1, -1, -1, NULL, 0                                            \
	}

/*
 * Open it, and add what was delivered to known. Where write is false nothing
 * is made, locked or written, and all may be missing. 1: open. 0: another run
 * has the lock. -1: failed. reconcile_journal_close() is due in all cases.
 */
int reconcile_journal_open(struct reconcile_journal *journal, int root,
    bool write, struct reconcile_known *known, struct error *err);
void reconcile_journal_close(struct reconcile_journal *journal);

/* The delivery of this object that was cut off, or NULL. */
const struct reconcile_begun *reconcile_journal_find(
    const struct reconcile_journal *journal, enum reconcile_resource resource,
    uint64_t id);

/* Before a delivery: 0 when the line is flushed. After it: not flushed. */
int reconcile_journal_begin(struct reconcile_journal *journal,
    const struct reconcile_begun *delivery, struct error *err);
int reconcile_journal_end(struct reconcile_journal *journal,
    const struct reconcile_begun *delivery, struct error *err);

/* Remove what is older than a year from the file of ids, if it is large. */
int reconcile_journal_trim(
    struct reconcile_journal *journal, struct error *err);

#endif
