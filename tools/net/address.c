/* SPDX-License-Identifier: MIT */
/*
 * address - is this an address of the public internet?
 *
 * Of IPv4 everything is public but what is listed. Of IPv6 nothing is but
 * 2000::/3, the only block that IANA gives out, less what is listed; so
 * loopback, mapped, link-local, unique local and multicast addresses are
 * refused without being named.
 */
#include "net/address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>

struct block {
	unsigned char prefix[8];
	unsigned bits;
};

static const struct block special4[] = {
	{ { 0 }, 8 },		  /* this network, RFC 791 */
	{ { 10 }, 8 },		  /* private use, RFC 1918 */
	{ { 100, 64 }, 10 },	  /* shared, RFC 6598 */
	{ { 127 }, 8 },		  /* loopback, RFC 1122 */
	{ { 169, 254 }, 16 },	  /* link-local, RFC 3927 */
	{ { 172, 16 }, 12 },	  /* private use, RFC 1918 */
	{ { 192, 0, 0 }, 24 },	  /* protocol assignments, RFC 6890 */
	{ { 192, 0, 2 }, 24 },	  /* documentation, RFC 5737 */
	{ { 192, 88, 99 }, 24 },  /* 6to4 relays, RFC 7526 */
	{ { 192, 168 }, 16 },	  /* private use, RFC 1918 */
	{ { 198, 18 }, 15 },	  /* benchmarking, RFC 2544 */
	{ { 198, 51, 100 }, 24 }, /* documentation, RFC 5737 */
	{ { 203, 0, 113 }, 24 },  /* documentation, RFC 5737 */
	{ { 224 }, 4 },		  /* multicast, RFC 5771 */
	{ { 240 }, 4 },		  /* reserved and broadcast, RFC 1112 */
};

static const struct block global6 = { { 0x20 }, 3 };

static const struct block special6[] = {
	/* protocol assignments, RFC 2928: Teredo, benchmarking, ORCHID ... */
	{ { 0x20, 0x01, 0x00 }, 23 },
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation, RFC 3849 */
	{ { 0x20, 0x02 }, 16 },		    /* 6to4, RFC 3056 */
	{ { 0x3f, 0xff, 0x00 }, 20 },	    /* documentation, RFC 9637 */
};

/* RFC 6052 section 2.1: the last four bytes are an IPv4 address. */
static const unsigned char nat64[12] = { 0x00, 0x64, 0xff, 0x9b };

static bool
is_in(const struct block *block, const unsigned char *bytes)
{
	unsigned whole = block->bits / 8, part = block->bits % 8;

	return memcmp(bytes, block->prefix, whole) == 0 &&
	    (part == 0 ||
		((bytes[whole] ^ block->prefix[whole]) >> (8 - part)) == 0);
}

static bool
is_in_any(const struct block *blocks, size_t count, const unsigned char *bytes)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (is_in(&blocks[i], bytes))
			return true;
	return false;
}

static bool
is_public4(const unsigned char bytes[4])
{
	return !is_in_any(
	    special4, sizeof(special4) / sizeof(special4[0]), bytes);
}

static bool
is_public6(const unsigned char bytes[16])
{
	if (memcmp(bytes, nat64, sizeof(nat64)) == 0)
		return is_public4(bytes + sizeof(nat64));
	return is_in(&global6, bytes) &&
	    !is_in_any(special6, sizeof(special6) / sizeof(special6[0]), bytes);
}

bool
address_is_public(const struct sockaddr *address, size_t len)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	if (len < offsetof(struct sockaddr, sa_data))
		return false;
	/* Copied: what is handed over need not be aligned for its family. */
	if (address->sa_family == AF_INET && len >= sizeof(in4)) {
		memcpy(&in4, address, sizeof(in4));
		return is_public4((const unsigned char *)&in4.sin_addr);
	}
	if (address->sa_family == AF_INET6 && len >= sizeof(in6)) {
		memcpy(&in6, address, sizeof(in6));
		return is_public6(in6.sin6_addr.s6_addr);
	}
	return false;
}
