/* SPDX-License-Identifier: MIT */
/*
 * fetch_api - ask Tradecloud's API: session, pace and answers
 *
 * One session is shared by all who fetch into a spool. It is renewed when
 * the API refuses it, once for all of them.
 */
#ifndef HOOKDIR_FETCH_API_H
#define HOOKDIR_FETCH_API_H

#include "net/fetch_http.h"
#include "net/fetch_state.h"

struct fetch_api {
	const struct fetch_config *config;
	struct fetch_url base;
	long timeout;
	int64_t interval; /* microseconds from one request to the next */
	int dir;	  /* SPOOL/fetch/; -1: without a spool */
	struct fetch_session session;
};

/*
 * 0, or -1. Nothing is asked yet. fetch_api_close() is due in both cases;
 * it wipes. The config stays the caller's. timeout: seconds a request; rate:
 * requests a second. spool may be NULL: fetch_api_check() needs none.
 */
int fetch_api_open(struct fetch_api *api, const struct spool *spool,
    const struct fetch_config *config, long timeout, unsigned rate,
    struct error *err);
void fetch_api_close(struct fetch_api *api);

/* Log in, and keep nothing of it. As fetch_api_get(). */
int fetch_api_check(struct fetch_api *api, struct error *err);

/* Wait until it is this process' turn to ask. 0, or -1. */
int fetch_api_pace(const struct fetch_api *api, struct error *err);

/*
 * GET a path of the API, like "/v2/order/ID", and append the body to out up
 * to its ceiling. 0, or -1: ERROR_INCOMPLETE when asking again may help,
 * ERROR_FORM for what the API does not have or give, ERROR_TOO_LARGE,
 * ERROR_CREDENTIALS when it does not let us in.
 */
int fetch_api_get(struct fetch_api *api, const char *path, struct buf *out,
    struct error *err);

/*
 * Can it be an id of theirs, and so a part of a path? Letters, digits and
 * "-_.~", and no dot in front: what leads elsewhere is never asked for.
 */
bool fetch_api_is_id(struct span text);

#endif
