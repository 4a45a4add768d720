/* SPDX-License-Identifier: MIT */
/*
 * list_row - the rows of hookdir list for people
 *
 * A row fits the terminal. The name and what went wrong are on lines of their
 * own below it, as names are long and needed whole.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "hookdir/list.h"
#include "hookdir/tool.h"

#define TIME_WIDTH  11 /* "11-21 18:05" */
#define STATE_WIDTH 13 /* "retry in 119s" */
#define GAP	    2
#define INDENT	    4
#define ERROR_LINES 4
#define HALF_YEAR   (183 * 86400)

/* Columns of a row; one of width 0 is left out. */
struct widths {
	size_t type, reference, subject;
};

static size_t
at_most(size_t width, size_t most)
{
	return width < most ? width : most;
}

static struct widths
widths_of(const struct terminal *terminal)
{
	size_t taken = TIME_WIDTH + GAP + STATE_WIDTH;
	size_t room = terminal->width > taken ? terminal->width - taken : 0;
	struct widths widths = { 0, 0, 0 };

	if (room < 16)
		return widths;
	if (room >= 3 * GAP + 30) {
		widths.reference = at_most(room / 4 - GAP, 24);
		widths.subject = at_most(room / 4 - GAP, 24);
		room -= widths.reference + widths.subject + 2 * GAP;
	}
	widths.type = at_most(room - GAP, 48);
	return widths;
}

static void
gap(void)
{
	(void)printf("%*s", GAP, "");
}

static void
print_columns(const struct widths *widths, struct span type,
    struct span reference, struct span subject)
{
	if (widths->type) {
		gap();
		terminal_column(
		    type, widths->type, CUT_FRONT, !widths->reference);
	}
	if (widths->reference) {
		gap();
		terminal_column(reference, widths->reference, CUT_END, false);
		gap();
		terminal_column(subject, widths->subject, CUT_END, true);
	}
	(void)putchar('\n');
}

void
list_header(const struct listing *listing)
{
	const struct terminal *terminal = &listing->terminal;
	struct widths widths = widths_of(terminal);

	terminal_start(terminal, COLOUR_BOLD);
	(void)printf("%-*s  %-*s", TIME_WIDTH, "ARRIVED", STATE_WIDTH, "STATE");
	print_columns(
	    &widths, span_of("TYPE"), span_of("REFERENCE"), span_of("SUBJECT"));
	terminal_end(terminal, COLOUR_BOLD);
	(void)fflush(stdout);
}

/* In local time; the year in place of the hour where it is another one. */
static void
print_arrival(const struct listing *listing)
{
	time_t when = listing->look.arrived.tv_sec;
	time_t age = listing->now.tv_sec - when;
	char text[32] = "-";
	struct tm tm;

	if (when && localtime_r(&when, &tm))
		(void)strftime(text, sizeof(text),
		    age > HALF_YEAR || age < -HALF_YEAR ? "%Y-%m-%d"
							: "%m-%d %H:%M",
		    &tm);
	(void)printf("%-*s  ", TIME_WIDTH, text);
}

/* A message of new/: has it been run before? */
static enum colour
words_of_new(const struct listing *listing, const struct row *row,
    char text[TOOL_SHORT_SIZE + 16])
{
	char span[TOOL_SHORT_SIZE];

	if (!row->name->next) {
		(void)snprintf(text, TOOL_SHORT_SIZE + 16, "waiting");
		return COLOUR_NONE;
	}
	tool_short_span(row->name->next - listing->now.tv_sec, span);
	if (spool_name_is_due(row->name, listing->now.tv_sec))
		(void)snprintf(text, TOOL_SHORT_SIZE + 16, "retry now");
	else
		(void)snprintf(text, TOOL_SHORT_SIZE + 16, "retry in %s", span);
	return COLOUR_YELLOW;
}

static void
print_state(const struct listing *listing, const struct row *row)
{
	static const struct {
		const char *words;
		enum colour colour;
	} states[] = { [QUEUE_HOLD] = { "held", COLOUR_CYAN },
		[QUEUE_FAILED] = { "dead letter", COLOUR_RED },
		[QUEUE_QUARANTINE] = { "refused", COLOUR_YELLOW } };
	bool locked = listing->look.locked;
	char text[TOOL_SHORT_SIZE + 16];
	enum colour colour;

	if (row->state == QUEUE_NEW) {
		colour = words_of_new(listing, row, text);
	} else if (row->state == QUEUE_CUR) {
		(void)snprintf(text, sizeof(text), "%s",
		    locked ? "running" : "left behind");
		colour = locked ? COLOUR_GREEN : COLOUR_YELLOW;
	} else {
		(void)snprintf(
		    text, sizeof(text), "%s", states[row->state].words);
		colour = states[row->state].colour;
	}
	terminal_start(&listing->terminal, colour);
	(void)printf("%-*s", STATE_WIDTH, text);
	terminal_end(&listing->terminal, colour);
}

/* What happened begins with a time, which says little here. */
static struct span
without_time(struct span text)
{
	struct span rest = text, first;
	struct timespec when;

	return span_cut(&rest, ' ', &first) &&
		clock_read_rfc3339(first.at, first.len, &when)
	    ? rest
	    : text;
}

static void
print_why(const struct listing *listing, const struct row *row)
{
	struct span error = without_time(row->error);
	struct buf text = BUF_INIT((size_t)1 << 20);

	if (error.len == 0)
		error = event_get(&listing->look.event, EVENT_REASON);
	buf_append_span(&text, error);
	if (row->output.len) {
		buf_append_text(&text, error.len ? ": " : "");
		buf_append_span(&text, row->output);
	}
	terminal_wrap(&listing->terminal, buf_span(&text), INDENT, ERROR_LINES);
	buf_free(&text);
}

void
list_row(const struct listing *listing, const struct row *row)
{
	const struct look *look = &listing->look;
	struct widths widths = widths_of(&listing->terminal);

	print_arrival(listing);
	print_state(listing, row);
	print_columns(&widths, look_type(look),
	    event_get(&look->event, EVENT_REFERENCE),
	    event_get(&look->event, EVENT_SUBJECT));
	terminal_wrap(
	    &listing->terminal, span_of(row->name->base), INDENT, NAME_MAX);
	print_why(listing, row);
}
