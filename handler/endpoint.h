/* SPDX-License-Identifier: MIT */
/*
 * endpoint - the parameters of one URL
 *
 * All settings come with each request from the web server's configuration,
 * so its reload is all that a change takes. What is missing, misspelt or
 * out of range is a fault of ours: nothing is ever accepted because
 * something was forgotten.
 */
#ifndef HOOKDIR_ENDPOINT_H
#define HOOKDIR_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "message/header_list.h"
#include "jose/keyring.h"
#include "message/signing.h"
#include "spool/quarantine.h"
#include "request.h"

enum endpoint_role {
	ROLE_RECEIVE,
	ROLE_TOKEN,
	ROLE_HEALTH
};

/* What lets a call in. */
enum endpoint_auth {
	AUTH_DEFAULT,	/* HOOKDIR_AUTH is not set */
	AUTH_SIGNATURE, /* the signature is enough */
	AUTH_BASIC,	/* the web server checked a password */
	AUTH_SERVER,	/* the web server checked by other means */
	AUTH_TOKEN,	/* an access token that we check */
	AUTH_NONE	/* anybody */
};

struct endpoint {
	enum endpoint_role role;
	const char *spool; /* for ROLE_RECEIVE and ROLE_HEALTH */
	bool create;	   /* make the spool when it is missing */
	const struct sender *sender;
	const char *event;  /* or NULL */
	const char *source; /* or NULL */
	struct signing signing;
	const struct handshake *challenge; /* or NULL */
	bool no_challenge;		   /* not even the row's */
	const char *challenge_token;	   /* or NULL */
	int refused_status; /* of a call that does not verify; 0: by rule */
	bool empty_answers;
	enum endpoint_auth auth; /* never AUTH_DEFAULT once read */
	uint64_t max_body;	 /* bytes */
	struct quarantine_amount quarantine;
	uint64_t dedup; /* seconds; 0: off */

	/* Access tokens: ROLE_TOKEN makes them, AUTH_TOKEN checks them. */
	struct keyring token_keys;
	const char *issuer, *audience;
	const char *jwks; /* path, or NULL */
	const char *client_id;
	struct keyring client_secrets;
	uint64_t token_ttl; /* seconds */

	struct header_list kept;   /* the sender's, and HOOKDIR_HEADERS */
	struct header_list secret; /* HOOKDIR_SECRET_HEADERS */
};

/* Keys shorter than this, in bytes, can be guessed offline. */
#define ENDPOINT_KEY_SHORT 32

/*
 * Read an endpoint from a request's parameters. 0, or -1 with
 * ERROR_CONFIGURATION and a text that names the parameter. Holds views of
 * the request; nothing to free.
 */
int endpoint_read(
    struct endpoint *ep, const struct request *rq, struct error *err);

#endif
