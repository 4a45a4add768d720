/* SPDX-License-Identifier: MIT */
/*
 * request - one request, whatever the transport
 *
 * Parameters, a body to read, an answer to write; FastCGI and CGI differ
 * in the four functions of struct transport and in nothing else.
 */
#ifndef HOOKDIR_REQUEST_H
#define HOOKDIR_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "budget.h"
#include "base/buf.h"

/* Whose turn it is. */
enum turn {
	TURN_OURS,  /* the peer waits, for as long as it takes */
	TURN_SENDS, /* the peer sends its request */
	TURN_TAKES  /* the peer takes the answer */
};

/* A body should arrive at so many bytes a second. */
#define REQUEST_PACE 65536

struct transport {
	/* Up to len bytes, which is not 0; 0 at the end, -1 when the stream
	 * is broken. */
	ssize_t (*read)(void *connection, char *to, size_t len);
	/* All of it: 0 or -1. */
	int (*write)(void *connection, const char *bytes, size_t len);
	/* Send what is left and let the peer go: 0 or -1. */
	int (*finish)(void *connection);
	/*
	 * Whose turn it is from now on. A peer that has not done its part at
	 * deadline (clock_monotonic()) is cut off: read() or write() fails.
	 */
	void (*turn)(void *connection, enum turn turn, int64_t deadline);
	/* Was the peer cut off while it was its turn to send? */
	bool (*is_late)(void *connection);
	/*
	 * Cut the peer off now, from any thread, until this request's share of
	 * the budget is settled or given back. NULL: there is only one request.
	 */
	void (*cut)(void *connection);
	/* Does reading past the announced length end, or hang? With an end
	 * it is read to that, and more than was announced is an error. */
	bool has_end;
};

struct request {
	const struct transport *transport;
	void *connection;
	char **params;	 /* NAME=VALUE, up to a NULL */
	bool broken;	 /* the parameters were cut off */
	int64_t started; /* clock_monotonic() */
	int64_t wait;	 /* of -w, microseconds */
};

/*
 * A parameter's value, or NULL. Of several with one name the last counts,
 * as it does for other FastCGI programs: it overrides what a file that was
 * included above it said.
 */
const char *request_param(const struct request *rq, const char *name);

/*
 * Append a header's value. A header that came several times is one list
 * (RFC 9110 section 5.2), whether the web server joins it or we do. The
 * name is as in HTTP: "SMD-User".
 */
void request_header(
    const struct request *rq, const char *name, struct buf *value);

/*
 * The path that was asked for, as it was sent and without the query, and
 * the query without "?".
 */
void request_target(
    const struct request *rq, struct span *path, struct span *query);

/*
 * Read the whole body, up to the ceiling of the buffer. The peer has rq->wait
 * from rq->started on, and a second more for each REQUEST_PACE bytes that
 * have arrived; and rq->wait for each 16 KiB.
 *
 * 0, or -1: ERROR_TOO_LARGE, ERROR_INCOMPLETE, ERROR_REQUEST, ERROR_SLOW,
 * ERROR_MEMORY, or ERROR_CONFIGURATION when the web server has announced
 * less. In both cases *share, which budget_join() has made, is its part of
 * the budget, to be given back with the body.
 */
int request_read_body(const struct request *rq, struct buf *body,
    struct budget_share *share, struct error *err);

/*
 * Is the request's method one of these, "GET, POST"? 0, or -1 and
 * ERROR_METHOD.
 */
int request_check_method(
    const struct request *rq, const char *methods, struct error *err);

/* 0, or -1 when the peer is gone. */
int request_write(const struct request *rq, struct span bytes);
int request_finish(const struct request *rq);

#endif
