/* SPDX-License-Identifier: MIT */
/*
 * record - the line of an exchange in the history of its spool
 */
#ifndef HOOKDIR_RECORD_H
#define HOOKDIR_RECORD_H

#include "exchange.h"

/* After the answer. A failure changes nothing but the log. */
void record(const struct exchange *x);

#endif
