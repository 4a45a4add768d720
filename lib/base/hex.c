/* SPDX-License-Identifier: MIT */
/*
 * hex - bytes as hexadecimal digits (RFC 4648 section 8)
 */
#include "base/hex.h"

#include <ctype.h>
#include <string.h>

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = memchr(digits, tolower((unsigned char)c), 16);

	return at ? (int)(at - digits) : -1;
}

bool
hex_decode(struct span digits, struct buf *out)
{
	char *room;
	int high, low;
	size_t i;

	if (digits.len % 2)
		return false;
	room = buf_room(out, digits.len / 2);
	if (!room)
		return true;
	for (i = 0; i < digits.len; i += 2) {
		high = digit(digits.at[i]);
		low = digit(digits.at[i + 1]);
		if (high < 0 || low < 0)
			return false;
		room[i / 2] = (char)(high << 4 | low);
	}
	out->len += digits.len / 2;
	return true;
}

size_t
hex_percent(struct span text, char *byte)
{
	int high = -1, low = -1;

	if (text.len > 2 && *text.at == '%') {
		high = digit(text.at[1]);
		low = digit(text.at[2]);
	}
	*byte = *text.at;
	if (high < 0 || low < 0)
		return 1;
	*byte = (char)(high << 4 | low);
	return 3;
}
