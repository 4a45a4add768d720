/* SPDX-License-Identifier: MIT */
/*
 * uri - URI references (RFC 3986)
 */
#ifndef HOOKDIR_URI_H
#define HOOKDIR_URI_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * Is this a URI-reference (RFC 3986 section 4.1)? Of an IPv6 address the
 * form is checked; a zone (RFC 6874) is not taken. An empty text is one.
 */
bool uri_is_reference(struct span text);

/*
 * Append text as a part of a URI: unreserved characters, sub-delims, those
 * of also, and what is percent-encoded already stay; each other byte becomes
 * %XX. Look at buf_check() for memory.
 */
void uri_append(struct buf *out, struct span text, const char *also);

#endif
