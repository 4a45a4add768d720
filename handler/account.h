/* SPDX-License-Identifier: MIT */
/*
 * account - what the log says of an exchange
 */
#ifndef HOOKDIR_ACCOUNT_H
#define HOOKDIR_ACCOUNT_H

#include "exchange.h"

/* The one line, and what else somebody should know. */
void account_for(const struct exchange *x);

#endif
