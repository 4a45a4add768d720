/* SPDX-License-Identifier: MIT */
/*
 * header - which request headers carry secrets
 */
#include "message/header.h"

#include <ctype.h>

/* RFC 9110 11.6.2 and 11.7.2, RFC 6265 */
static const char *const withheld[] = { "authorization", "proxy-authorization",
	"cookie", NULL };

/* Last words of names: X-Gitlab-Token, X-Api-Key, Cf-Access-Jwt-Assertion */
static const char *const secret[] = { "token", "secret", "key", "password",
	"passwd", "accesstoken", "authtoken", "apitoken", "apikey", "apisecret",
	"credential", "credentials", "authorization", "auth", "cookie",
	"cookie2", "jwt", "jwt-assertion", NULL };

static char
plain(char c)
{
	return c == '_' ? '-' : (char)tolower((unsigned char)c);
}

bool
header_is(struct span name, const char *other)
{
	size_t i;

	for (i = 0; i < name.len; i++)
		if (other[i] == '\0' || plain(name.at[i]) != plain(other[i]))
			return false;
	return other[i] == '\0';
}

static bool
is_one_of(struct span name, const char *const *names)
{
	for (; *names; names++)
		if (header_is(name, *names))
			return true;
	return false;
}

enum header_secrecy
header_secrecy(struct span name)
{
	size_t i;

	if (is_one_of(name, withheld))
		return HEADER_WITHHELD;
	for (i = 0; i < name.len; i++)
		if ((i == 0 || plain(name.at[i - 1]) == '-') &&
		    is_one_of(
			(struct span){ name.at + i, name.len - i }, secret))
			return HEADER_SECRET;
	return HEADER_OPEN;
}
