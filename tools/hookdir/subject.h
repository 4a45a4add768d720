/* SPDX-License-Identifier: MIT */
/*
 * subject - what a message is about, and how new it is
 */
#ifndef HOOKDIR_SUBJECT_H
#define HOOKDIR_SUBJECT_H

#include "base/hmac.h"
#include "queue/queue.h"

struct subject {
	/*
	 * A digest of source, subject and kind; see lib/message/sender.h. Where
	 * the signature of the sender does not cover the header that names the
	 * subject, the member of the signed data counts, and a header that
	 * differs from it makes a group of its own.
	 */
	char group[SHA256_HEX_SIZE];
	/* When the thing was changed, if the sender says so, else arrival. */
	struct timespec version;
	bool whole; /* the message holds all of the thing's state */
	bool alone; /* no subject: the message is a group by itself */
};

/* Does a type match a glob (fnmatch(3))? NULL matches all. */
bool subject_type_matches(struct span type, const char *glob);

/*
 * 1, or 0 when the message is gone, or not of the type wanted (a glob, or
 * NULL). What is no event is about itself alone, and matches only where any
 * type does. subject may be NULL: then only the type is looked at.
 */
int subject_read(const struct queue *queue, enum queue_state state,
    const char *file, const char *type, struct subject *subject,
    struct error *err);

#endif
