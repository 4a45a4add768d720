/* SPDX-License-Identifier: MIT */
/*
 * reconcile_past - which objects a spool has had messages of
 *
 * From the history, and from the files in new/, cur/, hold/, failed/ and
 * done/. A call in quarantine/ was not accepted, and counts for nothing.
 */
#ifndef HOOKDIR_RECONCILE_PAST_H
#define HOOKDIR_RECONCILE_PAST_H

#include "net/reconcile_kind.h"
#include "queue/queue.h"
#include "spool/history.h"

struct reconcile_past {
	const struct queue *queue;
	bool versions; /* read those of files, too, which takes longer */
	/* Numbers are versions: when the object was last changed. */
	struct reconcile_known known;
	struct reconcile_known names;  /* of files, hashed, that were read */
	bool had[RECONCILE_RESOURCES]; /* a message of this resource */
	int64_t oldest;	   /* line of this sender; microseconds; or INT64_MAX */
	struct buf source; /* of the sender's messages; owned */
	struct history_reader readers[2];
	char day[HISTORY_DAY_SIZE]; /* that the readers are in */
};

/*
 * Read all there is. The queue must stay open. 0, or -1;
 * reconcile_past_close() is due in both cases.
 */
int reconcile_past_open(struct reconcile_past *past, const struct queue *queue,
    bool versions, struct error *err);
void reconcile_past_close(struct reconcile_past *past);

/* Read what was added since: to the history and to new/. */
int reconcile_past_refresh(struct reconcile_past *past, struct error *err);

/* Was there a message? *version is of the newest one; may be INT64_MIN. */
bool reconcile_past_has(const struct reconcile_past *past,
    const struct reconcile_object *object, int64_t *version);

#endif
