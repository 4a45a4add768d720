/* SPDX-License-Identifier: MIT */
/*
 * another-id - makes each id and key anew, in each process
 *
 * wrap: sha256_hex
 */
#include "base/hmac.h"

#include <stdio.h>
#include <unistd.h>

int __real_sha256_hex(
    struct span bytes, char hex[SHA256_HEX_SIZE], struct error *err);
int __wrap_sha256_hex(
    struct span bytes, char hex[SHA256_HEX_SIZE], struct error *err);

int
__wrap_sha256_hex(
    struct span bytes, char hex[SHA256_HEX_SIZE], struct error *err)
{
	char text[SHA256_HEX_SIZE + 32];
	int len;

	if (__real_sha256_hex(bytes, hex, err) < 0)
		return -1;
	len = snprintf(text, sizeof(text), "%s %ld", hex, (long)getpid());
	return __real_sha256_hex((struct span){ text, (size_t)len }, hex, err);
}
