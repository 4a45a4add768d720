/* SPDX-License-Identifier: MIT */
/*
 * feed_parts - what the parts of feed share
 *
 * Not for others: their header is feed.h.
 */
#ifndef HOOKDIR_FEED_PARTS_H
#define HOOKDIR_FEED_PARTS_H

#include "run/feed.h"
#include "run/outcome.h"

/* Take one out of those that are given; it is the caller's. */
struct task *feed_take_out(struct feed *feed, unsigned i);

/* Settle it and free it; the same for one that goes back. */
void feed_settle(
    struct runner *runner, struct task *task, const struct outcome *outcome);
void feed_settle_back(struct runner *runner, struct task *task, enum fate fate);

/* The same for what the command has not begun to read. */
void feed_take_back(struct runner *runner, struct feed *feed);

/* It gets no more, is to answer what it has, and to end. */
void feed_close_input(struct runner *runner, struct slot *slot);

/* It cannot be relied upon any more: it is to end. */
void feed_break_off(struct slot *slot);

/* A line about the command, unless --quiet. */
void feed_say(const struct runner *runner, const struct slot *slot,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* feed_write.c: as much as the pipe takes. */
void feed_write(struct runner *runner, struct slot *slot);

/* feed_read.c: all that it has written, when it has ended. */
void feed_drain(struct runner *runner, struct slot *slot);

#endif
