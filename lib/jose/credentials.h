/* SPDX-License-Identifier: MIT */
/*
 * credentials - the Authorization header (RFC 9110 section 11.6.2)
 */
#ifndef HOOKDIR_CREDENTIALS_H
#define HOOKDIR_CREDENTIALS_H

#include "base/buf.h"
#include "jose/keyring.h"

enum credentials_scheme {
	CREDENTIALS_NONE,   /* no header */
	CREDENTIALS_BASIC,  /* RFC 7617 */
	CREDENTIALS_BEARER, /* RFC 6750 */
	CREDENTIALS_OTHER   /* another scheme, or one of these gone wrong */
};

struct credentials {
	enum credentials_scheme scheme;
	struct span token;	  /* Bearer: a view of the header */
	struct span user, secret; /* Basic: views of what follows */
	struct buf decoded;	  /* owned */
};

#define CREDENTIALS_MAX 16384 /* bytes of a header that is looked at */

/*
 * Take a header apart; NULL or "" is CREDENTIALS_NONE. 0, or -1 and
 * ERROR_MEMORY. credentials_free() is due in both cases; it wipes.
 */
int credentials_parse(
    struct credentials *c, const char *header, struct error *err);
void credentials_free(struct credentials *c);

/*
 * Is this the client? RFC 6749 2.3.1 has id and secret form-encoded before
 * they go into Basic; many clients leave that out, so both are tried. *used
 * is the name of the secret that matched. False with ERROR_MEMORY in *err
 * when that could not be found out.
 */
bool credentials_match(struct span user, struct span secret, bool maybe_encoded,
    const char *client_id, const struct keyring *secrets, const char **used,
    struct error *err);

#endif
