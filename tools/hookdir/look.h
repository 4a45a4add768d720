/* SPDX-License-Identifier: MIT */
/*
 * look - what can be told of a message at a glance
 *
 * Its name, what fstat() says and the attributes in front of its data: a
 * message of any size costs one short read. Looking at the next one uses
 * the same memory again, and never more than a few MiB.
 */
#ifndef HOOKDIR_LOOK_H
#define HOOKDIR_LOOK_H

#include "message/event.h"
#include "queue/queue.h"

struct look {
	struct event event;
	struct stat st;
	struct timespec arrived; /* tv_sec is 0 where that is not known */
	bool locked;		 /* a command or a run has it */
	struct error failed;	 /* why it is no event; else ERROR_NONE */
};

void look_init(struct look *look);
void look_free(struct look *look);

/*
 * Look at a message. False when it is not there any more. What cannot be
 * read or is no event has *failed set and no type.
 */
bool look_at(struct look *look, const struct queue *queue,
    enum queue_state state, const char *file, const struct spool_name *name);

/*
 * When the message arrived: by its name, else when the file was changed. A
 * time before SPOOL_TIME_MIN is that of a clock that was wrong.
 */
struct timespec look_arrival(
    const struct spool_name *name, const struct stat *st);

/* Empty for what is no event. */
struct span look_type(const struct look *look);

/* Does its type match? Every message matches NULL. */
bool look_matches(const struct look *look, const char *glob);

#endif
