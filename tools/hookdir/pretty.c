/* SPDX-License-Identifier: MIT */
/*
 * pretty - JSON for people
 */
#include "hookdir/pretty.h"

#include <stdint.h>

#include "hookdir/tool.h"
#include "base/utf8.h"
#include "json/json.h"

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

static void
new_line(FILE *out, unsigned depth)
{
	(void)fprintf(out, "\n%*s", (int)depth * 2, "");
}

static void
print_value(FILE *out, struct span value, unsigned depth)
{
	struct json_value name = { JSON_TYPE_NULL, { NULL, 0 } }, inside;
	struct json_walk walk;
	bool empty = true;

	if (!json_walk_start(value, &walk)) {
		pretty_plain(out, value);
		return;
	}
	(void)putc(walk.object ? '{' : '[', out);
	while ((!walk.object || json_walk_name(&walk, &name)) &&
	    json_walk_value(&walk, &inside)) {
		if (!empty)
			(void)putc(',', out);
		empty = false;
		new_line(out, depth + 1);
		if (walk.object) {
			pretty_plain(out, name.raw);
			(void)fputs(": ", out);
		}
		print_value(out, inside.raw, depth + 1);
	}
	if (!empty)
		new_line(out, depth);
	(void)putc(walk.object ? '}' : ']', out);
}

void
pretty_print(FILE *out, struct span json)
{
	print_value(out, json, 0);
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
