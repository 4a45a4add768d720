/* SPDX-License-Identifier: MIT */
/*
 * lines - the lines that a command with --pipe writes, and answers in them
 */
#include "run/lines.h"

#include <string.h>

static void
keep(struct lines *lines, struct span bytes)
{
	size_t room = sizeof(lines->at) - lines->len;
	size_t len = bytes.len < room ? bytes.len : room;

	if (len)
		memcpy(lines->at + lines->len, bytes.at, len);
	lines->len += len;
}

void
lines_feed(
    struct lines *lines, struct span bytes, lines_take *take, void *context)
{
	struct span piece;
	const char *end;

	while (bytes.len > 0) {
		end = memchr(bytes.at, '\n', bytes.len);
		piece = (struct span){ bytes.at,
			end ? (size_t)(end - bytes.at) : bytes.len };
		keep(lines, piece);
		if (!end)
			return;
		bytes = span_skip(bytes, piece.len + 1);
		piece = (struct span){ lines->at, lines->len };
		lines->len = 0;
		take(context, piece);
	}
}

/* A number from 0 to 255 without leading zeros; else -1. */
static int
read_status(struct span text)
{
	int status = 0;
	size_t i;

	if (text.len == 0 || text.len > 3 ||
	    (text.len > 1 && text.at[0] == '0'))
		return -1;
	for (i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return -1;
		status = status * 10 + (text.at[i] - '0');
	}
	return status <= 255 ? status : -1;
}

bool
answer_read(struct span line, struct answer *answer)
{
	struct span status;

	if (line.len == 0 || !memchr(line.at, '\t', line.len))
		return false;
	/* What a program on Windows, or echo of a file with CR LF, adds. */
	if (line.at[line.len - 1] == '\r')
		line.len--;
	(void)span_cut(&line, '\t', &answer->name);
	status = (struct span){ NULL, 0 };
	(void)span_cut(&line, '\t', &status);
	answer->status = read_status(status);
	answer->reason = line;
	return true;
}
