/* SPDX-License-Identifier: MIT */
/*
 * test_address - tools/net/address against the IANA registries of
 * special-purpose addresses (RFC 6890), at the edges of every block
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "net/address.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* In a block of just its size: a read past the end shows. */
static bool
ask(const char *text)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	bool is6 = strchr(text, ':') != NULL, answer;
	size_t len = is6 ? sizeof(in6) : sizeof(in4);
	struct sockaddr *copy = malloc(len);

	assert_non_null(copy);
	assert_int_equal(inet_pton(is6 ? AF_INET6 : AF_INET, text,
			     is6 ? (void *)&in6.sin6_addr : &in4.sin_addr),
	    1);
	memcpy(copy, is6 ? (void *)&in6 : &in4, len);
	answer = address_is_public(copy, len);
	/* A byte less is no such address. */
	assert_false(address_is_public(copy, len - 1));
	free(copy);
	return answer;
}

static void
check(const char *const *texts, size_t count, bool want)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (ask(texts[i]) != want)
			fail_msg("%s: got %d, want %d", texts[i], !want, want);
}

static void
test_special_ipv4(void **state)
{
	static const char *const texts[] = { "0.0.0.0", "0.255.255.255",
		"10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255",
		"127.0.0.0", "127.0.0.1", "127.255.255.255", "169.254.0.0",
		"169.254.169.254", "169.254.255.255", "172.16.0.0",
		"172.31.255.255", "192.0.0.0", "192.0.0.170", "192.0.0.255",
		"192.0.2.0", "192.0.2.255", "192.88.99.0", "192.88.99.255",
		"192.168.0.0", "192.168.255.255", "198.18.0.0",
		"198.19.255.255", "198.51.100.0", "198.51.100.255",
		"203.0.113.0", "203.0.113.255", "224.0.0.0", "239.255.255.255",
		"240.0.0.0", "255.255.255.254", "255.255.255.255" };

	(void)state;
	check(texts, COUNT(texts), false);
}

static void
test_public_ipv4(void **state)
{
	static const char *const texts[] = { "1.0.0.0", "9.255.255.255",
		"11.0.0.0", "35.204.224.107", "93.184.216.34", "100.63.255.255",
		"100.128.0.0", "126.255.255.255", "128.0.0.0",
		"169.253.255.255", "169.255.0.0", "172.15.255.255",
		"172.32.0.0", "191.255.255.255", "192.0.1.255", "192.0.3.0",
		"192.88.98.255", "192.88.100.0", "192.167.255.255",
		"192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255",
		"198.51.101.0", "203.0.112.255", "203.0.114.0",
		"223.255.255.255" };

	(void)state;
	check(texts, COUNT(texts), true);
}

static void
test_special_ipv6(void **state)
{
	static const char *const texts[] = { "::", "::1",
		/* mapped, compatible, translated (RFC 4291, RFC 2765) */
		"::ffff:127.0.0.1", "::ffff:93.184.216.34", "::127.0.0.1",
		"::93.184.216.34", "::ffff:0:93.184.216.34",
		/* NAT64 of what is not public, and a local prefix */
		"64:ff9b::127.0.0.1", "64:ff9b::10.0.0.5",
		"64:ff9b::169.254.169.254", "64:ff9b:1::93.184.216.34",
		"64:ff9b:0:0:0:1:5db8:d822", "100::1", "1fff::1",
		/* Teredo, benchmarking, ORCHID, 6to4 of a private address */
		"2001::1", "2001:0:5ef5:79fd::1", "2001:2::1", "2001:10::1",
		"2001:20::1", "2001:1ff:ffff::1", "2001:db8::1",
		"2001:db8:ffff:ffff::1", "2002:7f00:1::1", "2002:a00:5::1",
		"2002:5db8:d822::1", "3fff::1", "3fff:fff:ffff::1", "4000::1",
		"5f00::1", "fc00::1", "fd12:3456:789a::1", "fe80::1", "febf::1",
		"fec0::1", "ff02::1", "ff0e::1",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };

	(void)state;
	check(texts, COUNT(texts), false);
}

static void
test_public_ipv6(void **state)
{
	static const char *const texts[] = { "2000::1", "2001:200::1",
		"2001:db7:ffff::1", "2001:db9::1", "2001:4860:4860::8888",
		"2003::1", "2606:2800:220:1:248:1893:25c8:1946",
		"2a00:1450:4001::1", "3ffe:ffff::1", "3fff:1000::1",
		"64:ff9b::93.184.216.34" };

	(void)state;
	check(texts, COUNT(texts), true);
}

/* Exactly the blocks: each /16 of IPv4 that is public throughout. */
static void
test_count_of_ipv4(void **state)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	unsigned block, count = 0;

	(void)state;
	for (block = 0; block < 65536; block++) {
		in4.sin_addr.s_addr = htonl(block << 16 | 0x8080);
		count += address_is_public(
		    (const struct sockaddr *)&in4, sizeof(in4));
	}
	/* 0/8 10/8 127/8 224/4 240/4 and 64, 16, 1, 1 and 2 blocks of /16 */
	assert_int_equal(count, 65536 - (35 * 256 + 64 + 16 + 1 + 1 + 2));
}

static void
test_other_families(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_storage none = { .ss_family = AF_UNSPEC };

	(void)state;
	assert_false(
	    address_is_public((const struct sockaddr *)&un, sizeof(un)));
	assert_false(
	    address_is_public((const struct sockaddr *)&none, sizeof(none)));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_special_ipv4),
		cmocka_unit_test(test_public_ipv4),
		cmocka_unit_test(test_special_ipv6),
		cmocka_unit_test(test_public_ipv6),
		cmocka_unit_test(test_count_of_ipv4),
		cmocka_unit_test(test_other_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
