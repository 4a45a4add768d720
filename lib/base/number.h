/* SPDX-License-Identifier: MIT */
/*
 * number - decimal digits of a text as a number
 *
 * Digits alone: no sign, no blank, no point. Leading zeros are digits like
 * others.
 */
#ifndef HOOKDIR_NUMBER_H
#define HOOKDIR_NUMBER_H

#include <stdint.h>

#include "base/buf.h"

/*
 * Cut the digits off the front of a text. False, and both are untouched, if
 * there are none or their value is above most.
 */
bool number_cut(struct span *rest, uint64_t most, uint64_t *number);

/* The same for a text that must be digits from its start to its end. */
bool number_read(struct span text, uint64_t most, uint64_t *number);

#endif
