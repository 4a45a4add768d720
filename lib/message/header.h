/* SPDX-License-Identifier: MIT */
/*
 * header - which request headers carry secrets
 *
 * Names are compared as CGI passes them on: without regard to case, and "_"
 * is "-" (RFC 3875 section 4.1.18).
 */
#ifndef HOOKDIR_HEADER_H
#define HOOKDIR_HEADER_H

#include <stdbool.h>

#include "base/buf.h"

enum header_secrecy {
	HEADER_OPEN,
	HEADER_SECRET,	/* a secret that both sides know */
	HEADER_WITHHELD /* a password, or of no use to a receiver */
};

/* By what is known of the name alone. */
enum header_secrecy header_secrecy(struct span name);

bool header_is(struct span name, const char *other);

#endif
