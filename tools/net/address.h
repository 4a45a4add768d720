/* SPDX-License-Identifier: MIT */
/*
 * address - is this an address of the public internet?
 *
 * What somebody else has named is asked only there: whoever could make us
 * ask our own network would see with our eyes.
 */
#ifndef HOOKDIR_ADDRESS_H
#define HOOKDIR_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/*
 * False for all that the IANA registries of special-purpose addresses (RFC
 * 6890) do not call globally reachable, for multicast, and for IPv6
 * addresses that hold an IPv4 address and may lead there, but those of NAT64
 * (RFC 6052) that hold a public one. False for other families, and where
 * len is too short.
 */
bool address_is_public(const struct sockaddr *address, size_t len);

#endif
