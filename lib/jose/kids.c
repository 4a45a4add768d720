/* SPDX-License-Identifier: MIT */
/*
 * kids - names of keys that a key set lacks, and when each was first seen
 */
#include "jose/kids.h"

#include <stdbool.h>
#include <string.h>

static bool
is_before(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec ||
	    (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

/* The entry of that digest; where there is none, the oldest. */
static size_t
find(const struct kids *kids, const char *digest)
{
	size_t i, oldest = 0;

	for (i = 0; i < KIDS_MAX; i++) {
		if (strcmp(kids->list[i].digest, digest) == 0)
			return i;
		/* An unused one is from 1970. */
		if (is_before(kids->list[i].first, kids->list[oldest].first))
			oldest = i;
	}
	return oldest;
}

int
kids_may_come(struct kids *kids, const char *kid, struct timespec fetched,
    struct timespec now, struct error *err)
{
	char digest[SHA256_HEX_SIZE];
	size_t i;

	if (sha256_hex(span_of(kid), digest, err) < 0)
		return -1;
	/* The clock is or was wrong: what came first is not known. */
	if (is_before(now, fetched))
		return 1;
	i = find(kids, digest);
	if (strcmp(kids->list[i].digest, digest) != 0) {
		if (is_before(kids->list[i].first, fetched)) {
			memcpy(kids->list[i].digest, digest, sizeof(digest));
			kids->list[i].first = now;
		}
		return 1;
	}
	/* The clock has been set back. */
	if (is_before(now, kids->list[i].first))
		kids->list[i].first = now;
	return is_before(kids->list[i].first, fetched) ? 0 : 1;
}
