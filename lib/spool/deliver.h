/* SPDX-License-Identifier: MIT */
/*
 * deliver - put the event of a message into its spool, once if wanted
 */
#ifndef HOOKDIR_DELIVER_H
#define HOOKDIR_DELIVER_H

#include "message/envelope.h"
#include "spool/spool.h"

/*
 * window is in seconds; 0 stores every message. 1: delivered, as
 * spool_deliver() promises; name is its file, and *off says why its
 * repeats will be stored, if they will. 0: a repeat of a message that is on
 * stable storage; name is undefined. -1: neither.
 */
int deliver_message(const struct spool *spool, const struct message *m,
    const struct envelope *envelope, unsigned window,
    char name[SPOOL_NAME_SIZE], struct error *off, struct error *err);

#endif
