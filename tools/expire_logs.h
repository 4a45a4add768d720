/* SPDX-License-Identifier: MIT */
/*
 * expire_logs - what stays behind of messages that are gone
 */
#ifndef HOOKDIR_EXPIRE_LOGS_H
#define HOOKDIR_EXPIRE_LOGS_H

#include "queue.h"

/*
 * Remove from log/ what was written before that time about messages that
 * are in no state any more, and from latest/ what was marked before. The
 * memory it takes is bounded, however much there is.
 */
int expire_logs(const struct queue *queue, time_t before, struct error *err);

#endif
