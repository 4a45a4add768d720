/* SPDX-License-Identifier: MIT */
/*
 * sender - the table of senders
 *
 * What differs between senders stands here, as data; no other file asks
 * which sender it is. A new sender is a new row.
 */
#ifndef HOOKDIR_SENDER_H
#define HOOKDIR_SENDER_H

#define SENDER_HEADERS_MAX 8

/* How a call of this sender is verified. */
enum sender_scheme {
	SCHEME_NONE, /* not at all: the web server let it in */
	SCHEME_JWT   /* the body's member "data" is a JWS, HS256 */
};

struct sender {
	const char *name;
	const char *methods; /* as in Allow: "POST" */
	enum sender_scheme scheme;

	/*
	 * The event's type: prefix.HEADER.HEADER when both headers are
	 * there, else prefix.MEMBER when the data has that member, else
	 * prefix.FALLBACK. HOOKDIR_EVENT takes the place of FALLBACK.
	 */
	const char *type_prefix;     /* "" for none */
	const char *type_headers[2]; /* NULL for none */
	const char *type_member;     /* NULL for none */
	const char *type_fallback;

	/* The subject: this header, else data.id of the data. */
	const char *subject_header;

	/* Request headers kept in the event, up to the first NULL. */
	const char *headers[SENDER_HEADERS_MAX];
};

/* The row of that name, or NULL. Names are case-sensitive. */
const struct sender *sender_find(const char *name);

#endif
