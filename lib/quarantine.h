/* SPDX-License-Identifier: MIT */
/*
 * quarantine - keep calls that did not verify, within bounds
 */
#ifndef HOOKDIR_QUARANTINE_H
#define HOOKDIR_QUARANTINE_H

#include <stdint.h>

#include "spool.h"

/*
 * Keep a file in the spool's quarantine/, unless the files there would
 * then come to more than limit bytes in all. Changes iov.
 *
 * 1: kept; name is its file. 0: full, not kept. -1: failed, not kept. A
 * power cut may lose a file that was kept, but never tears it. Safe
 * between threads, and between processes where the file system has locks.
 */
int quarantine_keep(const struct spool *spool, struct timespec received,
    struct iovec *iov, int count, uint64_t limit, char name[SPOOL_NAME_SIZE],
    struct error *err);

#endif
