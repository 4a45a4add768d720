/* SPDX-License-Identifier: MIT */
/*
 * form - what an endpoint of a sender needs, and what to type into the
 * sender's form
 */
#ifndef ENDPOINT_FORM_H
#define ENDPOINT_FORM_H

#include <stdbool.h>

#include "base/buf.h"
#include "endpoint/samples.h"

/* How a call shows that it is the sender's. */
enum form_way {
	FORM_SIGNED, /* the handler verifies a signature */
	FORM_TOKEN,  /* the web server compares a bearer token */
	FORM_URL     /* the web server compares a part of the URL */
};

struct form {
	const char *sender;
	enum form_way way;
	const char *prefix;	 /* of a key */
	bool base64;		 /* a key is base64; else it is hexadecimal */
	bool issued;		 /* the sender makes the key itself */
	const char *max_body;	 /* bytes; NULL for the default */
	const char *const *rows; /* "FIELD: VALUE", with %u URL and %k key */
};

/* NULL: no such sender. */
const struct form *form_find(const char *sender);

/* A new key of this form, from the kernel's random bytes. */
int form_make_key(const struct form *form, struct buf *key, struct error *err);

/*
 * Can this key be written into the configuration as it is? -1 and
 * ERROR_CONFIGURATION if not.
 */
int form_check_key(const struct form *form, struct span key, struct error *err);

/* What differs between the samples of the two web servers, by way. */
enum sample form_sample(const struct form *form, bool apache);
const char *form_sample_word(const struct form *form);

/* Apache's modules, with those that these need. */
const char *form_modules(const struct form *form);

/* The line of the configuration that makes key good. */
void form_write_key(const struct form *form, bool apache, const char *path,
    struct span key, bool previous, struct buf *out);

/* Set key to the one in such a line. False: there is none in it. */
bool form_read_key(const struct form *form, struct span line, struct span *key);

#endif
