/* SPDX-License-Identifier: MIT */
/*
 * hex - bytes as hexadecimal digits (RFC 4648 section 8)
 */
#ifndef HOOKDIR_HEX_H
#define HOOKDIR_HEX_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * Append the bytes that the digits say, in either case. False and nothing
 * appended when they are none, or not in pairs. Look at buf_check() for
 * memory.
 */
bool hex_decode(struct span digits, struct buf *out);

/*
 * The byte at the start of percent-encoded text (RFC 3986 section 2.1),
 * which must not be empty: that of %XX, else the first one as it is.
 * Answers how many bytes of the text that takes, 3 or 1.
 */
size_t hex_percent(struct span text, char *byte);

#endif
