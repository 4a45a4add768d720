/* SPDX-License-Identifier: MIT */
/*
 * reconcile_past - which objects a spool has had messages of
 *
 * Files first, then the history: a message that leaves the spool meanwhile
 * has a line by then.
 */
#include "net/reconcile_past.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"
#include "base/number.h"
#include "message/event.h"

#define DEPTH_MAX 4 /* directories below done/ */

/* One message, wherever it is known from. */
struct trace {
	struct span type, subject, reference;
	int64_t version; /* INT64_MIN: not known */
};

static int
add(struct reconcile_past *past, const struct trace *trace, struct error *err)
{
	enum reconcile_resource resource;
	uint64_t id;

	if (!reconcile_kind_of_type(trace->type, &resource) ||
	    !number_read(trace->subject, RECONCILE_ID_MAX, &id))
		return 0;
	if (resource == RECONCILE_UNKNOWN)
		id = reconcile_unknown_id(id, trace->reference);
	else
		past->had[resource] = true;
	return reconcile_known_add(
	    &past->known, resource, id, trace->version, err);
}

bool
reconcile_past_has(const struct reconcile_past *past,
    const struct reconcile_object *object, int64_t *version)
{
	struct buf reference = BUF_INIT(1 << 16);
	struct reconcile_entry *entry =
	    reconcile_known_find(&past->known, object->resource, object->id);

	if (!entry) {
		reconcile_append_reference(object, &reference);
		entry = reconcile_known_find(&past->known, RECONCILE_UNKNOWN,
		    reconcile_unknown_id(object->id, buf_span(&reference)));
		buf_free(&reference);
	}
	/* Lines from before there were references */
	if (!entry)
		entry = reconcile_known_find(&past->known, RECONCILE_UNKNOWN,
		    reconcile_unknown_id(object->id, span_of("")));
	if (entry)
		*version = entry->number;
	return entry != NULL;
}

/* --- files -----------------------------------------------------------------
 */

static int64_t
version_of(const struct event *event)
{
	struct json_value data, inner, updated;

	if (!json_member(event->root, "data", &data) ||
	    !json_member(data, "data", &inner) ||
	    !json_member(inner, "updated_at", &updated) ||
	    updated.type != JSON_TYPE_STRING)
		return INT64_MIN;
	return reconcile_time(
	    (struct span){ updated.raw.at + 1, updated.raw.len - 2 });
}

/* Its source may be a stand-in, where none was known. */
static bool
is_own(struct span type)
{
	static const char end[] = ".reconciled";
	size_t len = sizeof(end) - 1;

	return type.len > len && span_is(span_skip(type, type.len - len), end);
}

static int
add_event(
    struct reconcile_past *past, struct event *event, int fd, struct error *err)
{
	struct trace trace = { .version = INT64_MIN };
	struct span source = event_get(event, EVENT_SOURCE);
	enum reconcile_resource resource;
	struct error ignored = ERROR_INIT;

	if (!reconcile_kind_of_type(event_get(event, EVENT_TYPE), &resource))
		return 0;
	if (past->versions && event_read(event, fd, &ignored) == 0)
		trace.version = version_of(event);
	event_find_reference(event, fd);
	trace.type = event_get(event, EVENT_TYPE);
	trace.subject = event_get(event, EVENT_SUBJECT);
	trace.reference = event_get(event, EVENT_REFERENCE);
	source = event_get(event, EVENT_SOURCE);
	if (past->source.len == 0 && !is_own(trace.type))
		buf_append_span(&past->source, source);
	return add(past, &trace, err);
}

/* A file that is gone by now has a line in the history. */
static int
add_file(
    struct reconcile_past *past, int dir, const char *file, struct error *err)
{
	struct error failed = ERROR_INIT;
	struct event event;
	struct stat st;
	int fd = io_open_file(dir, file, &st, &failed), rc = 0;

	if (fd < 0) {
		if (failed.errnum == ENOENT)
			return 0;
		*err = failed;
		return -1;
	}
	event_init(&event);
	if (event_peek(&event, fd, &failed) == 0)
		rc = add_event(past, &event, fd, err);
	else if (failed.code != ERROR_FORM)
		rc = error_set(err, failed.code, "%s", failed.text);
	event_free(&event);
	io_discard(&fd);
	return rc;
}

static int
visit(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct reconcile_past *past = context;
	uint64_t hash = hash_text(0, name->base) & RECONCILE_ID_MAX;

	/* It keeps its base, wherever it goes. */
	if (reconcile_known_find(&past->names, RECONCILE_UNKNOWN, hash))
		return 0;
	if (reconcile_known_add(&past->names, RECONCILE_UNKNOWN, hash, 0, err) <
	    0)
		return -1;
	return add_file(past, past->queue->states[state], file, err);
}

/* done/YYYY-MM-DD/HH/, or whatever directories there are */
struct tree {
	struct reconcile_past *past;
	unsigned depth;
};

static int
visit_done(
    void *context, int dir, const struct dirent *entry, struct error *err)
{
	struct tree *tree = context, below = { tree->past, tree->depth + 1 };
	struct error failed = ERROR_INIT;
	struct stat st;
	int fd, rc;

	if (entry->d_name[0] == '.' ||
	    fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISREG(st.st_mode))
		return add_file(tree->past, dir, entry->d_name, err);
	if (!S_ISDIR(st.st_mode) || below.depth > DEPTH_MAX)
		return 0;
	fd = io_open_dir(dir, entry->d_name, &failed);
	if (fd < 0)
		return failed.errnum == ENOENT
		    ? 0
		    : error_set(err, failed.code, "%s", failed.text);
	rc = io_each(fd, "done/", visit_done, &below, err);
	io_discard(&fd);
	return rc;
}

static int
add_done(struct reconcile_past *past, struct error *err)
{
	struct error failed = ERROR_INIT;
	struct tree tree = { past, 0 };
	int fd = io_open_dir(past->queue->root, "done", &failed), rc;

	if (fd < 0) {
		if (failed.errnum == ENOENT)
			return 0;
		*err = failed;
		return -1;
	}
	rc = io_each(fd, "done/", visit_done, &tree, err);
	io_discard(&fd);
	return rc;
}

static int
add_files(struct reconcile_past *past, struct error *err)
{
	static const enum queue_state states[] = { QUEUE_NEW, QUEUE_CUR,
		QUEUE_HOLD, QUEUE_FAILED };
	int rc = 0;
	size_t i;

	for (i = 0; rc == 0 && i < sizeof(states) / sizeof(states[0]); i++)
		rc = queue_each(past->queue, states[i], visit, past, err);
	if (rc == 0)
		rc = add_done(past, err);
	return rc;
}

/* --- history ---------------------------------------------------------------
 */

/* Append what a member of a line says; nothing where there is none. */
static void
append_member(struct span line, const char *name, struct buf *out)
{
	struct span raw = history_member(line, name);
	struct json_value value = { JSON_TYPE_STRING, raw };

	if (raw.len == 0)
		return;
	value.raw = (struct span){ raw.at - 1, raw.len + 2 };
	(void)json_decode_string(value, out);
}

/* A call that was refused is not what a spool has had. */
static int
add_line(struct reconcile_past *past, struct span line, struct error *err)
{
	struct buf texts[3] = { BUF_INIT(HISTORY_LINE_MAX),
		BUF_INIT(HISTORY_LINE_MAX), BUF_INIT(HISTORY_LINE_MAX) };
	struct span event = history_member(line, "event");
	struct trace trace;
	int64_t when = reconcile_time(history_member(line, "time"));
	int rc = 0;

	append_member(line, "type", &texts[0]);
	append_member(line, "subject", &texts[1]);
	append_member(line, "reference", &texts[2]);
	if ((span_is(history_member(line, "sender"), "shipmondo") ||
		span_begins(buf_span(&texts[0]), "com.shipmondo.")) &&
	    when != INT64_MIN && when < past->oldest)
		past->oldest = when;
	trace.type = buf_span(&texts[0]);
	trace.subject = buf_span(&texts[1]);
	trace.reference = buf_span(&texts[2]);
	trace.version = reconcile_time(history_member(line, "version"));
	/* Without a version: not changed after the message came. */
	if (trace.version == INT64_MIN && span_is(event, "accepted"))
		trace.version = when;
	if (!span_is(event, "refused") && !span_is(event, "handshake"))
		rc = add(past, &trace, err);
	buf_free(&texts[0]);
	buf_free(&texts[1]);
	buf_free(&texts[2]);
	return rc;
}

static int
open_day(struct reconcile_past *past, const char *day, struct error *err)
{
	int i, rc = 0;

	memcpy(past->day, day, HISTORY_DAY_SIZE);
	for (i = 0; i < 2; i++) {
		history_close(&past->readers[i]);
		rc |= history_open(&past->readers[i], past->queue->root, day,
		    i ? HISTORY_OUT : HISTORY_IN, err);
	}
	return rc;
}

/* What the files of the day have beyond what was read. */
static int
read_day(struct reconcile_past *past, struct error *err)
{
	struct span line;
	int i, rc;

	for (i = 0; i < 2; i++) {
		/* It may have been made since. */
		if (past->readers[i].fd < 0) {
			history_close(&past->readers[i]);
			if (history_open(&past->readers[i], past->queue->root,
				past->day, i ? HISTORY_OUT : HISTORY_IN,
				err) < 0)
				return -1;
		}
		while ((rc = history_next(&past->readers[i], &line, err)) == 1)
			if (add_line(past, line, err) < 0)
				return -1;
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* The rest of the day that was last read, and the days after it. */
static int
read_history(struct reconcile_past *past, struct error *err)
{
	struct history_days days;
	size_t i;
	int rc = history_days(past->queue->root, &days, err);

	if (rc == 0 && past->day[0])
		rc = read_day(past, err);
	for (i = 0; rc == 0 && i < days.count; i++) {
		if (strcmp(days.at[i], past->day) <= 0)
			continue;
		rc = open_day(past, days.at[i], err);
		if (rc == 0)
			rc = read_day(past, err);
	}
	free(days.at);
	return rc;
}

int
reconcile_past_open(struct reconcile_past *past, const struct queue *queue,
    bool versions, struct error *err)
{
	memset(past, 0, sizeof(*past));
	past->queue = queue;
	past->versions = versions;
	past->oldest = INT64_MAX;
	past->source.max = 1 << 20;
	past->readers[0].fd = past->readers[1].fd = -1;
	if (add_files(past, err) < 0)
		return -1;
	return read_history(past, err);
}

int
reconcile_past_refresh(struct reconcile_past *past, struct error *err)
{

	if (queue_each(past->queue, QUEUE_NEW, visit, past, err) < 0)
		return -1;
	return read_history(past, err);
}

void
reconcile_past_close(struct reconcile_past *past)
{
	history_close(&past->readers[0]);
	history_close(&past->readers[1]);
	reconcile_known_free(&past->known);
	reconcile_known_free(&past->names);
	buf_free(&past->source);
}
