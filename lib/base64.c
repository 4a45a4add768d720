/* SPDX-License-Identifier: MIT */
/*
 * base64 - RFC 4648, strict
 */
#include "base64.h"

#include <stdint.h>

#define VALID 0x40

static const char standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* A character's six bits and VALID; 0 for one outside the alphabet. */
/* clang-format off */
#define V(character, value) [character] = VALID | (value)
#define LETTERS_AND_DIGITS                                                     \
	V('A', 0), V('B', 1), V('C', 2), V('D', 3), V('E', 4), V('F', 5),      \
	V('G', 6), V('H', 7), V('I', 8), V('J', 9), V('K', 10), V('L', 11),    \
	V('M', 12), V('N', 13), V('O', 14), V('P', 15), V('Q', 16),            \
	V('R', 17), V('S', 18), V('T', 19), V('U', 20), V('V', 21),            \
	V('W', 22), V('X', 23), V('Y', 24), V('Z', 25), V('a', 26),            \
	V('b', 27), V('c', 28), V('d', 29), V('e', 30), V('f', 31),            \
	V('g', 32), V('h', 33), V('i', 34), V('j', 35), V('k', 36),            \
	V('l', 37), V('m', 38), V('n', 39), V('o', 40), V('p', 41),            \
	V('q', 42), V('r', 43), V('s', 44), V('t', 45), V('u', 46),            \
	V('v', 47), V('w', 48), V('x', 49), V('y', 50), V('z', 51),            \
	V('0', 52), V('1', 53), V('2', 54), V('3', 55), V('4', 56),            \
	V('5', 57), V('6', 58), V('7', 59), V('8', 60), V('9', 61)
/* clang-format on */

static const unsigned char standard_values[256] = { LETTERS_AND_DIGITS,
	V('+', 62), V('/', 63) };
static const unsigned char url_safe_values[256] = { LETTERS_AND_DIGITS,
	V('-', 62), V('_', 63) };

/*
 * Decode a last group of 2 or 3 characters into 1 or 2 bytes. RFC 4648
 * section 3.5: the bits that are left over must be zero.
 */
static bool
decode_tail(const unsigned char *in, size_t len, const unsigned char *values,
    unsigned char *out)
{
	uint32_t bits = 0;
	unsigned value;
	size_t i;

	for (i = 0; i < len; i++) {
		value = values[in[i]];
		if (!value)
			return false;
		bits = bits << 6 | (value & 63);
	}
	if (len == 2) {
		out[0] = (unsigned char)(bits >> 4);
		return (bits & 0xf) == 0;
	}
	out[0] = (unsigned char)(bits >> 10);
	out[1] = (unsigned char)(bits >> 2);
	return (bits & 0x3) == 0;
}

/* Text without padding; a single character cannot be left over. */
static bool
decode(struct span text, const unsigned char *values, struct buf *out)
{
	const unsigned char *in = (const unsigned char *)text.at;
	size_t groups = text.len / 4, tail = text.len % 4, i;
	unsigned char *to;
	uint32_t a, b, c, d, bits;

	if (tail == 1)
		return false;
	to = (unsigned char *)buf_room(out, groups * 3 + 2);
	if (!to)
		return true;
	for (i = 0; i < groups; i++, in += 4, to += 3) {
		a = values[in[0]];
		b = values[in[1]];
		c = values[in[2]];
		d = values[in[3]];
		if (!(a & b & c & d & VALID))
			return false;
		bits =
		    (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);
		to[0] = (unsigned char)(bits >> 16);
		to[1] = (unsigned char)(bits >> 8);
		to[2] = (unsigned char)bits;
	}
	if (tail && !decode_tail(in, tail, values, to))
		return false;
	out->len += groups * 3 + (tail ? tail - 1 : 0);
	return true;
}

bool
base64url_decode(struct span text, struct buf *out)
{
	return decode(text, url_safe_values, out);
}

bool
base64_decode(struct span text, struct buf *out)
{
	if (text.len % 4 != 0)
		return false;
	if (text.len && text.at[text.len - 1] == '=')
		text.len--;
	if (text.len % 4 == 3 && text.at[text.len - 1] == '=')
		text.len--;
	return decode(text, standard_values, out);
}

static void
encode(struct span bytes, const char *alphabet, bool pad, struct buf *out)
{
	const unsigned char *in = (const unsigned char *)bytes.at;
	size_t left = bytes.len;
	char *to = buf_room(out, (bytes.len / 3 + 1) * 4), *start = to;
	uint32_t bits;

	if (!to)
		return;
	for (; left >= 3; left -= 3, in += 3) {
		bits = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
		*to++ = alphabet[bits >> 18];
		*to++ = alphabet[bits >> 12 & 63];
		*to++ = alphabet[bits >> 6 & 63];
		*to++ = alphabet[bits & 63];
	}
	if (left) {
		bits = (uint32_t)in[0] << 16;
		if (left == 2)
			bits |= (uint32_t)in[1] << 8;
		*to++ = alphabet[bits >> 18];
		*to++ = alphabet[bits >> 12 & 63];
		if (left == 2)
			*to++ = alphabet[bits >> 6 & 63];
		for (; pad && left < 3; left++)
			*to++ = '=';
	}
	out->len += (size_t)(to - start);
}

void
base64_encode(struct span bytes, struct buf *out)
{
	encode(bytes, standard, true, out);
}

void
base64url_encode(struct span bytes, struct buf *out)
{
	encode(bytes, url_safe, false, out);
}
