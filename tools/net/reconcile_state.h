/* SPDX-License-Identifier: MIT */
/*
 * reconcile_state - how far earlier runs came
 *
 * SPOOL/reconcile/shipmondo.state; its time of change is the end of the last
 * complete run, which hookdir doctor looks at.
 */
#ifndef HOOKDIR_RECONCILE_STATE_H
#define HOOKDIR_RECONCILE_STATE_H

#include "base/buf.h"
#include "net/reconcile_known.h"

#define RECONCILE_STATE "shipmondo.state"

/* Times are microseconds since 1970 by the API's clock; INT64_MIN: none. */
struct reconcile_state {
	int64_t from; /* the earliest time that was ever asked for */
	int64_t complete[RECONCILE_RESOURCES]; /* up to then */
	int64_t changed;		       /* orders, with --changed */
	char source[1024];		       /* of the sender's messages */
};

/* What is not there is INT64_MIN and "". */
void reconcile_state_read(int dir, struct reconcile_state *state);
int reconcile_state_write(
    int dir, const struct reconcile_state *state, struct error *err);

/* Replace a file in dir, flushed. The former one stays where that fails. */
int reconcile_replace(
    int dir, const char *name, struct span text, struct error *err);

#endif
