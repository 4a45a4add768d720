/* SPDX-License-Identifier: MIT */
/*
 * reconcile_options - the arguments, and how the program ends
 */
#ifndef HOOKDIR_RECONCILE_OPTIONS_H
#define HOOKDIR_RECONCILE_OPTIONS_H

#include "net/reconcile_job.h"

#define RECONCILE_CONFIG "/etc/hookdir/shipmondo-api.conf"

/*
 * Options and words in any order; words are the sender and the spool. EX_OK,
 * or EX_USAGE.
 */
int reconcile_take_options(struct reconcile_options *options, int argc,
    char **argv, const char *words[2]);

void reconcile_api_init(struct reconcile_api *api,
    const struct fetch_config *config, const struct reconcile_options *options);

/* Print the error; the exit code for it, see hookdir-reconcile(1). */
int reconcile_fail(const struct error *err);

/* If a signal came: end as it wants it. All must be cleaned up. */
void reconcile_end_by_signal(void);

#endif
