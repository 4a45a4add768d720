/* SPDX-License-Identifier: MIT */
/*
 * pretty - JSON for people
 *
 * No recursion and no memory: where a bracket belongs follows from the
 * number of those that are open.
 */
#include "hookdir/pretty.h"

#include <stdint.h>

#include "hookdir/tool.h"
#include "base/utf8.h"

/* The length of a character that is not shown as it is; 0 for others. */
static size_t
harmful(const char *at, const char *end, unsigned *code_point)
{
	const unsigned char *c = (const unsigned char *)at;
	size_t left = (size_t)(end - at);

	*code_point = c[0];
	if (c[0] == 0x7f)
		return 1;
	if (c[0] == 0xc2 && left >= 2 && c[1] >= 0x80 && c[1] < 0xa0) {
		*code_point = c[1];
		return 2;
	}
	if (c[0] != 0xe2 || left < 3)
		return 0;
	*code_point = 0x2000u | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
	return (*code_point >= 0x2028 && *code_point <= 0x202e) ||
		(*code_point >= 0x2066 && *code_point <= 0x2069)
	    ? 3
	    : 0;
}

void
pretty_plain(FILE *out, struct span json)
{
	const char *at = json.at, *run = at, *end = at + json.len;
	unsigned code_point;
	size_t len;

	for (; at < end; at += len ? len : 1) {
		len = harmful(at, end, &code_point);
		if (len == 0)
			continue;
		(void)fwrite(run, 1, (size_t)(at - run), out);
		(void)fprintf(out, "\\u%04x", code_point);
		run = at + len;
	}
	if (run < end)
		(void)fwrite(run, 1, (size_t)(end - run), out);
}

bool
pretty_is_plain(struct span text)
{
	const char *at = text.at, *end = at + text.len;
	unsigned code_point;

	for (; at < end; at++)
		if ((unsigned char)*at < 0x20 || harmful(at, end, &code_point))
			return false;
	return utf8_valid(text);
}

/* The string that begins here: to behind its closing quote. */
static const char *
string_end(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\' && end - at > 1)
			at++;
	return at < end ? at + 1 : end;
}

static const char *
skip_space(const char *at, const char *end)
{
	while (at < end &&
	    (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
		at++;
	return at;
}

static void
new_line(FILE *out, unsigned depth)
{
	(void)fprintf(out, "\n%*s", (int)depth * 2, "");
}

/* An opening bracket; one that holds nothing is closed at once. */
static const char *
print_open(FILE *out, const char *at, const char *end, unsigned *depth)
{
	const char *inside = skip_space(at + 1, end);

	(void)putc(*at, out);
	if (inside < end && (*inside == '}' || *inside == ']')) {
		(void)putc(*inside, out);
		return inside + 1;
	}
	new_line(out, ++*depth);
	return at + 1;
}

/* What is no string and no opening bracket, a byte of it. */
static void
print_byte(FILE *out, char byte, unsigned *depth)
{
	if (byte == '}' || byte == ']')
		new_line(out, *depth > 0 ? --*depth : 0);
	(void)putc(byte, out);
	if (byte == ',')
		new_line(out, *depth);
	else if (byte == ':')
		(void)putc(' ', out);
}

void
pretty_print(FILE *out, struct span json)
{
	const char *at = json.at, *end = at + json.len, *next;
	unsigned depth = 0;

	for (; (at = skip_space(at, end)) < end; at = next) {
		if (*at == '"') {
			next = string_end(at, end);
			pretty_plain(
			    out, (struct span){ at, (size_t)(next - at) });
		} else if (*at == '{' || *at == '[') {
			next = print_open(out, at, end, &depth);
		} else {
			print_byte(out, *at, &depth);
			next = at + 1;
		}
	}
	(void)putc('\n', out);
}

void
pretty_lines(FILE *out, struct span text)
{
	struct span line, part;

	while (span_cut(&text, '\n', &line)) {
		while (span_cut(&line, '\t', &part)) {
			tool_print(out, part, SIZE_MAX);
			/* A tab at the very end is not worth more. */
			if (line.len)
				(void)putc('\t', out);
		}
		(void)putc('\n', out);
	}
}
