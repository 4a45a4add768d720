/* SPDX-License-Identifier: MIT */
/*
 * find_needle - a text, and whether it is somewhere as a word
 *
 * Bytes are searched before anything is parsed. JSON can write a character in
 * several ways: as it is, as \uXXXX with small or large digits, and a slash
 * with a backslash before it. A text in ASCII without quotes, backslashes and
 * slashes has one form.
 */
#include "hookdir/find.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define TEXT_MAX ((size_t)4096)

static unsigned long
code_point(const char *at, size_t len)
{
	static const unsigned char masks[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
	unsigned long value = (unsigned char)at[0] & masks[len];
	size_t i;

	for (i = 1; i < len; i++)
		value = value << 6 | ((unsigned char)at[i] & 0x3F);
	return value;
}

/* RFC 8259 7: beyond the basic plane it takes a pair of surrogates. */
static void
append_units(struct buf *out, unsigned long value, const char *form)
{
	char text[32];
	int len = 0;

	if (value >= 0x10000) {
		value -= 0x10000;
		len = snprintf(text, sizeof(text),
		    form[0] == 'x' ? "\\u%04lx" : "\\u%04lX",
		    0xD800 + (value >> 10));
		value = 0xDC00 + (value & 0x3FF);
	}
	(void)snprintf(text + len, sizeof(text) - (size_t)len,
	    form[0] == 'x' ? "\\u%04lx" : "\\u%04lX", value);
	buf_append_text(out, text);
}

/* digits: NULL leaves what is not ASCII as it is. */
static void
append_form(struct buf *out, struct span text, const char *digits, bool slashes)
{
	size_t len;

	for (; text.len; text.at += len, text.len -= len) {
		len = utf8_length(text);
		if (*text.at == '"' || *text.at == '\\' ||
		    (*text.at == '/' && slashes))
			buf_append_byte(out, '\\');
		if (len < 2 || !digits) {
			len = len ? len : 1;
			buf_append(out, text.at, len);
		} else {
			append_units(out, code_point(text.at, len), digits);
		}
	}
}

/* A form that is there already is none. */
static void
add_form(
    struct needle *needle, struct span text, const char *digits, bool slashes)
{
	struct buf *form = &needle->forms[needle->count];
	size_t i;

	*form = (struct buf)BUF_INIT(TEXT_MAX * 12);
	append_form(form, text, digits, slashes);
	for (i = 0; i < needle->count; i++)
		if (span_equal(buf_span(&needle->forms[i]), buf_span(form))) {
			buf_free(form);
			return;
		}
	needle->count++;
}

int
needle_make(struct needle *needle, const char *text, struct error *err)
{
	const char *slash = strrchr(text, '/');
	struct spool_name name;
	size_t i;

	memset(needle, 0, sizeof(*needle));
	if (strlen(text) > TEXT_MAX)
		return error_set(err, ERROR_CONFIGURATION,
		    "the text is longer than %zu bytes", TEXT_MAX);
	add_form(needle, span_of(text), NULL, false);
	add_form(needle, span_of(text), NULL, true);
	add_form(needle, span_of(text), "x", true);
	add_form(needle, span_of(text), "X", true);
	if (spool_name_parse(slash ? slash + 1 : text, &name))
		memcpy(needle->base, name.base, sizeof(needle->base));
	for (i = 0; i < needle->count; i++)
		if (buf_check(&needle->forms[i], err) < 0)
			return -1;
	return 0;
}

void
needle_free(struct needle *needle)
{
	size_t i;

	for (i = 0; i < needle->count; i++)
		buf_free(&needle->forms[i]);
	needle->count = 0;
}

/*
 * Letters beyond ASCII are parts of words. U+0080 to U+00BF and U+2000 to
 * U+2FFF, which begin with these two bytes, are signs, spaces and controls.
 */
static bool
begins_letter(unsigned char first)
{
	return isalnum(first) ||
	    (first >= 0x80 && first != 0xC2 && first != 0xE2);
}

static bool
ends_letter(struct span text, const char *last)
{
	while (last > text.at && ((unsigned char)*last & 0xC0) == 0x80)
		last--;
	return begins_letter((unsigned char)*last);
}

/* A letter after a backslash is an escape, as in "\n2042", and so is \uXXXX. */
static bool
begins_word(struct span text, const char *at)
{
	if (at == text.at || !begins_letter((unsigned char)*at) ||
	    !ends_letter(text, at - 1))
		return true;
	return (at - text.at >= 2 && at[-2] == '\\') ||
	    (at - text.at >= 6 && at[-6] == '\\' && at[-5] == 'u');
}

static bool
ends_word(struct span text, const char *end)
{
	return end == text.at + text.len || !ends_letter(text, end - 1) ||
	    !begins_letter((unsigned char)*end);
}

static bool
form_in(struct span form, struct span text)
{
	struct span rest = text;
	const char *at;

	while ((at = memmem(rest.at, rest.len, form.at, form.len)) != NULL) {
		if (begins_word(text, at) && ends_word(text, at + form.len))
			return true;
		rest = span_skip(rest, (size_t)(at + 1 - rest.at));
	}
	return false;
}

bool
needle_in(const struct needle *needle, struct span text)
{
	size_t i;

	for (i = 0; text.len && i < needle->count; i++)
		if (form_in(buf_span(&needle->forms[i]), text))
			return true;
	return false;
}

const char *
needle_at(const struct needle *needle, struct span text)
{
	const char *first = NULL, *at;
	size_t i;

	for (i = 0; text.len && i < needle->count; i++) {
		at = memmem(text.at, text.len, needle->forms[i].at,
		    needle->forms[i].len);
		if (at && (!first || at < first))
			first = at;
	}
	return first;
}
