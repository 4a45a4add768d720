/* SPDX-License-Identifier: MIT */
/*
 * hash - numbers for texts, to find them in tables
 *
 * They begin with a secret of this process: no caller can choose a text that
 * shares a place with another. Not for anything that is stored.
 */
#ifndef HOOKDIR_HASH_H
#define HOOKDIR_HASH_H

#include <stdint.h>

#include "base/buf.h"

/* The number of two texts is hash_text(hash_text(0, a), b); NULL is "". */
uint64_t hash_text(uint64_t hash, const char *text);
uint64_t hash_span(uint64_t hash, struct span text);

#endif
