/* SPDX-License-Identifier: MIT */
/*
 * exchange - one request and all that belongs to it
 *
 * Made when a request comes in, freed in one place when it is over.
 */
#ifndef HOOKDIR_EXCHANGE_H
#define HOOKDIR_EXCHANGE_H

#include "authenticate.h"
#include "handshake.h"
#include "message/envelope.h"
#include "spool/quarantine.h"
#include "spool/spool.h"

struct exchange {
	const struct request *request;
	struct endpoint endpoint;
	struct admission admission;
	struct message message;
	struct handshake_answer handshake;
	struct budget_share body_share;
	size_t body_length; /* for the log, when the body is gone */
	struct envelope envelope;
	struct spool spool;
	char file[SPOOL_NAME_SIZE]; /* "" until it is kept */
	bool admitted;		    /* the caller showed good credentials */
	bool verified;		    /* the message is its sender's */
	bool duplicate;		    /* accepted, and stored before */
	enum quarantined quarantined;
	struct error error;	     /* why it was not accepted */
	struct error keeping_failed; /* why it could not be quarantined, or
				      * the keys not be asked for */
	struct error dedup_off;	     /* why its repeats will be stored */
	bool unanswered;	     /* the answer could not be sent */

	/* ROLE_TOKEN: the answer, owned, and the error of RFC 6749 5.2. */
	char *answer;
	const char *oauth_error; /* NULL when a token was granted */
	const char *oauth_description;
	bool guess; /* the name or the secret of the client was wrong */
};

#endif
