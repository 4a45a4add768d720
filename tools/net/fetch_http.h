/* SPDX-License-Identifier: MIT */
/*
 * fetch_http - one request, one answer, with limits
 *
 * https with a certificate that verifies, no proxy, no cookies, no files of
 * the user's, nothing kept from one request to the next; and redirects are
 * not followed. Only public addresses are connected to unless the request
 * says otherwise: that is judged after the name is resolved and before
 * anything is sent.
 */
#ifndef HOOKDIR_FETCH_HTTP_H
#define HOOKDIR_FETCH_HTTP_H

#include <stdint.h>

#include "net/fetch_url.h"

#define FETCH_HEADER_MAX 16384 /* bytes of a header that is looked at */

/* Takes a part of the body; 0, or -1 and the request ends with that. */
typedef int fetch_take(void *context, struct span part, struct error *err);

struct fetch_request {
	const struct fetch_url *url;
	const char *ca; /* a file of certificates; "": the system's */
	struct curl_slist *headers; /* or NULL */
	bool anywhere;		    /* not only to public addresses */
	uint64_t max_size;	    /* bytes of the body */
	long timeout;		    /* seconds, all in all */
	fetch_take *take;
	void *context;
	struct span post; /* at NULL: GET; else what is sent, as JSON */
	bool any_status;  /* take the body whatever the status is */
	bool any_end;	  /* the body itself tells if it is whole, as JSON */
};

struct fetch_answer {
	long status;
	bool reached;	/* there was a connection */
	bool untrusted; /* its certificate does not verify */
	/* Owned; empty where there is none. */
	struct buf location, type, authorization, refresh;
	struct buf date, retry_after, total, pages; /* X-Total-Count, -Pages */
};

void fetch_answer_init(struct fetch_answer *answer);

/* Wipes; accepts what fetch_answer_init() left. */
void fetch_answer_free(struct fetch_answer *answer);

/*
 * 0: there is an answer, and its body is whole and taken if the status is
 * 200; others' bodies are left alone unless any_status is set. A body whose end
 * nothing announced, a length or chunks, is not whole. -1: ERROR_INCOMPLETE
 * when asking again may help, ERROR_FORM when the address is none to be asked,
 * ERROR_TOO_LARGE, or what take() returned; reached and untrusted are set in
 * any case.
 */
int fetch_http(const struct fetch_request *request, struct fetch_answer *answer,
    struct error *err);

/* Can a connection to it be made at all? */
bool fetch_http_reaches(const struct fetch_url *url);

/*
 * Call once, before any other. From then on SIGTERM, SIGINT and SIGHUP end
 * requests with ERROR_INCOMPLETE. 0, or -1 and ERROR_MEMORY.
 */
int fetch_http_start(struct error *err);
void fetch_http_stop(void);

/* The signal that came, or 0. */
int fetch_http_signal(void);

#endif
