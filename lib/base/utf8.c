/* SPDX-License-Identifier: MIT */
/*
 * utf8 - UTF-8 as RFC 3629 has it
 *
 * The well-formed sequences are those of the ABNF in RFC 3629 section 4:
 * the first byte decides the length and, for four of its values, narrows
 * the second byte. That is what keeps out overlong forms, surrogates and
 * everything past U+10FFFF without looking at code points.
 */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

#define EACH_HIGH_BIT UINT64_C(0x8080808080808080)

static bool
in_range(unsigned char byte, unsigned char low, unsigned char high)
{
	return byte >= low && byte <= high;
}

/* RFC 3629 section 4: UTF8-2, UTF8-3 and UTF8-4 */
static bool
second_fits(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xE0: /* below: overlong */
		return in_range(second, 0xA0, 0xBF);
	case 0xED: /* above: surrogates */
		return in_range(second, 0x80, 0x9F);
	case 0xF0: /* below: overlong */
		return in_range(second, 0x90, 0xBF);
	case 0xF4: /* above: past U+10FFFF */
		return in_range(second, 0x80, 0x8F);
	default:
		return in_range(second, 0x80, 0xBF);
	}
}

size_t
utf8_length(struct span bytes)
{
	const unsigned char *at = (const unsigned char *)bytes.at;
	size_t len;

	if (bytes.len == 0)
		return 0;
	if (at[0] < 0x80)
		return 1;
	if (!in_range(at[0], 0xC2, 0xF4))
		return 0;
	len = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
	if (bytes.len < len || !second_fits(at[0], at[1]))
		return 0;
	if (len >= 3 && !in_range(at[2], 0x80, 0xBF))
		return 0;
	if (len == 4 && !in_range(at[3], 0x80, 0xBF))
		return 0;
	return len;
}

/* Bodies are mostly ASCII: eight bytes at a time. */
static bool
next_eight_are_ascii(struct span bytes)
{
	uint64_t word;

	if (bytes.len < sizeof(word))
		return false;
	memcpy(&word, bytes.at, sizeof(word));
	return (word & EACH_HIGH_BIT) == 0;
}

bool
utf8_valid(struct span bytes)
{
	size_t len;

	while (bytes.len > 0) {
		len = next_eight_are_ascii(bytes) ? 8 : utf8_length(bytes);
		if (len == 0)
			return false;
		bytes.at += len;
		bytes.len -= len;
	}
	return true;
}

struct span
utf8_cut(struct span text, size_t max)
{
	if (text.len <= max)
		return text;
	while (max > 0 && ((unsigned char)text.at[max] & 0xC0) == 0x80)
		max--;
	text.len = max;
	return text;
}

static char
continuation(unsigned long code_point, unsigned shift)
{
	return (char)(0x80 | (code_point >> shift & 0x3F));
}

size_t
utf8_encode(unsigned long code_point, char bytes[4])
{
	if (code_point < 0x80) {
		bytes[0] = (char)code_point;
		return 1;
	}
	if (code_point < 0x800) {
		bytes[0] = (char)(0xC0 | code_point >> 6);
		bytes[1] = continuation(code_point, 0);
		return 2;
	}
	if (code_point < 0x10000) {
		bytes[0] = (char)(0xE0 | code_point >> 12);
		bytes[1] = continuation(code_point, 6);
		bytes[2] = continuation(code_point, 0);
		return 3;
	}
	bytes[0] = (char)(0xF0 | code_point >> 18);
	bytes[1] = continuation(code_point, 12);
	bytes[2] = continuation(code_point, 6);
	bytes[3] = continuation(code_point, 0);
	return 4;
}

void
utf8_append(struct buf *out, unsigned long code_point)
{
	char bytes[4];

	buf_append(out, bytes, utf8_encode(code_point, bytes));
}

void
utf8_append_latin1(struct buf *out, struct span bytes)
{
	size_t i;

	if (utf8_valid(bytes)) {
		buf_append_span(out, bytes);
		return;
	}
	for (i = 0; i < bytes.len; i++)
		utf8_append(out, (unsigned char)bytes.at[i]);
}

/* The code point of a character of that length. */
static unsigned long
decode(const char *at, size_t len)
{
	static const unsigned char masks[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
	unsigned long code_point = (unsigned char)at[0] & masks[len];
	size_t i;

	for (i = 1; i < len; i++)
		code_point = code_point << 6 | ((unsigned char)at[i] & 0x3F);
	return code_point;
}

/* The Unicode Standard, 23.7: the last two of each plane, and 32 more */
static bool
is_noncharacter(unsigned long code_point)
{
	return (code_point & 0xFFFE) == 0xFFFE ||
	    (code_point >= 0xFDD0 && code_point <= 0xFDEF);
}

static unsigned long
printable(unsigned long code_point)
{
	if (code_point < 0x20)
		return 0x2400 + code_point;
	if (code_point == 0x7F)
		return 0x2421;
	if ((code_point >= 0x80 && code_point < 0xA0) ||
	    is_noncharacter(code_point))
		return 0xFFFD;
	return code_point;
}

void
utf8_append_printable(struct buf *out, struct span bytes)
{
	bool latin1 = !utf8_valid(bytes);
	size_t len;

	for (; bytes.len > 0; bytes.at += len, bytes.len -= len) {
		len = latin1 ? 1 : utf8_length(bytes);
		utf8_append(out,
		    printable(latin1 ? (unsigned char)bytes.at[0]
				     : decode(bytes.at, len)));
	}
}
