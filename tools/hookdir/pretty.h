/* SPDX-License-Identifier: MIT */
/*
 * pretty - JSON for people
 *
 * Nothing but the white space is made anew: numbers, strings and members
 * stand as they were. Only what could steer a terminal, DEL, the controls
 * of C1 and those that break or turn lines, is written as \uXXXX, which
 * says the same.
 */
#ifndef HOOKDIR_PRETTY_H
#define HOOKDIR_PRETTY_H

#include <stdio.h>

#include "base/buf.h"

/*
 * One member a line, two spaces a level, and a newline. For JSON that was
 * judged before, with event_read() or json_scan().
 */
void pretty_print(FILE *out, struct span json);

/* JSON as it is. Text of its own passes too, where it may be escaped so. */
void pretty_plain(FILE *out, struct span json);

/* Can text be shown as it is? UTF-8 without controls or what is above. */
bool pretty_is_plain(struct span text);

/*
 * Text for a terminal: as tool_print(), but lines and tabs are kept, and
 * the last line ends.
 */
void pretty_lines(FILE *out, struct span text);

#endif
