/* SPDX-License-Identifier: MIT */
/*
 * send_call - a message as its sender sends it
 *
 * The sender's row says how it is signed. A key never becomes a part of an
 * argument, a text for people or a file.
 */
#ifndef HOOKDIR_SEND_CALL_H
#define HOOKDIR_SEND_CALL_H

#include <curl/curl.h>

#include "base/buf.h"
#include "message/sender.h"

#define SEND_HEADERS_MAX 48
#define SEND_BODY_MAX	 ((size_t)64 << 20)

/* What all messages of one command have in common. */
struct send_rule {
	const struct sender *sender;
	const char *url;    /* of the call, for senders that sign it */
	struct span key;    /* as in HOOKDIR_KEY; empty: there is none */
	bool key_is_in_url; /* and in no header */
	/* A new message of this each time; NULL: payload is the message. */
	const struct sender_sample *sample;
	struct span payload;
	/* "Name: value", those that were asked for; the first of a name. */
	const char *headers[SEND_HEADERS_MAX];
	size_t header_count;
};

struct send_call {
	struct buf body;	    /* owned */
	struct curl_slist *headers; /* owned */
};

#define SEND_CALL_INIT                                                         \
	{                                                                      \
		BUF_INIT(2 * SEND_BODY_MAX), NULL                              \
	}

/* 0, or -1 on a local error. send_call_free() is due in both cases. */
int send_call_make(
    const struct send_rule *rule, struct send_call *call, struct error *err);

/* Wipes; the call is then as SEND_CALL_INIT left it. */
void send_call_free(struct send_call *call);

/* Is this "Name: value", as HTTP has it? */
bool send_call_is_header(const char *text);

#endif
