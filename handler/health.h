/* SPDX-License-Identifier: MIT */
/*
 * health - the role that says whether a message could be stored
 */
#ifndef HOOKDIR_HEALTH_H
#define HOOKDIR_HEALTH_H

#include "exchange.h"

#define HEALTH_METHODS "GET, HEAD"

/*
 * Write, flush and remove a file in the endpoint's spool. All callers of this
 * process share the result of a second. 0: a message could be stored. -1:
 * x->error says why not.
 */
int health(struct exchange *x);

#endif
