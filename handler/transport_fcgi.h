/* SPDX-License-Identifier: MIT */
/*
 * transport_fcgi - requests from a listening socket, on many threads
 *
 * One thread after another waits for a connection and then serves it;
 * threads are started when all are busy, up to a limit.
 */
#ifndef HOOKDIR_TRANSPORT_FCGI_H
#define HOOKDIR_TRANSPORT_FCGI_H

struct fcgi_options {
	int listener; /* a listening socket; stays the caller's */
	int threads;  /* at most; at least 1 */
	int wait;     /* seconds that a peer may take; see request.h */
};

/*
 * Serve until SIGTERM, SIGINT, SIGHUP or SIGUSR1, then finish what has
 * been accepted; a request that has not arrived whole 3 s later is cut off.
 * Call it before any thread runs; the signals stay blocked. 0, or -1 when it
 * could not begin or the listener broke: it has then said why in the log.
 */
int transport_fcgi_run(const struct fcgi_options *options);

#endif
