/* SPDX-License-Identifier: MIT */
/*
 * base64 - RFC 4648, strict
 *
 * There is exactly one text for any bytes, and only that one is decoded:
 * no white space, no characters of the other alphabet, no padding where
 * there must be none or too little where there must be some, no trailing
 * bits that are not zero (RFC 4648 sections 3.2, 3.3 and 3.5).
 */
#ifndef HOOKDIR_BASE64_H
#define HOOKDIR_BASE64_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * Append what the text says; false and nothing appended when it is not
 * strict. Look at buf_check() for memory: the ceiling of out has to be two
 * bytes above what is decoded. out must not hold the text.
 */
bool base64_decode(struct span text, struct buf *out);	  /* section 4 */
bool base64url_decode(struct span text, struct buf *out); /* 5, no padding */

/*
 * The same for text that people copy, such as keys: either alphabet, but
 * not both, and with or without its padding.
 */
bool base64_decode_any(struct span text, struct buf *out);

void base64_encode(struct span bytes, struct buf *out);	   /* section 4 */
void base64url_encode(struct span bytes, struct buf *out); /* 5, no padding */

#endif
