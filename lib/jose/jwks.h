/* SPDX-License-Identifier: MIT */
/*
 * jwks - a file with a key set, read when it changes
 */
#ifndef HOOKDIR_JWKS_H
#define HOOKDIR_JWKS_H

#include <time.h>

#include "jose/jwk.h"

/* A key set that stays good while somebody holds it. */
struct jwks;

/*
 * The keys that the file holds now. 0, and *jwks is held for the caller
 * until jwks_release(). When the file has changed and the new one is no
 * good, these are the last good keys, and err says once for each change
 * what is wrong. -1: there never were good ones; ERROR_CONFIGURATION or
 * another fault of ours. Safe from many threads.
 */
int jwks_hold(const char *path, struct jwks **jwks, struct error *err);
void jwks_release(struct jwks *jwks);

/*
 * May this kid, which the keys lack, be in the file once it is fetched
 * again? 1, or 0 when it was fetched after the kid was first seen; -1:
 * ERROR_CRYPTO. See kids.h; the time of a fetch is the earlier of the
 * file's mtime and ctime.
 */
int jwks_may_come(const struct jwks *jwks, const char *kid, struct timespec now,
    struct error *err);

const struct jwk_set *jwks_keys(const struct jwks *jwks);

#endif
