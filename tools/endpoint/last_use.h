/* SPDX-License-Identifier: MIT */
/*
 * last_use - when calls came to an endpoint, and with which key
 *
 * From the receiver's lines in SPOOL/history/, see hookdir-spool(5), or
 * without them from the names of the messages that are still there.
 */
#ifndef ENDPOINT_LAST_USE_H
#define ENDPOINT_LAST_USE_H

#include "base/error.h"

#define LAST_USE_SIZE 40

/* Times of RFC 3339, UTC, which compare as text; "" for never. */
struct last_use {
	char any[LAST_USE_SIZE];
	char current[LAST_USE_SIZE], previous[LAST_USE_SIZE];
};

/* A spool without history, or none at all, has no use. -1: cannot be read. */
int last_use_read(struct last_use *use, const char *spool, struct error *err);

#endif
