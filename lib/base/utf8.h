/* SPDX-License-Identifier: MIT */
/*
 * utf8 - UTF-8 as RFC 3629 has it
 *
 * No overlong forms, no surrogates, nothing past U+10FFFF. NUL is a
 * character like any other.
 */
#ifndef HOOKDIR_UTF8_H
#define HOOKDIR_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * The length in bytes of the character at the start of these bytes, 1 to
 * 4; 0 when there is none.
 */
size_t utf8_length(struct span bytes);

bool utf8_valid(struct span bytes);

/* The front of valid UTF-8, at most max bytes; no character is cut. */
struct span utf8_cut(struct span text, size_t max);

/*
 * Write a code point, at most U+10FFFF and no surrogate: the caller has
 * looked. Answers how many of the four bytes it took.
 */
size_t utf8_encode(unsigned long code_point, char bytes[4]);

/* The same, at the end of a buffer. */
void utf8_append(struct buf *out, unsigned long code_point);

/*
 * Append bytes as UTF-8: unchanged when they are UTF-8 already, otherwise
 * each byte read as Latin-1.
 */
void utf8_append_latin1(struct buf *out, struct span bytes);

/*
 * Append bytes as a String of CloudEvents 1.0.2 ("Type System"), which has
 * neither control characters nor noncharacters: as utf8_append_latin1(), and
 * U+0000 to U+001F and U+007F become their symbols, U+2400 to U+241F and
 * U+2421; other controls and noncharacters become U+FFFD.
 */
void utf8_append_printable(struct buf *out, struct span bytes);

#endif
