/* SPDX-License-Identifier: MIT */
/*
 * lines - the lines that a command with --pipe writes, and answers in them
 *
 * Bytes come in pieces of any length; a line counts when its end has come. Of
 * a long line the beginning is kept. An answer is NAME TAB STATUS, or NAME TAB
 * STATUS TAB REASON, with STATUS a number from 0 to 255 without leading zeros.
 */
#ifndef HOOKDIR_LINES_H
#define HOOKDIR_LINES_H

#include "base/buf.h"

#define LINES_MAX 8192 /* bytes kept of a line */

/* All zeroes is the beginning of a line. */
struct lines {
	char at[LINES_MAX];
	size_t len;
};

typedef void lines_take(void *context, struct span line);

/* Calls take for each line that ends in these bytes, without its end. */
void lines_feed(
    struct lines *lines, struct span bytes, lines_take *take, void *context);

struct answer {
	struct span name, reason;
	int status; /* -1: it is none */
};

/* False: there is no TAB, and so no answer. */
bool answer_read(struct span line, struct answer *answer);

#endif
