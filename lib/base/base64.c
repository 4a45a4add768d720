/* SPDX-License-Identifier: MIT */
/*
 * base64 - RFC 4648, strict
 */
#include "base/base64.h"

#include <stdint.h>

#define VALID 0x40

static const char standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* A character's six bits and VALID; 0 for one outside the alphabet. */
#define V(value) (VALID | (value))
/* clang-format off */
#define LETTERS_AND_DIGITS						\
	['A'] = V(0), ['B'] = V(1), ['C'] = V(2), ['D'] = V(3),		\
	['E'] = V(4), ['F'] = V(5), ['G'] = V(6), ['H'] = V(7),		\
	['I'] = V(8), ['J'] = V(9), ['K'] = V(10), ['L'] = V(11),	\
	['M'] = V(12), ['N'] = V(13), ['O'] = V(14), ['P'] = V(15),	\
	['Q'] = V(16), ['R'] = V(17), ['S'] = V(18), ['T'] = V(19),	\
	['U'] = V(20), ['V'] = V(21), ['W'] = V(22), ['X'] = V(23),	\
	['Y'] = V(24), ['Z'] = V(25), ['a'] = V(26), ['b'] = V(27),	\
	['c'] = V(28), ['d'] = V(29), ['e'] = V(30), ['f'] = V(31),	\
	['g'] = V(32), ['h'] = V(33), ['i'] = V(34), ['j'] = V(35),	\
	['k'] = V(36), ['l'] = V(37), ['m'] = V(38), ['n'] = V(39),	\
	['o'] = V(40), ['p'] = V(41), ['q'] = V(42), ['r'] = V(43),	\
	['s'] = V(44), ['t'] = V(45), ['u'] = V(46), ['v'] = V(47),	\
	['w'] = V(48), ['x'] = V(49), ['y'] = V(50), ['z'] = V(51),	\
	['0'] = V(52), ['1'] = V(53), ['2'] = V(54), ['3'] = V(55),	\
	['4'] = V(56), ['5'] = V(57), ['6'] = V(58), ['7'] = V(59),	\
	['8'] = V(60), ['9'] = V(61)
/* clang-format on */

static const unsigned char standard_values[256] = {
	LETTERS_AND_DIGITS, ['+'] = V(62), ['/'] = V(63)
};
static const unsigned char url_safe_values[256] = {
	LETTERS_AND_DIGITS, ['-'] = V(62), ['_'] = V(63)
};

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

bool
base64_decode_any(struct span text, struct buf *out)
{
	struct span bare = text;

	while (bare.len && bare.at[bare.len - 1] == '=')
		bare.len--;
	if (bare.len != text.len &&
	    (text.len - bare.len > 2 || text.len % 4 != 0))
		return false;
	return decode(bare, standard_values, out) ||
	    decode(bare, url_safe_values, out);
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
