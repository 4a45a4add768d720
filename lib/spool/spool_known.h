/* SPDX-License-Identifier: MIT */
/*
 * spool_known - the spools whose directories this process has flushed
 *
 * A table of the last KNOWN_MOST of them, for all threads: a call to one of
 * them costs the same, however many there are. The one that was not used for
 * the longest time makes room for another.
 */
#ifndef HOOKDIR_SPOOL_KNOWN_H
#define HOOKDIR_SPOOL_KNOWN_H

#include <stdbool.h>
#include <sys/stat.h>

#include "spool/spool.h"

#define KNOWN_MOST 4096

/* A spool is known by its new/; st is from statx(2), with STATX_BTIME. */
bool spool_is_known(const struct statx *st);
void spool_remember(const struct statx *st);

/* Is it a known spool, and this sweep due at the time now? See spool.h. */
bool spool_known_sweep(
    const struct statx *st, enum spool_sweep sweep, int64_t now);

#endif
