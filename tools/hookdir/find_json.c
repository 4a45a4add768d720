/* SPDX-License-Identifier: MIT */
/*
 * find_json - a hit as a JSON object, and the order of its lines
 */
#include <stdlib.h>
#include <string.h>

#include "hookdir/find.h"
#include "hookdir/pretty.h"
#include "hookdir/tool.h"

#define ROW_MAX ((size_t)4 << 20)

static int
compare_lines(const void *a, const void *b)
{
	const struct span *one = a, *two = b;
	size_t len = one->len < two->len ? one->len : two->len;

	return memcmp(one->at, two->at, len);
}

struct span *
find_sorted_steps(const struct find_hit *hit, size_t *count)
{
	struct span rest = buf_span(&hit->steps), line, *all = NULL, *more;

	*count = 0;
	while (span_cut(&rest, '\n', &line)) {
		more = realloc(all, (*count + 1) * sizeof(*all));
		if (!more)
			break;
		all = more;
		all[(*count)++] = line;
	}
	if (*count)
		qsort(all, *count, sizeof(*all), compare_lines);
	return all;
}

static void
add_member(struct buf *out, const char *name, struct span text)
{
	buf_printf(out, ",\"%s\":", name);
	if (text.len)
		json_append_string(out, text);
	else
		buf_append_text(out, "null");
}

static const char *
state_of(const struct find_hit *hit)
{
	if (hit->archived)
		return "archive";
	return hit->found ? queue_state_name(hit->state) : "gone";
}

void
find_print_json(const struct find *find, const struct find_hit *hit)
{
	struct buf row = BUF_INIT(ROW_MAX);
	struct error failed = ERROR_INIT;
	size_t count, i;
	struct span *lines = find_sorted_steps(hit, &count);

	buf_append_text(&row, "{\"spool\":");
	json_append_string(&row, span_of(find->queue.path));
	add_member(&row, "name", span_of(hit->named ? hit->key : ""));
	add_member(&row, "state", span_of(state_of(hit)));
	add_member(&row, "file", span_of(hit->file ? hit->file : ""));
	add_member(&row, "id", buf_span(&hit->id));
	add_member(&row, "type", buf_span(&hit->type));
	add_member(&row, "subject", buf_span(&hit->subject));
	add_member(&row, "reference", buf_span(&hit->reference));
	add_member(&row, "reason", buf_span(&hit->why));
	buf_append_text(&row, ",\"history\":[");
	for (i = 0; i < count; i++) {
		buf_append_text(&row, i ? "," : "");
		buf_append_span(&row, lines[i]);
	}
	buf_append_text(&row, "]}\n");
	if (buf_check(&row, &failed) < 0)
		tool_warn("%s: %s", hit->key, failed.text);
	else
		pretty_plain(stdout, buf_span(&row));
	free(lines);
	buf_free(&row);
}
