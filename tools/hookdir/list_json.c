/* SPDX-License-Identifier: MIT */
/*
 * list_json - the rows of hookdir list for programs
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "hookdir/list.h"
#include "hookdir/pretty.h"
#include "hookdir/tool.h"
#include "json/json.h"

/* Text of any bytes as a JSON string; null where there is none. */
static void
append_string(struct buf *out, const char *name, struct span text)
{
	if (text.len)
		json_append_member(out, name, text, utf8_append_latin1);
	else
		buf_printf(out, ",\"%s\":null", name);
}

static void
append_file(struct buf *out, const struct row *row)
{
	struct buf path = BUF_INIT(2 * NAME_MAX);

	buf_printf(&path, "%s/%s", queue_state_name(row->state), row->file);
	append_string(out, "file", buf_span(&path));
	buf_free(&path);
}

static void
append_attributes(struct buf *out, const struct event *event)
{
	static const struct {
		const char *name;
		enum event_attribute which;
	} members[] = { { "id", EVENT_ID }, { "source", EVENT_SOURCE },
		{ "subject", EVENT_SUBJECT }, { "reference", EVENT_REFERENCE },
		{ "time", EVENT_TIME }, { "reason", EVENT_REASON } };
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		append_string(
		    out, members[i].name, event_get(event, members[i].which));
}

static void
append_time(struct buf *out, const char *name, time_t seconds)
{
	const struct timespec when = { seconds, 0 };
	char text[CLOCK_RFC3339_SIZE] = "";

	if (seconds)
		clock_rfc3339(when, text);
	append_string(out, name, span_of(text));
}

/* A row too large for its memory is left out, and said so. */
void
list_json(struct listing *listing, const struct row *row)
{
	const struct look *look = &listing->look;
	struct error failed = ERROR_INIT;
	struct buf *out = &listing->row;

	buf_reset(out);
	buf_append_text(out, "{\"state\":\"");
	buf_append_text(out, queue_state_name(row->state));
	buf_append_byte(out, '"');
	append_string(out, "spool", span_of(listing->queue.path));
	append_string(out, "name", span_of(row->name->base));
	append_file(out, row);
	append_string(out, "type", look_type(look));
	append_attributes(out, &look->event);
	if (look->arrived.tv_sec)
		buf_printf(out, ",\"age\":%lld",
		    (long long)(listing->now.tv_sec - look->arrived.tv_sec));
	else
		buf_append_text(out, ",\"age\":null");
	buf_printf(out, ",\"size\":%lld,\"tries\":%u,\"later\":%u",
	    (long long)look->st.st_size, row->name->tries, row->name->later);
	append_time(out, "next", row->name->next);
	append_string(out, "error", row->error);
	append_string(out, "output", row->output);
	append_time(out, "arrived", look->arrived.tv_sec);
	buf_printf(out, ",\"locked\":%s", look->locked ? "true" : "false");
	buf_append_text(out, "}\n");
	if (buf_check(out, &failed) < 0)
		tool_warn("%s: %s", row->name->base, failed.text);
	else
		pretty_plain(stdout, buf_span(out));
}
