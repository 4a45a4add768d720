/* SPDX-License-Identifier: MIT */
/*
 * fuzz_address - is this an address of the public internet?
 *
 * A byte for the family, and the rest of a socket address, however short.
 * What the registries list stands here once more, as ranges of numbers.
 */
#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "fuzz.h"

/* The first and the last address of each block that is not public. */
static const struct {
	const char *first, *last;
} special4[] = {
	{ "0.0.0.0", "0.255.255.255" },
	{ "10.0.0.0", "10.255.255.255" },
	{ "100.64.0.0", "100.127.255.255" },
	{ "127.0.0.0", "127.255.255.255" },
	{ "169.254.0.0", "169.254.255.255" },
	{ "172.16.0.0", "172.31.255.255" },
	{ "192.0.0.0", "192.0.0.255" },
	{ "192.0.2.0", "192.0.2.255" },
	{ "192.88.99.0", "192.88.99.255" },
	{ "192.168.0.0", "192.168.255.255" },
	{ "198.18.0.0", "198.19.255.255" },
	{ "198.51.100.0", "198.51.100.255" },
	{ "203.0.113.0", "203.0.113.255" },
	{ "224.0.0.0", "255.255.255.255" },
};

static const struct {
	const char *first, *last;
} special6[] = {
	{ "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	{ "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff" },
};

static bool
is_between(int family, const char *first, const char *last,
    const unsigned char *bytes, size_t len)
{
	unsigned char low[16], high[16];

	CHECK(inet_pton(family, first, low) == 1);
	CHECK(inet_pton(family, last, high) == 1);
	return memcmp(bytes, low, len) >= 0 && memcmp(bytes, high, len) <= 0;
}

static bool
is_public4(const unsigned char *bytes)
{
	size_t i;

	for (i = 0; i < sizeof(special4) / sizeof(special4[0]); i++)
		if (is_between(
			AF_INET, special4[i].first, special4[i].last, bytes, 4))
			return false;
	return true;
}

static bool
is_public6(const unsigned char *bytes)
{
	size_t i;

	if (is_between(AF_INET6, "64:ff9b::", "64:ff9b::ffff:ffff", bytes, 16))
		return is_public4(bytes + 12);
	for (i = 0; i < sizeof(special6) / sizeof(special6[0]); i++)
		if (is_between(AF_INET6, special6[i].first, special6[i].last,
			bytes, 16))
			return false;
	return is_between(AF_INET6,
	    "2000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", bytes, 16);
}

static bool
is_public(const char *bytes, size_t len)
{
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	sa_family_t family;

	if (len < sizeof(family))
		return false;
	memcpy(&family, bytes, sizeof(family));
	if (family == AF_INET && len >= sizeof(in4)) {
		memcpy(&in4, bytes, sizeof(in4));
		return is_public4((const unsigned char *)&in4.sin_addr);
	}
	if (family == AF_INET6 && len >= sizeof(in6)) {
		memcpy(&in6, bytes, sizeof(in6));
		return is_public6(in6.sin6_addr.s6_addr);
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const sa_family_t families[] = { AF_INET, AF_INET6, AF_UNIX,
		AF_UNSPEC };
	struct sockaddr_storage whole;
	sa_family_t family;
	struct input in;
	struct span rest;
	size_t len;
	char *exact;

	input_start(&in, data, size);
	family = families[input_byte(&in) % 4];
	rest = input_rest(&in);
	memset(&whole, 0, sizeof(whole));
	memcpy(&whole, &family, sizeof(family));
	len = rest.len < sizeof(whole) - sizeof(family)
	    ? rest.len
	    : sizeof(whole) - sizeof(family);
	memcpy((char *)&whole + sizeof(family), rest.at, len);
	len += sizeof(family);
	exact = input_copy(&in, (struct span){ (char *)&whole, len }, 0);
	CHECK(address_is_public((const struct sockaddr *)(void *)exact, len) ==
	    is_public(exact, len));
	/* Too short to say even its family. */
	CHECK(!address_is_public((const struct sockaddr *)(void *)input_copy(
				     &in, (struct span){ "\2", 1 }, 0),
	    1));
	input_end(&in);
	return 0;
}
