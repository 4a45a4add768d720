/* SPDX-License-Identifier: MIT */
/*
 * expire_logs - what stays behind of messages that are gone
 */
#ifndef HOOKDIR_EXPIRE_LOGS_H
#define HOOKDIR_EXPIRE_LOGS_H

#include "queue/archive.h"
#include "queue/queue.h"

/*
 * Remove from log/ what was written before that time about messages that
 * are in no state any more, and from latest/ what was marked before. The
 * memory it takes is bounded, however much there is.
 */
int expire_logs(const struct queue *queue, time_t before, struct error *err);

/*
 * Remove from documents/ what no message names any more, or move it to the
 * archive if that is open, or only print it. before is the caller's; younger
 * than SPOOL_STALE none is removed, since hookdir fetch stores a document
 * before its event. The rest is set: what was removed, and the exit code for
 * those that could not be, which have been reported.
 */
struct expire_documents {
	time_t before;
	const struct archive *archive;
	bool dry_run;
	uint64_t count, bytes;
	int code;
};

int expire_documents(const struct queue *queue,
    struct expire_documents *documents, struct error *err);

#endif
