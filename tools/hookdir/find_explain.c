/* SPDX-License-Identifier: MIT */
/*
 * find_explain - what would explain that nothing was found in a spool
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hookdir/find.h"
#include "hookdir/pretty.h"
#include "hookdir/tool.h"

#define ROW_MAX	   ((size_t)1 << 20)
#define TEXT_WIDTH 120

/* The last line of an accepted call in the file of a day. */
static int
find_last(struct find *find, const char *day, struct error *err)
{
	static const char wanted[] = "\"event\":\"accepted\"";
	struct history_reader reader;
	struct span line;
	int rc = history_open(&reader, find->queue.root, day, HISTORY_IN, err);

	while (rc == 0 && history_next(&reader, &line, err) == 1)
		if (memmem(line.at, line.len, wanted, sizeof(wanted) - 1)) {
			buf_reset(&find->last);
			buf_append_span(&find->last, line);
		}
	history_close(&reader);
	return err->code ? -1 : rc;
}

static void
look(struct find *find)
{
	struct error err = ERROR_INIT;
	struct history_days days;
	size_t i;
	int rc = history_days(find->queue.root, &days, &err);

	find->last.max = HISTORY_LINE_MAX;
	find->first_day[0] = '\0';
	if (rc == 0 && days.count)
		memcpy(find->first_day, days.at[0], HISTORY_DAY_SIZE);
	for (i = days.count; rc == 0 && i-- > 0 && find->last.len == 0;)
		rc = find_last(find, days.at[i], &err);
	if (rc < 0)
		(void)tool_error(&err);
	free(days.at);
}

static void
print_last(const struct find *find)
{
	static const char *const names[] = { "reference", "subject", "type" };
	struct span line = buf_span(&find->last), time;
	struct buf text = BUF_INIT(ROW_MAX);
	struct timespec when = { 0, 0 };
	size_t i;

	(void)fputs("  last message: ", stdout);
	if (line.len == 0) {
		(void)puts("none since then");
		return;
	}
	time = history_member(line, "time");
	(void)clock_read_rfc3339(time.at, time.len, &when);
	tool_print_time(stdout, when.tv_sec);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		buf_reset(&text);
		find_text(line, names[i], &text);
		if (text.len) {
			(void)fputs(", ", stdout);
			tool_print(stdout, buf_span(&text), TEXT_WIDTH);
		}
	}
	(void)putchar('\n');
	buf_free(&text);
}

static void
print_refused(const struct find *find)
{
	char day[HISTORY_DAY_SIZE];
	unsigned long long count;
	bool none = true;
	int code;

	history_day(clock_now().tv_sec, day);
	(void)fputs("  calls refused today (UTC):", stdout);
	for (code = ERROR_NONE + 1; code <= ERROR_NOT_YET_VALID; code++) {
		count = history_refused(
		    find->queue.root, day, (enum error_code)code);
		if (count == 0)
			continue;
		(void)printf("%s %llu %s", none ? "" : ",", count,
		    error_rule((enum error_code)code));
		none = false;
	}
	(void)puts(none ? " none" : "");
}

static void
explain(const struct find *find)
{
	(void)fputs("nothing in ", stdout);
	tool_print(stdout, span_of(find->queue.path), PATH_MAX);
	(void)putchar('\n');
	if (find->first_day[0])
		(void)printf("  history is kept since %s\n", find->first_day);
	else
		(void)puts("  no history is kept here yet");
	print_last(find);
	print_refused(find);
}

static void
explain_json(const struct find *find)
{
	struct buf row = BUF_INIT(ROW_MAX);
	struct error failed = ERROR_INIT;
	char day[HISTORY_DAY_SIZE];
	unsigned long long count;
	bool none = true;
	int code;

	buf_append_text(&row, "{\"spool\":");
	json_append_string(&row, span_of(find->queue.path));
	buf_append_text(&row, ",\"state\":\"none\",\"since\":");
	buf_printf(
	    &row, find->first_day[0] ? "\"%s\"" : "null%s", find->first_day);
	buf_append_text(&row, ",\"last\":");
	if (find->last.len)
		buf_append_span(&row, buf_span(&find->last));
	else
		buf_append_text(&row, "null");
	buf_append_text(&row, ",\"refused\":{");
	history_day(clock_now().tv_sec, day);
	for (code = ERROR_NONE + 1; code <= ERROR_NOT_YET_VALID; code++) {
		count = history_refused(
		    find->queue.root, day, (enum error_code)code);
		if (count == 0)
			continue;
		buf_printf(&row, "%s\"%s\":%llu", none ? "" : ",",
		    error_rule((enum error_code)code), count);
		none = false;
	}
	buf_append_text(&row, "}}\n");
	if (buf_check(&row, &failed) < 0)
		tool_warn("%s", failed.text);
	else
		pretty_plain(stdout, buf_span(&row));
	buf_free(&row);
}

void
find_explain(struct find *find)
{
	look(find);
	if (find->json)
		explain_json(find);
	else
		explain(find);
}
