/* SPDX-License-Identifier: MIT */
/*
 * fetch_url - an address to fetch from, and who may be asked
 *
 * https only, no user or password in it, and a host that is a plain name or
 * an IP address. One parser, libcurl's, reads it: what was checked is what
 * is asked.
 */
#ifndef HOOKDIR_FETCH_URL_H
#define HOOKDIR_FETCH_URL_H

#include <stdbool.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/error.h"

#define FETCH_URL_MAX  8192
#define FETCH_HOST_MAX 255

struct fetch_url {
	CURLU *parts; /* owned */
	char host[FETCH_HOST_MAX + 1];
	unsigned port;
};

#define FETCH_URL_INIT                                                         \
	{                                                                      \
		NULL, "", 0                                                    \
	}

/*
 * Read an address. 0, or -1: ERROR_FORM says what is wrong with it.
 * fetch_url_free() is due in both cases, and accepts FETCH_URL_INIT.
 */
int fetch_url_read(struct fetch_url *url, struct span text, struct error *err);
void fetch_url_free(struct fetch_url *url);

/* Go where an answer points, from here; as fetch_url_read(). */
int fetch_url_follow(
    struct fetch_url *url, struct span location, struct error *err);

/* The same scheme, host and port (RFC 6454)? */
bool fetch_url_same_origin(
    const struct fetch_url *a, const struct fetch_url *b);

/* Append it without its query, for people to read. */
int fetch_url_append(
    const struct fetch_url *url, struct buf *out, struct error *err);

/*
 * Hosts that an operator names: "HOST", "HOST:PORT", "*.HOST" for those
 * below HOST. Without a port it is 443. is_pattern: is this such a name?
 */
bool fetch_url_is_pattern(const char *text);
bool fetch_url_matches(const struct fetch_url *url, const char *pattern);

#endif
