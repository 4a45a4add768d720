/* SPDX-License-Identifier: MIT */
/*
 * receive - the role that takes messages in
 */
#ifndef HOOKDIR_RECEIVE_H
#define HOOKDIR_RECEIVE_H

#include "exchange.h"

/*
 * 0: the message is verified and on stable storage, x->file is its name in
 * new/. -1: x->error says why not; where that is a verdict, the call is in
 * quarantine/ or x->quarantined says why not.
 */
int receive(struct exchange *x);

#endif
