/* SPDX-License-Identifier: MIT */
/*
 * scheme - how a sender signs its calls
 *
 * A scheme is a few texts: those of a row of the table of senders, or those
 * of an endpoint's parameters. Both are read by the same function, so that a
 * sender without a row can do what the rows do. hookdir-senders(7) describes
 * the texts for users.
 */
#ifndef HOOKDIR_SCHEME_H
#define HOOKDIR_SCHEME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/hmac.h"

#define SCHEME_HEADERS_MAX   8
#define SCHEME_SET_MAX	     3
#define SCHEME_TOLERANCE_MAX 86400 /* seconds */

enum scheme_item {
	SCHEME_HEADER,	     /* names of headers that hold signatures */
	SCHEME_PREFIX,	     /* in front of each signature */
	SCHEME_SEPARATOR,    /* words: comma, semicolon, space */
	SCHEME_ALGORITHM,    /* sha256, sha1, sha512 */
	SCHEME_SIGNED,	     /* a pattern of %b %t %u %m %{Header} %% */
	SCHEME_TIME,	     /* a header, or an item of the list: "t=" */
	SCHEME_TIME_FORMAT,  /* s, ms, rfc3339, http */
	SCHEME_KEY_ENCODING, /* text, base64, hex */
	/* These are the site's: any sender may have them. */
	SCHEME_TOLERANCE, /* seconds, 0: not judged */
	SCHEME_URL,	  /* the URL as the sender has it */
	SCHEME_ITEMS
};

/* What an item is called in the configuration, without "HOOKDIR_". */
extern const char *const scheme_names[SCHEME_ITEMS];

/* NULL: not set. */
struct scheme_text {
	const char *item[SCHEME_ITEMS];
};

enum time_format {
	TIME_SECONDS,	   /* ten digits */
	TIME_MILLISECONDS, /* thirteen */
	TIME_RFC3339,
	TIME_HTTP /* RFC 9110 section 5.6.7, IMF-fixdate */
};

enum key_encoding {
	KEY_TEXT,
	KEY_BASE64, /* behind "whsec_", which may be absent */
	KEY_HEX
};

/* Views of the text. */
struct scheme {
	struct span headers[SCHEME_HEADERS_MAX];
	size_t header_count;
	struct span prefix;
	char separators[4]; /* characters; "": there is one signature */
	enum hmac_algorithm algorithm;
	struct span pattern;
	struct span time;  /* a header's name, or the beginning of an item */
	bool time_in_list; /* which of these */
	enum time_format time_format;
	unsigned tolerance; /* seconds, both ways; 0: not judged */
	enum key_encoding key_encoding;
	struct span url;
};

/* Several ways in which one sender signs; a call has one of them. */
struct scheme_set {
	struct scheme of[SCHEME_SET_MAX];
	size_t count;
};

/*
 * Read the texts, of which SCHEME_HEADER is set. 0, or -1 and
 * ERROR_CONFIGURATION with a text that names the items that are wrong or
 * contradict each other.
 */
int scheme_read(
    struct scheme *scheme, const struct scheme_text *text, struct error *err);

/* A part of a pattern: what is between two places, or a place. */
enum scheme_part_kind {
	SIGNED_TEXT, /* text, as it is */
	SIGNED_BODY,
	SIGNED_TIME,
	SIGNED_URL,
	SIGNED_METHOD,
	SIGNED_HEADER /* text is its name */
};

struct scheme_part {
	enum scheme_part_kind kind;
	struct span text;
};

/* Take the next part of a pattern; false at its end, or where it is wrong. */
bool scheme_next_part(struct span *pattern, struct scheme_part *part);

/*
 * Append the bytes that a key says in its encoding. False when it says none.
 * Look at buf_check() for memory. The caller wipes them.
 */
bool scheme_decode_key(
    enum key_encoding encoding, struct span key, struct buf *out);

/*
 * Every header that is looked at, names with spaces between. Look at
 * buf_check() for memory.
 */
void scheme_append_headers(const struct scheme *scheme, struct buf *out);

#endif
