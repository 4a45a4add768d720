/* SPDX-License-Identifier: MIT */
/*
 * stream - a connection whose body is the input's
 */
#ifndef FUZZ_STREAM_H
#define FUZZ_STREAM_H

#include <string.h>

#include "fuzz.h"
#include "request.h"

/* A body that comes in pieces, and what is answered. */
struct stream {
	struct span left;
	size_t piece;
	bool breaks;
	struct buf answer;
	int finished;
};

static inline ssize_t
stream_read(void *connection, char *to, size_t len)
{
	struct stream *s = connection;

	if (len > s->piece)
		len = s->piece;
	if (len > s->left.len)
		len = s->left.len;
	if (!len)
		return s->breaks ? -1 : 0;
	memcpy(to, s->left.at, len);
	s->left.at += len;
	s->left.len -= len;
	return (ssize_t)len;
}

static inline void
stream_turn(void *connection, enum turn turn, int64_t deadline)
{
	(void)connection;
	(void)turn;
	(void)deadline;
}

static inline bool
stream_is_late(void *connection)
{
	(void)connection;
	return false;
}

#endif
