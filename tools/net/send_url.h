/* SPDX-License-Identifier: MIT */
/*
 * send_url - the URL of a command line, in which a key may have a place
 */
#ifndef NET_SEND_URL_H
#define NET_SEND_URL_H

#include "net/send_http.h"

/* Is replaced by the key in the URL. */
#define SEND_URL_KEY "{key}"

/* -1 and ERROR_FORM: it is no URL, or has a place for a key that is empty. */
int send_url_read(struct fetch_url *url, const char *text, struct span key,
    struct error *err);

/* --resolve HOST:PORT:ADDRESS; EX_OK, or after a line the code to exit with. */
int send_url_resolve(struct send_peer *peer, const char *text);

#endif
