/* SPDX-License-Identifier: MIT */
/*
 * kids - names of keys that a key set lacks, and when each was first seen
 *
 * Any caller can invent a kid, so the memory is bounded, and it errs on the
 * safe side: a kid that is not in it counts as new, and its sender is asked to
 * try again. A kid that a later fetch has shown to be no key makes room for
 * another, the oldest first; one that still waits for a fetch does not.
 */
#ifndef HOOKDIR_KIDS_H
#define HOOKDIR_KIDS_H

#include <time.h>

#include "base/hmac.h"

#define KIDS_MAX 16

/* All zero at first. */
struct kids {
	struct {
		char digest[SHA256_HEX_SIZE]; /* of the kid; "": unused */
		struct timespec first;
	} list[KIDS_MAX];
};

/*
 * May a key set that is fetched now have this kid, which the current one
 * lacks? fetched is when the fetch of the current one began. 1: yes, the
 * fetch began before the kid was first seen. 0: no, it began afterwards.
 * -1: ERROR_CRYPTO.
 */
int kids_may_come(struct kids *kids, const char *kid, struct timespec fetched,
    struct timespec now, struct error *err);

#endif
