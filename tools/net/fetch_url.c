/* SPDX-License-Identifier: MIT */
/*
 * fetch_url - an address to fetch from, and who may be asked
 */
#include "net/fetch_url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"

#define HTTPS_PORT 443
#define PORT_MAX   65535
#define LETTERS	   "abcdefghijklmnopqrstuvwxyz"
#define NAME_CHARS LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

/* Short memory is a fault of ours, and never taken for a bad address. */
static int
set_url_error(CURLUcode code, struct error *err)
{
	if (code == CURLUE_OUT_OF_MEMORY)
		return error_set(err, ERROR_MEMORY, "no memory");
	if (code == CURLUE_UNSUPPORTED_SCHEME)
		return error_set(err, ERROR_FORM, "not https");
	return error_set(err, ERROR_FORM, "not an address");
}

/*
 * RFC 3986 section 2: partners write spaces and letters that cannot stand
 * in an address. In a host the parser undoes it, and is then refused.
 */
static int
append_encoded(struct buf *out, struct span text, struct error *err)
{
	unsigned char c;
	size_t i;

	if (text.len > FETCH_URL_MAX)
		return error_set(err, ERROR_FORM, "an address too long");
	/* RFC 3986 3.5: a fragment is not sent. What is left must be more
	 * than nothing: that would be the address before it. */
	if (memchr(text.at, '#', text.len))
		text.len =
		    (size_t)((const char *)memchr(text.at, '#', text.len) -
			text.at);
	if (text.len == 0)
		return error_set(err, ERROR_FORM, "not an address");
	for (i = 0; i < text.len; i++) {
		c = (unsigned char)text.at[i];
		if (c < 0x20 || c == 0x7f)
			return error_set(err, ERROR_FORM, "not an address");
		if (c == ' ' || c > 0x7f)
			buf_printf(out, "%%%02X", c);
		else
			buf_append_byte(out, (char)c);
	}
	buf_append_byte(out, '\0');
	return buf_check(out, err);
}

/* A name, an IPv4 address, or an IPv6 address in its brackets. */
static bool
is_host(const char *host)
{
	size_t len = strlen(host);

	if (host[0] == '[')
		return len > 2 && len <= FETCH_HOST_MAX &&
		    host[len - 1] == ']' &&
		    strspn(host + 1, "0123456789abcdefABCDEF:.") == len - 2;
	return len > 0 && len <= FETCH_HOST_MAX &&
	    strspn(host, NAME_CHARS) == len;
}

static int
take_host(struct fetch_url *url, struct error *err)
{
	char *host = NULL;
	CURLUcode code = curl_url_get(url->parts, CURLUPART_HOST, &host, 0);
	bool good = code == CURLUE_OK && is_host(host);

	if (good)
		memcpy(url->host, host, strlen(host) + 1);
	curl_free(host);
	return good ? 0 : set_url_error(code, err);
}

static int
take_port(struct fetch_url *url, struct error *err)
{
	char *port = NULL;
	CURLUcode code =
	    curl_url_get(url->parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
	uint64_t number = 0;

	if (code == CURLUE_OK)
		(void)number_read(span_of(port), PORT_MAX, &number);
	curl_free(port);
	if (number == 0)
		return set_url_error(code, err);
	url->port = (unsigned)number;
	return 0;
}

static int
check_scheme(const struct fetch_url *url, struct error *err)
{
	char *scheme = NULL;
	CURLUcode code = curl_url_get(url->parts, CURLUPART_SCHEME, &scheme, 0);
	bool https = code == CURLUE_OK && strcasecmp(scheme, "https") == 0;

	curl_free(scheme);
	if (https)
		return 0;
	return set_url_error(
	    code == CURLUE_OK ? CURLUE_UNSUPPORTED_SCHEME : code, err);
}

/* A part that has no place in an address to fetch from. */
static int
check_absent(const struct fetch_url *url, CURLUPart which, CURLUcode absent,
    struct error *err)
{
	char *part = NULL;
	CURLUcode code = curl_url_get(url->parts, which, &part, 0);

	curl_free(part);
	if (code == absent)
		return 0;
	if (code == CURLUE_OK)
		return error_set(err, ERROR_FORM,
		    which == CURLUPART_ZONEID ? "not an address"
					      : "an address with a user in it");
	return set_url_error(code, err);
}

static int
check_parts(struct fetch_url *url, struct error *err)
{
	if (check_scheme(url, err) < 0 ||
	    check_absent(url, CURLUPART_USER, CURLUE_NO_USER, err) < 0 ||
	    check_absent(url, CURLUPART_PASSWORD, CURLUE_NO_PASSWORD, err) <
		0 ||
	    check_absent(url, CURLUPART_ZONEID, CURLUE_NO_ZONEID, err) < 0 ||
	    take_host(url, err) < 0)
		return -1;
	return take_port(url, err);
}

int
fetch_url_follow(struct fetch_url *url, struct span location, struct error *err)
{
	struct buf text = BUF_INIT(3 * FETCH_URL_MAX + 1);
	CURLUcode code;
	int rc = append_encoded(&text, location, err);

	if (rc == 0) {
		code = curl_url_set(url->parts, CURLUPART_URL, text.at, 0);
		if (code != CURLUE_OK)
			rc = set_url_error(code, err);
	}
	buf_free(&text);
	return rc < 0 ? -1 : check_parts(url, err);
}

int
fetch_url_read(struct fetch_url *url, struct span text, struct error *err)
{
	*url = (struct fetch_url)FETCH_URL_INIT;
	url->parts = curl_url();
	if (!url->parts)
		return error_set(err, ERROR_MEMORY, "no memory");
	return fetch_url_follow(url, text, err);
}

void
fetch_url_free(struct fetch_url *url)
{
	curl_url_cleanup(url->parts);
	url->parts = NULL;
}

bool
fetch_url_same_origin(const struct fetch_url *a, const struct fetch_url *b)
{
	return strcasecmp(a->host, b->host) == 0 && a->port == b->port;
}

int
fetch_url_append(
    const struct fetch_url *url, struct buf *out, struct error *err)
{
	char *text = NULL;

	if (curl_url_get(url->parts, CURLUPART_URL, &text, 0) != CURLUE_OK)
		return error_set(err, ERROR_MEMORY, "no memory");
	buf_append(out, text, strcspn(text, "?#"));
	curl_free(text);
	return buf_check(out, err);
}

/* The length of a pattern's host, and the port behind it. 0: it is none. */
static size_t
split_pattern(const char *pattern, unsigned *port)
{
	size_t len = strcspn(pattern, ":");
	uint64_t number;

	*port = HTTPS_PORT;
	if (pattern[len] != ':')
		return len;
	if (!number_read(span_of(pattern + len + 1), PORT_MAX, &number))
		return 0;
	*port = (unsigned)number;
	return len;
}

bool
fetch_url_is_pattern(const char *text)
{
	unsigned port;
	size_t len = split_pattern(text, &port);

	if (strncmp(text, "*.", 2) == 0 && len > 2) {
		text += 2;
		len -= 2;
	}
	return len > 0 && len <= FETCH_HOST_MAX && port >= 1 &&
	    text[0] != '.' && strspn(text, NAME_CHARS) == len;
}

bool
fetch_url_matches(const struct fetch_url *url, const char *pattern)
{
	const char *host = url->host;
	unsigned port;
	size_t len = split_pattern(pattern, &port), more;

	if (pattern[0] == '*') {
		/* The dot stays: "*.b.c" is for a.b.c, not for ab.c. */
		pattern++;
		len--;
		if (strlen(host) <= len)
			return false;
		more = strlen(host) - len;
		host += more;
	}
	return port == url->port && strlen(host) == len &&
	    strncasecmp(host, pattern, len) == 0;
}
