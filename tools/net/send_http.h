/* SPDX-License-Identifier: MIT */
/*
 * send_http - many calls to one address, some at a time, at some rate
 *
 * HTTP/1.1 by TLS, no proxy, no redirects, connections are kept. Call
 * fetch_http_start() before; a signal ends it, and what has not been answered
 * counts as not sent.
 */
#ifndef HOOKDIR_SEND_HTTP_H
#define HOOKDIR_SEND_HTTP_H

#include "net/fetch_url.h"
#include "net/send_answer.h"
#include "net/send_call.h"

struct send_peer {
	struct fetch_url url;
	const char *ca;		    /* file of certificates; NULL: system's */
	bool insecure;		    /* do not verify the certificate */
	struct curl_slist *resolve; /* "HOST:PORT:ADDRESS"; or NULL */
	long timeout;		    /* seconds for a call */
};

struct send_load {
	unsigned long count;
	unsigned rate; /* calls a second; 0: as fast as they are answered */
	unsigned connections;
};

/* Called for each answer; answer->seconds is set. */
typedef void send_done(void *context, const struct send_answer *answer);

/* The options that all calls share. 0 if libcurl accepts all of them. */
int send_http_set_peer(CURL *curl, const struct send_peer *peer);

/* 0, also when no call is answered; -1: a local error ended it. */
int send_http(const struct send_peer *peer, const struct send_rule *rule,
    const struct send_load *load, send_done *done, void *context,
    struct error *err);

#endif
