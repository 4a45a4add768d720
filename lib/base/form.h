/* SPDX-License-Identifier: MIT */
/*
 * form - application/x-www-form-urlencoded (WHATWG URL, section 5.1)
 */
#ifndef HOOKDIR_FORM_H
#define HOOKDIR_FORM_H

#include <stdbool.h>

#include "base/buf.h"

/* Append the decoded text: + is a space, %XX a byte, the rest itself. */
void form_decode(struct span text, struct buf *out);

/*
 * Is it a form at all: NAME=VALUE, joined by "&"? A name is what clients write
 * unencoded or encode, so that JSON, XML and multipart/form-data are none. An
 * empty text is a form without fields.
 */
bool form_is(struct span text);

/*
 * Append the decoded value of a field; with more than one of that name,
 * the first one's. Answers how many there are. Needs no memory but for
 * the value.
 */
size_t form_field(struct span form, const char *name, struct buf *out);

#endif
