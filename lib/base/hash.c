/* SPDX-License-Identifier: MIT */
/*
 * hash - numbers for texts, to find them in tables
 */
#include "base/hash.h"

#include <pthread.h>
#include <sys/random.h>

#include "base/clock.h"

static uint64_t seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void
make_seed(void)
{
	if (getrandom(&seed, sizeof(seed), 0) < 0)
		seed = (uint64_t)clock_monotonic();
}

uint64_t
hash_span(uint64_t hash, struct span text)
{
	size_t i;

	(void)pthread_once(&seed_once, make_seed);
	/* FNV-1a, with a NUL at the end that tells "a" "b" from "ab" */
	hash ^= seed;
	for (i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.at[i]) * 1099511628211u;
	hash *= 1099511628211u;
	/* The upper bits depend on all of it, and so do the lower ones. */
	hash *= 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

uint64_t
hash_text(uint64_t hash, const char *text)
{
	return hash_span(hash, span_of(text ? text : ""));
}
