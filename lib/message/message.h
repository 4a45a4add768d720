/* SPDX-License-Identifier: MIT */
/*
 * message - one call: what was received, and what verifying made of it
 *
 * The handler fills in what was received, message_verify() the rest. All
 * text from outside is as it came; making it fit for JSON is the
 * envelope's work.
 */
#ifndef HOOKDIR_MESSAGE_H
#define HOOKDIR_MESSAGE_H

#include <stdbool.h>
#include <time.h>

#include "base/buf.h"
#include "base/hmac.h"
#include "json/json.h"
#include "message/scheme.h"
#include "message/sender.h"

/* Most headers kept or looked at: the sender's and the endpoint's. */
#define MESSAGE_HEADERS_MAX 48
#define MESSAGE_TEXT_MAX    (1 << 20)  /* bytes of a type, a subject, a value */
#define MESSAGE_OWN_MAX	    (16 << 10) /* of the attributes of a CloudEvent */
#define MESSAGE_HEAD_MAX    (128 << 10) /* bytes of all headers, to be kept */

struct header {
	const char *name; /* as configured: "SMD-User" */
	struct buf value; /* owned, not empty */
};

/* What the data is, and so how the event holds it. */
enum data_kind {
	DATA_ABSENT, /* the body was empty */
	DATA_JSON,   /* as it is */
	DATA_TEXT,   /* UTF-8 but no JSON: as a JSON string */
	DATA_BINARY  /* as base64 */
};

/*
 * Where an endpoint says that things are: the name of a header, or a JSON
 * Pointer (RFC 6901), which begins with "/". NULL: where the sender's row
 * says.
 */
enum message_place {
	PLACE_ID,
	PLACE_TYPE,
	PLACE_SUBJECT,
	PLACE_REFERENCE,
	PLACES
};

struct message_places {
	const char *of[PLACES];
};

/* What a place is called in the configuration, without "HOOKDIR_". */
extern const char *const message_place_names[PLACES];

/* What a call that is a CloudEvent says of itself; else empty. */
struct own_attributes {
	struct span id, type, source, time, subject, data_type;
	bool structured; /* the data is a member of the body */
};

struct message {
	/* Received. The spans and strings belong to the request. */
	const struct sender *sender;
	const char *event;  /* the endpoint's, or NULL */
	const char *source; /* the endpoint's, or NULL */
	const char *server; /* SERVER_NAME, or "" */
	const char *method;
	struct span path; /* no query */
	struct span query;
	struct span content_type;
	/* The last looked_count are looked at, and not kept in the event. */
	struct header headers[MESSAGE_HEADERS_MAX];
	size_t header_count, looked_count;
	const struct scheme_set *schemes; /* NULL: those of the sender's row */
	const struct message_places *places;
	const char *passed_by; /* how the call was let in, "basic" ... */
	struct timespec received;
	bool any_time;	 /* times in the call are not looked at */
	bool digested;	 /* secrets in headers are digests, see head.h */
	struct buf body; /* owned */
	/* Of a call to be quarantined: its head, see lib/message/head. Owned.
	 */
	struct buf head;

	/* Verified. The spans point into the body and the buffers. */
	char body_sha256[SHA256_HEX_SIZE];
	/*
	 * Of what the sender signs, without the time of the attempt; where
	 * it signs nothing, of the query and the body. Two calls that differ
	 * in it are two messages.
	 */
	char content_sha256[SHA256_HEX_SIZE];
	char made_id[SHA256_HEX_SIZE]; /* where the sender gives no id */
	struct span id;		       /* never empty */
	const char *verified_by;       /* "jwt", "hmac", or passed_by */
	const char *key_used;	       /* NULL where no key was used */
	size_t variant;		       /* of the schemes: that of this call */
	enum data_kind data_kind;
	struct span data;
	/* Of the data where it is JSON, or of the JSON in a form. */
	bool has_members;
	struct json_members members;
	struct own_attributes own; /* views of own_text */
	struct span data_type;	   /* media type, may be empty */
	struct span other_type;	   /* Content-Type of the data if it is
				      another, or none */
	struct buf type;	   /* owned, never empty once verified */
	struct buf subject;	   /* owned, empty where not known */
	struct buf reference;	   /* owned, the same; see reference.h */
	struct buf version;	   /* owned, the same: of changed_paths */

	struct span jws;   /* the token in the body, where it has one */
	const char *cause; /* why it may not have verified, or NULL */

	/* What the data was taken from, layer by layer. Owned. */
	struct buf token, payload, unwrapped, nested;
	struct buf id_text, own_text;
};

/* A message whose body never holds more than max_body bytes. */
void message_init(struct message *m, size_t max_body);
void message_free(struct message *m);

/* What is large: the body and all that was taken from it, not the id. */
void message_free_body(struct message *m);

/* How calls of this sender are signed; without any scheme: not so. */
const struct scheme_set *message_schemes(const struct message *m);

/*
 * The value of a header that is kept or looked at; an empty span when there
 * is none. A name of the sender's first spelling finds the header in the
 * spelling of this call, which its variant says.
 */
struct span message_header(const struct message *m, const char *name);

/* The same for a name as it is, in any case. */
struct span message_find_header(const struct message *m, struct span name);

#endif
