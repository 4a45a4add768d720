/* SPDX-License-Identifier: MIT */
/*
 * reconcile_api - ask Shipmondo's API, with credentials, pace and retries
 */
#ifndef HOOKDIR_RECONCILE_API_H
#define HOOKDIR_RECONCILE_API_H

#include "net/fetch_config.h"
#include "net/fetch_http.h"

struct reconcile_api {
	const struct fetch_config *config;
	int dir;	  /* where processes share the pace; -1: none do */
	int64_t interval; /* microseconds from one request to the next */
	long timeout;	  /* seconds a request */
	unsigned retries; /* after a failure that may pass */
	int64_t skew;	  /* seconds that the API's clock is ahead of ours */
	int64_t last;	  /* when a request was last sent */
};

/* What came with an answer. */
struct reconcile_answer {
	long status;
	uint64_t total, pages; /* UINT64_MAX where the answer has none */
};

/*
 * GET a path with its query. 0: *answer, and the body in out for the status
 * 200, else a part of it. Failures that may pass, among them 408, 425, 429
 * and 5xx, are retried with back-off. -1: ERROR_INCOMPLETE when they did not
 * pass, ERROR_CREDENTIALS for 401 and 403, or a local error.
 */
int reconcile_api_get(struct reconcile_api *api, const char *path,
    struct buf *out, struct reconcile_answer *answer, struct error *err);

/* The same for a POST of JSON, which is sent once. */
int reconcile_api_post(struct reconcile_api *api, const char *path,
    struct span json, struct buf *out, struct reconcile_answer *answer,
    struct error *err);

/* -1, with the error of an answer that is not what was asked for. */
int reconcile_api_refuse(
    const char *path, long status, const struct buf *body, struct error *err);

/* Seconds since 1970 by the API's clock, as far as it is known. */
int64_t reconcile_api_now(const struct reconcile_api *api);

#endif
