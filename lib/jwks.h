/* SPDX-License-Identifier: MIT */
/*
 * jwks - a file with a key set, read when it changes
 */
#ifndef HOOKDIR_JWKS_H
#define HOOKDIR_JWKS_H

#include "jwk.h"

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

const struct jwk_set *jwks_keys(const struct jwks *jwks);

#endif
