/* SPDX-License-Identifier: MIT */
/*
 * find_scan - search the history of a spool
 *
 * Twice: once for lines that have the text, which say what the hits are; and
 * where there are any, once more for all lines of these hits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hookdir/find.h"

static const char *const searched[] = { "name", "id", "subject", "reference",
	"type", "detail" };

void
find_text(struct span line, const char *name, struct buf *out)
{
	struct span raw = history_member(line, name);
	struct json_value value = { JSON_TYPE_STRING, raw };

	if (raw.len == 0)
		return;
	if (raw.at[-1] != '"') {
		buf_append_span(out, raw);
		return;
	}
	value.raw = (struct span){ raw.at - 1, raw.len + 2 };
	(void)json_decode_string(value, out);
}

/* A number is looked for where numbers of messages are, not exit statuses. */
static bool
is_number(const struct needle *needle)
{
	const struct buf *form = &needle->forms[0];
	size_t i;

	for (i = 0; i < form->len; i++)
		if (form->at[i] < '0' || form->at[i] > '9')
			return false;
	return true;
}

static bool
line_has(const struct needle *needle, struct span line)
{
	size_t i, count = sizeof(searched) / sizeof(searched[0]);

	if (is_number(needle))
		count--;
	for (i = 0; i < count; i++)
		if (needle_in(needle, history_member(line, searched[i])))
			return true;
	return needle->base[0] &&
	    span_is(history_member(line, "name"), needle->base);
}

static bool
set_key(const char *prefix, struct span text, char key[NAME_MAX + 8])
{
	size_t len = strlen(prefix);

	if (text.len == 0 || len + text.len >= NAME_MAX + 8)
		return false;
	memcpy(key, prefix, len);
	memcpy(key + len, text.at, text.len);
	key[len + text.len] = '\0';
	return true;
}

/* False for a line of no message, or a name that no file can have. */
static bool
key_of(struct span line, char key[NAME_MAX + 8])
{
	return set_key("", history_member(line, "name"), key) ||
	    set_key("id:", history_member(line, "id"), key);
}

/* RFC 3339 with a fixed number of digits: times compare as text. */
static bool
is_recent(const struct find *find, struct span line)
{
	struct timespec when;
	struct span time = history_member(line, "time");

	return find->since == 0 ||
	    (clock_read_rfc3339(time.at, time.len, &when) &&
		when.tv_sec >= find->since);
}

/* The whole line around a place in a piece. */
static struct span
line_at(struct span piece, const char *at)
{
	const char *end = piece.at + piece.len, *newline;
	struct span line = { piece.at, 0 };

	newline = memrchr(piece.at, '\n', (size_t)(at - piece.at));
	if (newline)
		line.at = newline + 1;
	newline = memchr(at, '\n', (size_t)(end - at));
	line.len = (size_t)((newline ? newline : end) - line.at);
	return line;
}

static void
search_piece(struct find *find, struct span piece)
{
	struct needle name = { .count = 1 };
	struct span rest = piece, line, sound;
	char key[NAME_MAX + 8];
	const char *at;

	/* A file that was named with its ".json" and so on. */
	name.forms[0].at = find->needle.base;
	if (!span_is(buf_span(&find->needle.forms[0]), find->needle.base))
		name.forms[0].len = strlen(find->needle.base);
	while (!find->too_many) {
		at = needle_at(&find->needle, rest);
		if (!at && name.forms[0].len)
			at = needle_at(&name, rest);
		if (!at)
			return;
		line = sound = line_at(rest, at);
		if (history_sound(&sound) && line_has(&find->needle, sound) &&
		    is_recent(find, sound) && key_of(sound, key))
			(void)find_hit(find, key, true);
		rest = span_skip(rest, (size_t)(line.at + line.len - rest.at));
	}
}

static int
search_file(struct find *find, const char *day, enum history_side side,
    struct error *err)
{
	struct history_reader reader;
	struct span piece;
	int rc = history_open(&reader, find->queue.root, day, side, err);

	while (rc == 0 && !find->too_many &&
	    history_piece(&reader, &piece, err) == 1)
		search_piece(find, piece);
	history_close(&reader);
	return err->code ? -1 : rc;
}

/* The newest day first: where there are too many hits, these are kept. */
static int
each_day(struct find *find, bool newest_first,
    int (*visit)(
	struct find *, const char *, enum history_side, struct error *),
    struct error *err)
{
	struct history_days days;
	size_t i, at;
	int rc = history_days(find->queue.root, &days, err);

	for (i = 0; rc == 0 && i < days.count; i++) {
		at = newest_first ? days.count - 1 - i : i;
		if (memcmp(days.at[at], find->since_day, HISTORY_DAY_SIZE) < 0)
			continue;
		rc = visit(find, days.at[at], HISTORY_IN, err);
		if (rc == 0)
			rc = visit(find, days.at[at], HISTORY_OUT, err);
	}
	free(days.at);
	return rc;
}

int
find_scan_history(struct find *find, struct error *err)
{
	return each_day(find, true, search_file, err);
}

/* What an earlier line or the file itself said stays. */
static void
take(struct buf *to, struct span line, const char *name)
{
	if (to->len == 0)
		find_text(line, name, to);
}

static struct find_hit *
hit_of_id(const struct find *find, const char *id)
{
	struct link *link = table_find(&find->by_id, id);

	if (!link)
		return NULL;
	/* Aligned: it is where the member's struct begins. */
	return (struct find_hit *)(void *)((char *)link -
	    offsetof(struct find_hit, id_link));
}

/* A repeat has no file of its own: it belongs to the message with its id. */
static struct find_hit *
owner_of(struct find *find, const char *key)
{
	struct find_hit *hit = find_hit(find, key, false), *owner = NULL;

	if (span_begins(span_of(key), "id:"))
		owner = hit_of_id(find, key + 3);
	if (hit && owner)
		hit->merged = true;
	return owner ? owner : hit;
}

static void
index_id(struct find *find, struct find_hit *hit, struct error *err)
{
	if (!hit->named || hit->id.len == 0 || hit->id_link.name)
		return;
	buf_append_byte(&hit->id, '\0');
	if (hit->id.failed)
		return;
	hit->id.len--;
	hit->id_link.name = hit->id.at;
	if (!hit_of_id(find, hit->id.at))
		(void)table_add(&find->by_id, &hit->id_link, err);
}

static void
add_step(struct find *find, struct span line, struct error *err)
{
	struct find_hit *hit;
	char key[NAME_MAX + 8];

	if (!key_of(line, key) || !(hit = owner_of(find, key)))
		return;
	take(&hit->id, line, "id");
	take(&hit->type, line, "type");
	take(&hit->subject, line, "subject");
	take(&hit->reference, line, "reference");
	if (hit->steps.len + line.len < FIND_STEPS_MAX) {
		buf_append_span(&hit->steps, line);
		buf_append_byte(&hit->steps, '\n');
	}
	index_id(find, hit, err);
}

static int
collect_file(struct find *find, const char *day, enum history_side side,
    struct error *err)
{
	struct history_reader reader;
	struct span line;
	int rc = history_open(&reader, find->queue.root, day, side, err);

	while (rc == 0 && history_next(&reader, &line, err) == 1)
		add_step(find, line, err);
	history_close(&reader);
	return err->code ? -1 : rc;
}

int
find_collect_steps(struct find *find, struct error *err)
{
	return find->count ? each_day(find, false, collect_file, err) : 0;
}
