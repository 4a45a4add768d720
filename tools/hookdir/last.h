/* SPDX-License-Identifier: MIT */
/*
 * last - when things last happened to a spool, as its history says
 */
#ifndef HOOKDIR_LAST_H
#define HOOKDIR_LAST_H

#include <time.h>

#include "base/error.h"

/* Bytes of history that are read, the newest. */
#define LAST_BYTES ((off_t)64 << 20)

#define LAST_KEYS     40
#define LAST_KEY_SIZE 72
#define LAST_RULES    (ERROR_NOT_YET_VALID + 1)

/* 0 where it has not happened. */
struct last {
	time_t accepted;	    /* or came again */
	time_t refused[LAST_RULES]; /* by enum error_code */
	struct {
		char name[LAST_KEY_SIZE];
		time_t when;
	} used[LAST_KEYS]; /* keys */
	size_t used_count;
};

/* Read it of the spool that is open as root. 0 or -1. */
int last_read(struct last *last, int root, struct error *err);

#endif
