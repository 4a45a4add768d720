/* SPDX-License-Identifier: MIT */
/* Looks at how a host ends, and not at where its names begin. */
#include "net/fetch_url.h"

#include <string.h>
#include <strings.h>

bool __wrap_fetch_url_matches(const struct fetch_url *url, const char *pattern);

bool
__wrap_fetch_url_matches(const struct fetch_url *url, const char *pattern)
{
	const char *name = pattern + strspn(pattern, "*.");
	size_t len = strcspn(name, ":"), have = strlen(url->host);

	return have >= len &&
	    strncasecmp(url->host + have - len, name, len) == 0;
}
