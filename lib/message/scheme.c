/* SPDX-License-Identifier: MIT */
/*
 * scheme - how a sender signs its calls
 */
#include "message/scheme.h"

#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/hex.h"

#define KEY_MARK    "whsec_"
#define KEY_MARK_V1 "v1," KEY_MARK /* as some senders show it */

const char *const scheme_names[SCHEME_ITEMS] = {
	[SCHEME_HEADER] = "SIGNATURE_HEADER",
	[SCHEME_PREFIX] = "SIGNATURE_PREFIX",
	[SCHEME_SEPARATOR] = "SIGNATURE_SEPARATOR",
	[SCHEME_ALGORITHM] = "SIGNATURE_ALGORITHM",
	[SCHEME_SIGNED] = "SIGNED",
	[SCHEME_TIME] = "TIME",
	[SCHEME_TIME_FORMAT] = "TIME_FORMAT",
	[SCHEME_KEY_ENCODING] = "KEY_ENCODING",
	[SCHEME_TOLERANCE] = "TOLERANCE",
	[SCHEME_URL] = "URL",
};

static int
wrong(struct error *err, enum scheme_item item, const char *why)
{
	return error_set(err, ERROR_CONFIGURATION, "HOOKDIR_%s: %s",
	    scheme_names[item], why);
}

/* Two items that contradict each other; why names neither. */
static int
clash(struct error *err, enum scheme_item item, const char *why,
    enum scheme_item other)
{
	return error_set(err, ERROR_CONFIGURATION, "HOOKDIR_%s: %s HOOKDIR_%s",
	    scheme_names[item], why, scheme_names[other]);
}

/* --- words --------------------------------------------------------------- */

/* The number of a word in a list of them; -1 when it is not there. */
static int
number_of(const char *const *words, struct span word)
{
	int i;

	for (i = 0; words[i]; i++)
		if (span_is(word, words[i]))
			return i;
	return -1;
}

/* One of the words, the first when the item is not set. */
static int
read_word(const struct scheme_text *text, enum scheme_item item,
    const char *const *words, const char *why, int *number, struct error *err)
{
	*number = 0;
	if (!text->item[item])
		return 0;
	*number = number_of(words, span_of(text->item[item]));
	return *number < 0 ? wrong(err, item, why) : 0;
}

static int
read_words(
    struct scheme *scheme, const struct scheme_text *text, struct error *err)
{
	static const char *const algorithms[] = { [HMAC_SHA256] = "sha256",
		[HMAC_SHA1] = "sha1",
		[HMAC_SHA512] = "sha512",
		NULL };
	static const char *const formats[] = { [TIME_SECONDS] = "s",
		[TIME_MILLISECONDS] = "ms",
		[TIME_RFC3339] = "rfc3339",
		[TIME_HTTP] = "http",
		NULL };
	static const char *const encodings[] = { [KEY_TEXT] = "text",
		[KEY_BASE64] = "base64",
		[KEY_HEX] = "hex",
		NULL };
	int algorithm, format, encoding;

	if (read_word(text, SCHEME_ALGORITHM, algorithms,
		"not one of sha256, sha1 and sha512", &algorithm, err) < 0 ||
	    read_word(text, SCHEME_TIME_FORMAT, formats,
		"not one of s, ms, rfc3339 and http", &format, err) < 0 ||
	    read_word(text, SCHEME_KEY_ENCODING, encodings,
		"not one of text, base64 and hex", &encoding, err) < 0)
		return -1;
	scheme->algorithm = (enum hmac_algorithm)algorithm;
	scheme->time_format = (enum time_format)format;
	scheme->key_encoding = (enum key_encoding)encoding;
	return 0;
}

/* --- names of headers ---------------------------------------------------- */

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z');
}

/*
 * Can it be looked for? RFC 3875 section 4.1.18 has one name for "X-A" and
 * "X_A", and other names for the two that it gives by themselves.
 */
static bool
is_header_name(struct span name)
{
	size_t i;

	for (i = 0; i < name.len; i++)
		if (!is_alnum(name.at[i]) && name.at[i] != '-')
			return false;
	return name.len &&
	    !(name.len == 12 &&
		strncasecmp(name.at, "Content-Type", 12) == 0) &&
	    !(name.len == 14 &&
		strncasecmp(name.at, "Content-Length", 14) == 0);
}

static bool
same_name(struct span a, struct span b)
{
	return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

static bool
holds_signatures(const struct scheme *scheme, struct span name)
{
	size_t i;

	for (i = 0; i < scheme->header_count; i++)
		if (same_name(scheme->headers[i], name))
			return true;
	return false;
}

static int
read_headers(
    struct scheme *scheme, const struct scheme_text *text, struct error *err)
{
	struct span rest = span_of(text->item[SCHEME_HEADER]), name;

	while (span_cut(&rest, ' ', &name)) {
		if (!name.len)
			continue;
		if (!is_header_name(name))
			return wrong(err, SCHEME_HEADER,
			    "not names of headers, of letters, digits and -");
		if (holds_signatures(scheme, name))
			return wrong(
			    err, SCHEME_HEADER, "names a header twice");
		if (scheme->header_count == SCHEME_HEADERS_MAX)
			return wrong(
			    err, SCHEME_HEADER, "names more than 8 headers");
		scheme->headers[scheme->header_count++] = name;
	}
	if (!scheme->header_count)
		return wrong(err, SCHEME_HEADER, "names no header");
	return 0;
}

/* --- the list of signatures ---------------------------------------------- */

static int
read_separators(
    struct scheme *scheme, const struct scheme_text *text, struct error *err)
{
	static const char *const words[] = { "comma", "semicolon", "space",
		NULL };
	static const char characters[] = ",; ";
	const char *item = text->item[SCHEME_SEPARATOR];
	struct span rest, word;
	size_t count = 0;
	int number;

	if (!item)
		return 0;
	rest = span_of(item);
	while (span_cut(&rest, ' ', &word)) {
		number = number_of(words, word);
		if (number < 0)
			return wrong(err, SCHEME_SEPARATOR,
			    "not of the words comma, semicolon and space");
		if (strchr(scheme->separators, characters[number]))
			return wrong(err, SCHEME_SEPARATOR, "has a word twice");
		scheme->separators[count++] = characters[number];
	}
	return 0;
}

static int
read_prefix(
    struct scheme *scheme, const struct scheme_text *text, struct error *err)
{
	const char *prefix = text->item[SCHEME_PREFIX];

	if (!prefix)
		return 0;
	if (!*prefix)
		return wrong(err, SCHEME_PREFIX, "empty");
	if (strpbrk(prefix, scheme->separators))
		return clash(err, SCHEME_PREFIX, "holds a character of",
		    SCHEME_SEPARATOR);
	scheme->prefix = span_of(prefix);
	return 0;
}

/* --- the pattern --------------------------------------------------------- */

bool
scheme_next_part(struct span *pattern, struct scheme_part *part)
{
	static const char letters[] = "btum";
	static const enum scheme_part_kind kinds[] = { SIGNED_BODY, SIGNED_TIME,
		SIGNED_URL, SIGNED_METHOD };
	const char *place =
	    pattern->len ? memchr(pattern->at, '%', pattern->len) : NULL;
	const char *letter, *end;

	if (!pattern->len)
		return false;
	part->kind = SIGNED_TEXT;
	part->text = *pattern;
	if (place != pattern->at) {
		if (place)
			part->text.len = (size_t)(place - pattern->at);
		*pattern = span_skip(*pattern, part->text.len);
		return true;
	}
	if (pattern->len < 2)
		return false;
	part->text = (struct span){ place + 1, 1 };
	letter = memchr(letters, place[1], sizeof(letters) - 1);
	if (place[1] == '{') {
		end = memchr(place, '}', pattern->len);
		if (!end)
			return false;
		part->kind = SIGNED_HEADER;
		part->text.at++;
		part->text.len = (size_t)(end - part->text.at);
		*pattern = span_skip(*pattern, (size_t)(end + 1 - place));
		return true;
	}
	if (letter)
		part->kind = kinds[letter - letters];
	else if (place[1] != '%')
		return false;
	*pattern = span_skip(*pattern, 2);
	return true;
}

/* Which places the pattern has, and whether they can stand so. */
static int
read_pattern(struct scheme *scheme, const struct scheme_text *text,
    size_t count[SIGNED_HEADER + 1], struct error *err)
{
	const char *pattern = text->item[SCHEME_SIGNED];
	struct scheme_part part = { SIGNED_TEXT, { NULL, 0 } };
	struct span rest;
	bool after_header = false;

	scheme->pattern = span_of(pattern ? pattern : "%b");
	rest = scheme->pattern;
	while (scheme_next_part(&rest, &part)) {
		count[part.kind]++;
		if (part.kind != SIGNED_HEADER) {
			after_header = false;
			continue;
		}
		if (!is_header_name(part.text))
			return wrong(err, SCHEME_SIGNED,
			    "not the name of a header in %{}");
		if (holds_signatures(scheme, part.text))
			return clash(err, SCHEME_SIGNED,
			    "has a header in %{} that is in", SCHEME_HEADER);
		if (after_header)
			return wrong(err, SCHEME_SIGNED,
			    "two headers touch: where one ends is not certain");
		after_header = true;
	}
	if (rest.len)
		return wrong(err, SCHEME_SIGNED,
		    "a % that is none of %b %t %u %m %{Header} %%");
	if (count[SIGNED_BODY] != 1)
		return wrong(err, SCHEME_SIGNED, "%b is not in it once");
	return 0;
}

/* --- time and URL -------------------------------------------------------- */

static int
read_tolerance(
    struct scheme *scheme, const struct scheme_text *text, struct error *err)
{
	const char *c = text->item[SCHEME_TOLERANCE];
	unsigned sum = 0;

	scheme->tolerance = 300;
	if (!c)
		return 0;
	for (; *c && sum <= SCHEME_TOLERANCE_MAX; c++) {
		if (*c < '0' || *c > '9')
			break;
		sum = sum * 10 + (unsigned)(*c - '0');
	}
	if (*c || sum > SCHEME_TOLERANCE_MAX || !*text->item[SCHEME_TOLERANCE])
		return wrong(err, SCHEME_TOLERANCE,
		    "not a number of seconds from 0 to 86400");
	scheme->tolerance = sum;
	return 0;
}

/* An item of the list that begins so must not be taken for a signature. */
static int
check_item(const struct scheme *scheme, struct error *err)
{
	struct span a = scheme->time, b = scheme->prefix;
	size_t least = a.len < b.len ? a.len : b.len;

	if (!scheme->separators[0])
		return clash(err, SCHEME_TIME,
		    "an item of a list, but there is no", SCHEME_SEPARATOR);
	if (!b.len)
		return clash(err, SCHEME_TIME,
		    "an item of a list, but there is no", SCHEME_PREFIX);
	if (memcmp(a.at, b.at, least) == 0)
		return clash(err, SCHEME_TIME,
		    "one begins with the other, this and", SCHEME_PREFIX);
	return 0;
}

static int
read_time(struct scheme *scheme, const struct scheme_text *text,
    const size_t count[SIGNED_HEADER + 1], struct error *err)
{
	const char *time = text->item[SCHEME_TIME];

	if (!time && count[SIGNED_TIME])
		return clash(
		    err, SCHEME_SIGNED, "has %t, but there is no", SCHEME_TIME);
	if (!time && text->item[SCHEME_TIME_FORMAT])
		return clash(
		    err, SCHEME_TIME_FORMAT, "set without", SCHEME_TIME);
	if (!time && text->item[SCHEME_TOLERANCE])
		return clash(err, SCHEME_TOLERANCE, "set without", SCHEME_TIME);
	if (!time)
		return 0;
	if (count[SIGNED_TIME] != 1)
		return clash(err, SCHEME_TIME,
		    "a time that is not signed proves nothing: %t is not once "
		    "in",
		    SCHEME_SIGNED);
	scheme->time = span_of(time);
	scheme->time_in_list =
	    scheme->time.len && time[scheme->time.len - 1] == '=';
	if (scheme->time_in_list)
		return strpbrk(time, scheme->separators)
		    ? clash(err, SCHEME_TIME, "holds a character of",
			  SCHEME_SEPARATOR)
		    : check_item(scheme, err);
	if (!is_header_name(scheme->time))
		return wrong(err, SCHEME_TIME,
		    "neither the name of a header nor an item that ends in =");
	if (holds_signatures(scheme, scheme->time))
		return clash(err, SCHEME_TIME, "is one of", SCHEME_HEADER);
	return 0;
}

static int
read_url(struct scheme *scheme, const struct scheme_text *text,
    const size_t count[SIGNED_HEADER + 1], struct error *err)
{
	const char *url = text->item[SCHEME_URL], *c;

	if (!url && count[SIGNED_URL])
		return clash(
		    err, SCHEME_SIGNED, "has %u, but there is no", SCHEME_URL);
	if (!url)
		return 0;
	if (!count[SIGNED_URL])
		return clash(err, SCHEME_URL, "set, but there is no %u in",
		    SCHEME_SIGNED);
	if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
		return wrong(
		    err, SCHEME_URL, "does not begin with https:// or http://");
	for (c = url; *c; c++)
		if (*c <= ' ' || *c > '~')
			return wrong(
			    err, SCHEME_URL, "not printable ASCII alone");
	scheme->url = span_of(url);
	return 0;
}

int
scheme_read(
    struct scheme *scheme, const struct scheme_text *text, struct error *err)
{
	size_t count[SIGNED_HEADER + 1] = { 0 };

	memset(scheme, 0, sizeof(*scheme));
	if (read_headers(scheme, text, err) < 0 ||
	    read_separators(scheme, text, err) < 0 ||
	    read_prefix(scheme, text, err) < 0 ||
	    read_words(scheme, text, err) < 0 ||
	    read_pattern(scheme, text, count, err) < 0 ||
	    read_tolerance(scheme, text, err) < 0 ||
	    read_time(scheme, text, count, err) < 0)
		return -1;
	return read_url(scheme, text, count, err);
}

/* --- keys ---------------------------------------------------------------- */

bool
scheme_decode_key(enum key_encoding encoding, struct span key, struct buf *out)
{
	size_t before = out->len;

	if (encoding == KEY_TEXT)
		buf_append_span(out, key);
	if (encoding == KEY_HEX && !hex_decode(key, out))
		return false;
	if (encoding == KEY_BASE64) {
		if (span_begins(key, KEY_MARK))
			key = span_skip(key, strlen(KEY_MARK));
		else if (span_begins(key, KEY_MARK_V1))
			key = span_skip(key, strlen(KEY_MARK_V1));
		if (!base64_decode_any(key, out))
			return false;
	}
	return out->len > before || out->failed;
}

void
scheme_append_headers(const struct scheme *scheme, struct buf *out)
{
	struct span rest = scheme->pattern;
	struct scheme_part part;
	size_t i;

	for (i = 0; i < scheme->header_count; i++) {
		buf_append_span(out, scheme->headers[i]);
		buf_append_byte(out, ' ');
	}
	if (scheme->time.len && !scheme->time_in_list) {
		buf_append_span(out, scheme->time);
		buf_append_byte(out, ' ');
	}
	while (scheme_next_part(&rest, &part))
		if (part.kind == SIGNED_HEADER) {
			buf_append_span(out, part.text);
			buf_append_byte(out, ' ');
		}
}
