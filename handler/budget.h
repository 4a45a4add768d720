/* SPDX-License-Identifier: MIT */
/*
 * budget - memory for large bodies, shared by all requests
 *
 * Any thread may hold a body of BUDGET_FREE bytes; what is beyond that
 * comes out of one budget. A body is given its share as it arrives, so that
 * one which is announced and never sent takes nothing. When no other one
 * holds a share, a body gets what it needs: the budget makes large bodies
 * wait for each other, and never one for ever.
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
