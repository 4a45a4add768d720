/* SPDX-License-Identifier: MIT */
/*
 * quarantine_tally - what is in each quarantine/, by this process's count
 */
#ifndef HOOKDIR_QUARANTINE_TALLY_H
#define HOOKDIR_QUARANTINE_TALLY_H

#include "spool/quarantine_sums.h"

struct quarantine_tally;

/*
 * Is there room for the item? QUARANTINE_KEPT: there is; with a tally it is
 * reserved until quarantine_settle(). QUARANTINE_FAILED: err says why.
 * Anything else says what there is no room in. Counts the files of the
 * directory if it has to, and if no other thread does.
 */
enum quarantined quarantine_reserve(int directory,
    const struct quarantine_amount *bounds, const struct quarantine_item *item,
    struct quarantine_tally **tally, struct error *err);

/* The item is there, or, if not kept, its room is given back. */
void quarantine_settle(struct quarantine_tally *tally,
    const struct quarantine_item *item, bool kept);

#endif
