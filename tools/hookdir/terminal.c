/* SPDX-License-Identifier: MIT */
/*
 * terminal - text in columns, for people
 */
#include "hookdir/terminal.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/utf8.h"
#include "hookdir/tool.h"

#define WIDTH	  80
#define WIDTH_MIN 20
#define DOTS	  3

void
terminal_look(struct terminal *terminal)
{
	const char *none = getenv("NO_COLOR"), *kind = getenv("TERM");
	bool is_terminal = isatty(STDOUT_FILENO);
	struct winsize size;

	terminal->width = WIDTH;
	if (is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col)
		terminal->width =
		    size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
	terminal->colours = is_terminal && !(none && none[0]) &&
	    !(kind && strcmp(kind, "dumb") == 0);
}

/* Unicode's East Asian Width W and F, in large strokes: two columns. */
static bool
is_wide(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} wide[] = { { 0x1100, 0x115f }, { 0x2e80, 0xa4cf }, { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 }, { 0x1f300, 0x1faff },
		{ 0x20000, 0x3fffd } };
	size_t i;

	for (i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (c >= wide[i].first && c <= wide[i].last)
			return true;
	return false;
}

/* The columns that the first character takes; *len is its bytes. */
static size_t
columns_of(struct span text, size_t *len)
{
	const unsigned char *at = (const unsigned char *)text.at;
	uint32_t c;
	size_t i;

	*len = tool_printable(text);
	if (*len == 0) {
		*len = 1;
		return strlen("\\x00");
	}
	if (*len < 3)
		return 1;
	c = at[0] & (*len == 3 ? 0x0fU : 0x07U);
	for (i = 1; i < *len; i++)
		c = c << 6 | (at[i] & 0x3fU);
	return is_wide(c) ? 2 : 1;
}

/* How many bytes fit into so many columns, and the columns that they take. */
static size_t
fit(struct span text, size_t width, size_t *used)
{
	size_t done = 0, len, columns;

	for (*used = 0; done < text.len; done += len) {
		columns = columns_of(span_skip(text, done), &len);
		if (*used + columns > width)
			break;
		*used += columns;
	}
	return done;
}

/* Without its front, so that the rest takes no more than width columns. */
static struct span
tail(struct span text, size_t width, size_t *used)
{
	size_t len;

	(void)fit(text, SIZE_MAX, used);
	while (*used > width) {
		*used -= columns_of(text, &len);
		text = span_skip(text, len);
	}
	return text;
}

void
terminal_column(struct span text, size_t width, enum cut cut, bool last)
{
	bool whole;
	size_t used, len;

	if (text.len == 0)
		text = span_of("-");
	/* No line is longer, and 200 kB need not be measured. */
	if (text.len > 4 * width + DOTS && cut == CUT_END)
		text.len = 4 * width + DOTS;
	len = fit(text, width, &used);
	whole = len == text.len || width <= DOTS;
	if (!whole && cut == CUT_FRONT) {
		(void)fputs("...", stdout);
		text = tail(text, width - DOTS, &used);
		len = text.len;
	} else if (!whole) {
		len = fit(text, width - DOTS, &used);
	}
	tool_print(stdout, (struct span){ text.at, len }, SIZE_MAX);
	if (!whole && cut == CUT_END)
		(void)fputs("...", stdout);
	used += whole ? 0 : DOTS;
	if (!last && used < width)
		(void)printf("%*s", (int)(width - used), "");
}

void
terminal_wrap(const struct terminal *terminal, struct span text, size_t indent,
    unsigned lines)
{
	size_t width = terminal->width - indent, used, len;

	for (; lines > 0 && text.len; lines--) {
		(void)printf("%*s", (int)indent, "");
		len = fit(text, width, &used);
		if (lines == 1)
			terminal_column(text, width, CUT_END, true);
		else
			tool_print(
			    stdout, (struct span){ text.at, len }, SIZE_MAX);
		(void)putchar('\n');
		text = span_skip(text, len);
	}
}

void
terminal_start(const struct terminal *terminal, enum colour colour)
{
	if (terminal->colours && colour)
		(void)printf("\033[%dm", colour);
}

void
terminal_end(const struct terminal *terminal, enum colour colour)
{
	if (terminal->colours && colour)
		(void)fputs("\033[0m", stdout);
}
