/* SPDX-License-Identifier: MIT */
/*
 * uri - URI references (RFC 3986)
 *
 * Appendix A, from the outside to the inside: the fragment and the query are
 * cut off, then scheme and authority, and each part has its characters.
 */
#include "base/uri.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#define UNRESERVED_MARKS "-._~"
#define SUB_DELIMS	 "!$&'()*+,;="

/* isalnum() of the C locale, which is the one in use. NUL is in no set. */
static bool
is_one_of(char c, const char *also)
{
	return c != '\0' &&
	    (isalnum((unsigned char)c) || strchr(UNRESERVED_MARKS, c) ||
		strchr(SUB_DELIMS, c) || strchr(also, c));
}

/* RFC 3986 2.1 */
static bool
is_encoded(struct span text)
{
	return text.len >= 3 && text.at[0] == '%' &&
	    isxdigit((unsigned char)text.at[1]) &&
	    isxdigit((unsigned char)text.at[2]);
}

void
uri_append(struct buf *out, struct span text, const char *also)
{
	for (; text.len; text = span_skip(text, 1))
		if (is_encoded(text) || is_one_of(text.at[0], also))
			buf_append_byte(out, text.at[0]);
		else
			buf_printf(out, "%%%02X", (unsigned char)text.at[0]);
}

static bool
consists_of(struct span text, const char *also)
{
	while (text.len) {
		if (!is_encoded(text) && !is_one_of(text.at[0], also))
			return false;
		text = span_skip(text, is_encoded(text) ? 3 : 1);
	}
	return true;
}

/* What is in front of the first of these characters, cut off the text. */
static struct span
cut_front(struct span *text, const char *ends)
{
	struct span front = { text->at, 0 };

	while (front.len < text->len &&
	    (!text->at[front.len] || !strchr(ends, text->at[front.len])))
		front.len++;
	*text = span_skip(*text, front.len);
	return front;
}

/* RFC 3986 3.2.2: what is between "[" and "]" */
static bool
is_ip_literal(struct span text)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr parsed;

	if (text.len && (text.at[0] == 'v' || text.at[0] == 'V')) {
		struct span version = span_skip(text, 1), rest = version;
		size_t i;

		version = cut_front(&rest, ".");
		for (i = 0; i < version.len; i++)
			if (!isxdigit((unsigned char)version.at[i]))
				return false;
		return version.len && rest.len > 1 &&
		    !memchr(rest.at, '%', rest.len) && consists_of(rest, ":");
	}
	if (text.len >= sizeof(address))
		return false;
	memcpy(address, text.at, text.len);
	address[text.len] = '\0';
	return strlen(address) == text.len &&
	    inet_pton(AF_INET6, address, &parsed) == 1;
}

/* RFC 3986 3.2: [ userinfo "@" ] host [ ":" port ] */
static bool
is_authority(struct span text)
{
	struct span rest = text, front = cut_front(&rest, "@");
	size_t i;

	if (rest.len) {
		if (!consists_of(front, ":"))
			return false;
		text = span_skip(rest, 1);
	}
	rest = text;
	if (text.len && text.at[0] == '[') {
		rest = span_skip(text, 1);
		front = cut_front(&rest, "]");
		if (!rest.len || !is_ip_literal(front))
			return false;
		rest = span_skip(rest, 1);
	} else if (!consists_of(cut_front(&rest, ":"), "")) {
		return false;
	}
	for (i = 0; i < rest.len; i++)
		if (i == 0 ? rest.at[0] != ':'
			   : !isdigit((unsigned char)rest.at[i]))
			return false;
	return true;
}

/* RFC 3986 3.1: ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) */
static bool
is_scheme(struct span text)
{
	size_t i;

	if (!text.len || !isalpha((unsigned char)text.at[0]))
		return false;
	for (i = 0; i < text.len; i++)
		if (!isalnum((unsigned char)text.at[i]) &&
		    !memchr("+-.", text.at[i], 3))
			return false;
	return true;
}

bool
uri_is_reference(struct span text)
{
	struct span rest = text, front;

	text = cut_front(&rest, "#");
	if (rest.len && !consists_of(span_skip(rest, 1), ":@/?"))
		return false;
	rest = text;
	text = cut_front(&rest, "?");
	if (rest.len && !consists_of(span_skip(rest, 1), ":@/?"))
		return false;
	rest = text;
	front = cut_front(&rest, ":/");
	/* Without a scheme, no ":" is in the first segment. */
	if (rest.len && rest.at[0] == ':') {
		if (!is_scheme(front))
			return false;
		text = span_skip(rest, 1);
	}
	if (text.len >= 2 && memcmp(text.at, "//", 2) == 0) {
		text = span_skip(text, 2);
		if (!is_authority(cut_front(&text, "/")))
			return false;
	}
	return consists_of(text, ":@/");
}
