/* SPDX-License-Identifier: MIT */
/*
 * budget - memory for large bodies, shared by all requests
 *
 * Any thread may hold a body of BUDGET_FREE bytes; what is beyond that
 * comes out of one budget. A body is given its share as it arrives, so that
 * one which is announced and never sent takes nothing. One of them, the first,
 * always gets what it needs, so that two cannot refuse each other; when it is
 * done, the next that asks is the first. So all shares together come to no
 * more than the budget and one largest body.
 */
#ifndef HOOKDIR_BUDGET_H
#define HOOKDIR_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

#define BUDGET_FREE ((size_t)64 << 10)

/* Bytes for all shares together; before any thread runs. */
void budget_set(size_t bytes);

/*
 * Make *share, which is 0 at first, enough for a body of len bytes. False,
 * and the share as it was, when there is no room for that now.
 */
bool budget_take(size_t *share, size_t len);

/* Give it back; accepts 0. */
void budget_give(size_t *share);

#endif
