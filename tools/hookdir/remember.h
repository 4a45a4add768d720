/* SPDX-License-Identifier: MIT */
/*
 * remember - the line of a consumer or an operator in a spool's history
 */
#ifndef HOOKDIR_REMEMBER_H
#define HOOKDIR_REMEMBER_H

#include "base/buf.h"
#include "spool/spool_name.h"

/*
 * Note what becomes of a message in the spool that is open as root. event is
 * one of those of hookdir-spool(5). fd is the message's file, from which its
 * id, type and so on are read, or -1. A failure is a warning, once.
 */
void remember(int root, const struct spool_name *name, int fd,
    const char *event, struct span detail);

#endif
