/* SPDX-License-Identifier: MIT */
/*
 * signing - how an endpoint's calls are signed, and with which keys
 *
 * For all that judges calls: the handler, and hookdir reverify. What they read
 * is checked here as a whole, against the sender's row and against each other.
 */
#ifndef HOOKDIR_SIGNING_H
#define HOOKDIR_SIGNING_H

#include "jose/keyring.h"
#include "message/header_list.h"
#include "message/message.h"

#define SIGNING_KEY_NAME 33 /* bytes of a name, and a NUL */

struct signing {
	struct keyring keys;
	char key_names[KEYRING_MAX][SIGNING_KEY_NAME];
	struct scheme_text site; /* what the endpoint sets itself */
	struct message_places places;
	/* Made by signing_check(), of the row and the site. */
	struct scheme_set schemes;
};

/*
 * Is it HOOKDIR_KEY_name, a further key? Its name is in lower case, so that no
 * misspelt parameter becomes a key. parameter is without "HOOKDIR_".
 */
bool signing_is_key(struct span parameter, struct span *name);

/*
 * Add HOOKDIR_KEY_name, or replace the key of that name; the bytes of the key
 * stay the caller's, the name is copied. -1: ERROR_CONFIGURATION and a text
 * that names the parameter.
 */
int signing_add_key(struct signing *signing, struct span name, const char *key,
    struct error *err);

/*
 * A word of a parameter in a key's place: "HOOKDIR_KEY_encoding hex" was
 * meant for another parameter, and anybody can guess the key.
 */
bool signing_is_word(const char *text);

/*
 * Check all of it, fill in the schemes, and add to kept what has to be looked
 * at in each call. -1: ERROR_CONFIGURATION and a text that names the
 * parameters.
 */
int signing_check(struct signing *signing, const struct sender *sender,
    struct header_list *kept, struct error *err);

#endif
