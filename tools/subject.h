/* SPDX-License-Identifier: MIT */
/*
 * subject - what a message is about, and how new it is
 */
#ifndef HOOKDIR_SUBJECT_H
#define HOOKDIR_SUBJECT_H

#include "hmac.h"
#include "queue.h"

struct subject {
	/*
	 * A digest of source and subject; with kind also of the type up to
	 * its last dot, since an order and a shipment can have one number.
	 * A message without a subject is about itself alone.
	 */
	char group[SHA256_HEX_SIZE];
	/* When the thing was changed, if the sender says so, else arrival. */
	struct timespec version;
};

/* Does a type match a glob (fnmatch(3))? NULL matches all. */
bool subject_type_matches(struct span type, const char *glob);

struct subject_wanted {
	const char *type; /* a glob; NULL: any */
	bool kind;	  /* tell kinds apart, and read the version */
};

/*
 * 1, or 0 when the message is gone, or not of the type wanted. What is no
 * event is about itself alone, and matches only where any type does.
 */
int subject_read(const struct queue *queue, enum queue_state state,
    const char *file, const struct subject_wanted *wanted,
    struct subject *subject, struct error *err);

#endif
