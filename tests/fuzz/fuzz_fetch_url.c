/* SPDX-License-Identifier: MIT */
/*
 * fuzz_fetch_url - addresses that somebody else names
 *
 * An address, where its answer points, and a pattern, a NUL behind each.
 */
#include "net/fetch_url.h"
#include "fuzz.h"

#include <strings.h>

static void
check_part(const struct fetch_url *url, CURLUPart which, const char *want)
{
	char *part = NULL;
	CURLUcode code = curl_url_get(url->parts, which, &part, 0);

	CHECK(want ? code == CURLUE_OK && strcasecmp(part, want) == 0
		   : code != CURLUE_OK);
	curl_free(part);
}

static void
check_good(const struct fetch_url *url)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	struct buf text = BUF_INIT(FUZZ_ROOM), pattern = BUF_INIT(FUZZ_ROOM);
	struct error err = ERROR_INIT;
	size_t i;

	check_part(url, CURLUPART_SCHEME, "https");
	check_part(url, CURLUPART_HOST, url->host);
	check_part(url, CURLUPART_USER, NULL);
	check_part(url, CURLUPART_PASSWORD, NULL);
	CHECK(url->port >= 1 && url->port <= 65535);
	CHECK(strlen(url->host) >= 1);
	CHECK(strspn(url->host, plain) == strlen(url->host) ||
	    (url->host[0] == '[' &&
		strspn(url->host, "[]0123456789abcdefABCDEF:.") ==
		    strlen(url->host)));
	CHECK(fetch_url_same_origin(url, url));
	CHECK(fetch_url_append(url, &text, &err) == 0);
	CHECK(text.len > 8 && strncasecmp(text.at, "https://", 8) == 0);
	for (i = 0; i < text.len; i++)
		CHECK(text.at[i] > ' ' && text.at[i] <= '~' &&
		    text.at[i] != '?' && text.at[i] != '#');
	buf_printf(&pattern, "%s:%u", url->host, url->port);
	buf_append_byte(&pattern, '\0');
	if (url->host[0] != '[' && url->host[0] != '.') {
		CHECK(fetch_url_is_pattern(pattern.at));
		CHECK(fetch_url_matches(url, pattern.at));
	}
	buf_free(&text);
	buf_free(&pattern);
}

/* "*.HOST" is for what ends in ".HOST", others for themselves alone. */
static void
check_pattern(const struct fetch_url *url, const char *pattern)
{
	const char *host = pattern[0] == '*' ? pattern + 1 : pattern;
	size_t len = strcspn(host, ":"), have = strlen(url->host);
	unsigned long port =
	    host[len] ? strtoul(host + len + 1, NULL, 10) : 443;
	bool want;

	if (!fetch_url_is_pattern(pattern))
		return;
	want = port == url->port &&
	    (pattern[0] == '*' ? have > len : have == len) &&
	    strncasecmp(
		url->host + have - (have >= len ? len : 0), host, len) == 0;
	CHECK(fetch_url_matches(url, pattern) == want);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *address, *location, *pattern;
	struct error err = ERROR_INIT;
	struct fetch_url url;
	struct input in;

	input_start(&in, data, size);
	address = input_text(&in);
	location = input_text(&in);
	pattern = input_text(&in);
	if (fetch_url_read(&url, span_of(address), &err) == 0) {
		check_good(&url);
		check_pattern(&url, pattern);
		if (fetch_url_follow(&url, span_of(location), &err) == 0) {
			check_good(&url);
			check_pattern(&url, pattern);
		}
	}
	CHECK(err.code == ERROR_NONE || err.code == ERROR_FORM);
	(void)fetch_url_is_pattern(pattern);
	fetch_url_free(&url);
	input_end(&in);
	return 0;
}
