/* SPDX-License-Identifier: MIT */
/*
 * sender - the table of senders
 *
 * What differs between senders stands here, as data; no other file asks
 * which sender it is. A new sender is a new row.
 *
 * A path names a member inside members: "meta.messageId".
 */
#ifndef HOOKDIR_SENDER_H
#define HOOKDIR_SENDER_H

#include <stdbool.h>

#include "message/scheme.h"

#define SENDER_HEADERS_MAX 12
#define SENDER_PATHS_MAX   12
#define SENDER_KINDS_MAX   8

/* How a call of this sender is verified. */
enum sender_scheme {
	SCHEME_NONE,  /* not at all: the web server let it in */
	SCHEME_JWT,   /* the body's member "data" is a JWS, HS256 */
	SCHEME_TOKEN, /* a header holds the key itself */
	SCHEME_HMAC   /* a header holds an HMAC, see lib/message/scheme */
};

/* A call without a body: what its address says. */
struct sender_notice {
	const char *method; /* NULL: this sender has none */
	struct {
		const char *word;  /* a part of the path: "order" */
		const char *query; /* or a parameter: "orderId" */
		const char *type;  /* after the prefix: "order.notified" */
	} kinds[2];
};

/* A kind of thing that messages are about. */
struct sender_kind {
	/*
	 * A member of the data; or with a dot at its end, what the type begins
	 * with after the prefix. NULL ends the list.
	 */
	const char *mark;
	const char *name; /* of the kind; several marks may share it */
	bool whole;
};

/*
 * A message to try an endpoint with. In its texts %i is an id that is new
 * each time, and %t the time.
 */
struct sender_sample {
	const char *headers[4]; /* "Name: value", up to the first NULL */
	const char *body;	/* what is signed; NULL: there is none */
};

/* How it is known that the row is right. */
enum sender_known {
	KNOWN_BY_SENDER, /* calls that the sender's own software signed */
	KNOWN_BY_OTHERS, /* a verifier of somebody else agrees */
	KNOWN_BY_TEXT	 /* the sender's description alone */
};

struct sender {
	const char *name;
	const char *methods; /* as in Allow: "GET, POST" */
	/*
	 * For all senders without a row: the endpoint can say how they sign,
	 * and a call can be a CloudEvent itself.
	 */
	bool generic;
	enum sender_scheme scheme;
	/*
	 * A header whose name begins with the first of these begins with the
	 * second instead in calls that have the second signature below. NULL:
	 * there is one spelling.
	 */
	const char *spellings[2];
	/* SCHEME_HMAC: as many as set SCHEME_HEADER; tried in order. */
	struct scheme_text signature[SCHEME_SET_MAX];
	struct sender_notice notice;

	/*
	 * The event's type: prefix and the headers joined by dots when all
	 * of them are there, else prefix and the member of the data, else
	 * prefix and the endpoint's event, else prefix and fallback. A member
	 * that says type_first decides before the headers.
	 */
	const char *type_prefix;     /* "" for none */
	const char *type_headers[2]; /* NULL for none */
	const char *type_path;	     /* NULL for none */
	const char *type_first;	     /* NULL for none */
	const char *type_fallback;
	bool needs_event; /* the endpoint must set one */

	/*
	 * The header, else the first of these members; else the id is a
	 * digest of the type and the content.
	 */
	const char *id_header; /* NULL for none */
	const char *id_paths[SENDER_PATHS_MAX];

	/*
	 * The first of these members, which are signed where the sender
	 * signs, else the header; else there is no subject.
	 */
	const char *subject_paths[SENDER_PATHS_MAX];
	const char *subject_header; /* NULL for none */

	/*
	 * The number by which people know the thing, where that is another
	 * than the subject: the first of these members that says something.
	 */
	const char *reference_paths[SENDER_PATHS_MAX];

	/*
	 * When the thing was last changed, RFC 3339 or a number of seconds
	 * since 1970: the first of these that is there. Two messages about it
	 * can be told apart by that.
	 */
	const char *changed_paths[SENDER_PATHS_MAX];

	/*
	 * Messages about one thing are a group, and its kind is a part of
	 * what tells groups apart: an order, its documents and a shipment can
	 * have one number. The kind is the type up to the last kind_end ('\0':
	 * a dot) and the first of kinds that fits, if one does.
	 *
	 * whole: each message holds all of the thing's state, so that the
	 * newest replaces the others; of what fits none of kinds, the row's
	 * own says so.
	 */
	char kind_end;
	struct sender_kind kinds[SENDER_KINDS_MAX];
	bool whole;

	/* Request headers kept in the event, up to the first NULL. */
	const char *headers[SENDER_HEADERS_MAX];

	/* What the sender itself sends as a test, and an ordinary message. */
	struct sender_sample test, sample;

	/*
	 * How its calls are answered: the handshake that it makes, see
	 * handler/handshake.c (NULL: none); the status of a call that does not
	 * verify (0: by rule); with no body.
	 */
	const char *challenge;
	int refused_status;
	bool empty_answers;

	/*
	 * For people: what goes into the sender's form, and where its key is;
	 * which answers it takes for good, and what it repeats (NULL: not
	 * known).
	 */
	const char *form, *answers;
	enum sender_known known;
	bool base64; /* a signature is written so, else in hexadecimal */
};

/* The row of that name, or NULL. Names are case-sensitive. */
const struct sender *sender_find(const char *name);

/* The rows in turn, from 0; NULL behind the last. */
const struct sender *sender_at(size_t index);

/*
 * How the row signs; without any scheme where it signs nothing, or where it
 * signs what only a site knows (its URL).
 */
const struct scheme_set *sender_schemes(const struct sender *sender);

/*
 * The same with those items of site in place of the row's that are set; for
 * a row that signs nothing, site's alone. -1: ERROR_CONFIGURATION, see
 * scheme_read().
 */
int sender_schemes_with(const struct sender *sender,
    const struct scheme_text *site, struct scheme_set *schemes,
    struct error *err);

#endif
