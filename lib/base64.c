/* SPDX-License-Identifier: MIT */
/*
 * base64 - RFC 4648, strict
 */
#include "base64.h"

#include <stdint.h>

#define BAD 64

static const char standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* A character's six bits, BAD for one outside the alphabet. */
static unsigned
value_of(unsigned char c, const char *alphabet)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26u;
	if (c >= '0' && c <= '9')
		return c - '0' + 52u;
	if (c == (unsigned char)alphabet[62])
		return 62;
	if (c == (unsigned char)alphabet[63])
		return 63;
	return BAD;
}

/*
 * Decode a last group of 2 or 3 characters into 1 or 2 bytes. RFC 4648
 * section 3.5: the bits that are left over must be zero.
 */
static bool
decode_tail(const unsigned char *in, size_t len, const char *alphabet,
    unsigned char *out)
{
	uint32_t bits = 0;
	unsigned value;
	size_t i;

	for (i = 0; i < len; i++) {
		value = value_of(in[i], alphabet);
		if (value == BAD)
			return false;
		bits = bits << 6 | value;
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
decode(struct span text, const char *alphabet, struct buf *out)
{
	const unsigned char *in = (const unsigned char *)text.at;
	size_t groups = text.len / 4, tail = text.len % 4, i;
	unsigned char *to;
	unsigned a, b, c, d;

	if (tail == 1)
		return false;
	to = (unsigned char *)buf_room(out, groups * 3 + 2);
	if (!to)
		return true;
	for (i = 0; i < groups; i++, in += 4, to += 3) {
		a = value_of(in[0], alphabet);
		b = value_of(in[1], alphabet);
		c = value_of(in[2], alphabet);
		d = value_of(in[3], alphabet);
		if ((a | b | c | d) & BAD)
			return false;
		to[0] = (unsigned char)(a << 2 | b >> 4);
		to[1] = (unsigned char)(b << 4 | c >> 2);
		to[2] = (unsigned char)(c << 6 | d);
	}
	if (tail && !decode_tail(in, tail, alphabet, to))
		return false;
	out->len += groups * 3 + (tail ? tail - 1 : 0);
	return true;
}

bool
base64url_decode(struct span text, struct buf *out)
{
	return decode(text, url_safe, out);
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
	return decode(text, standard, out);
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
