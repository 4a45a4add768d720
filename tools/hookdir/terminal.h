/* SPDX-License-Identifier: MIT */
/*
 * terminal - text in columns, for people
 */
#ifndef HOOKDIR_TERMINAL_H
#define HOOKDIR_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum colour {
	COLOUR_NONE = 0,
	COLOUR_BOLD = 1,
	COLOUR_RED = 31,
	COLOUR_GREEN = 32,
	COLOUR_YELLOW = 33,
	COLOUR_CYAN = 36
};

struct terminal {
	size_t width; /* columns; 80 where standard output is no terminal */
	bool colours; /* only on a terminal, and without NO_COLOR */
};

void terminal_look(struct terminal *terminal);

/*
 * Print text as tool_print() does, in exactly so many columns. What is longer
 * loses its end, or its front, for "...". last: nothing follows in the line.
 */
enum cut {
	CUT_END,
	CUT_FRONT
};
void terminal_column(struct span text, size_t width, enum cut cut, bool last);

/* Print text on lines of the terminal's width, behind so many spaces, and no
 * more of it than so many lines. */
void terminal_wrap(const struct terminal *terminal, struct span text,
    size_t indent, unsigned lines);

void terminal_start(const struct terminal *terminal, enum colour colour);
void terminal_end(const struct terminal *terminal, enum colour colour);

#endif
