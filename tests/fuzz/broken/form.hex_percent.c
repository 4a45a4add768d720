/* SPDX-License-Identifier: MIT */
/* Reads the two digits without asking whether they are there. */
#include "base/hex.h"

size_t __wrap_hex_percent(struct span text, char *byte);
size_t __real_hex_percent(struct span text, char *byte);

size_t
__wrap_hex_percent(struct span text, char *byte)
{
	if (*text.at == '%')
		text.len = 3;
	return __real_hex_percent(text, byte);
}
