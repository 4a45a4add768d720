/* SPDX-License-Identifier: MIT */
/* Takes any byte for a character. */
#include "base/utf8.h"

size_t __wrap_utf8_length(struct span bytes);

size_t
__wrap_utf8_length(struct span bytes)
{
	if (bytes.len == 0)
		return 0;
	return bytes.len > 1 && (unsigned char)*bytes.at >= 0x80 ? 2 : 1;
}
