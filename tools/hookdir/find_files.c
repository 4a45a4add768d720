/* SPDX-License-Identifier: MIT */
/*
 * find_files - search the files of a spool and of its archives
 *
 * The bytes of a file are searched as they are. A body that is kept in base64
 * is decoded, and so is a token in it: an order that was refused for a wrong
 * key is found by its number.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/base64.h"
#include "hookdir/find.h"
#include "base/io.h"
#include "hookdir/look.h"
#include "hookdir/tool.h"

#define DEPTH 2 /* folders below an archive */

/* Where a file is; path is that of its directory, as it is shown. */
struct place {
	int dir;
	enum queue_state state;
	bool archived;
	bool known; /* only what was found before is looked for */
	const char *path;
};

struct scan {
	struct find *find;
	const struct place *place;
	struct buf bytes;
	struct event event;
};

/* The payload of a compact JWS, which nobody has verified. RFC 7515 7.1 */
static bool
token_has(const struct needle *needle, struct span body)
{
	struct buf payload = BUF_INIT(EVENT_MAX);
	struct json_value root, data;
	struct span rest, part;
	bool has = false;

	if (json_scan(body, &root) && json_member(root, "data", &data) &&
	    data.type == JSON_TYPE_STRING) {
		rest = (struct span){ data.raw.at + 1, data.raw.len - 2 };
		if (span_cut(&rest, '.', &part) && span_cut(&rest, '.', &part))
			has = base64url_decode(part, &payload) &&
			    needle_in(needle, buf_span(&payload));
	}
	buf_free(&payload);
	return has;
}

static bool
body_has(struct scan *scan, int fd)
{
	const struct needle *needle = &scan->find->needle;
	struct buf body = BUF_INIT(EVENT_MAX);
	struct error ignored = ERROR_INIT;
	bool has = false;

	if (event_read(&scan->event, fd, &ignored) == 0 &&
	    event_bytes(&scan->event, "data_base64", &body, &ignored) == 1)
		has = needle_in(needle, buf_span(&body)) ||
		    token_has(needle, buf_span(&body));
	buf_free(&body);
	return has;
}

static bool
file_has(struct scan *scan, int fd, const struct stat *st)
{
	static const char encoded[] = "\"data_base64\":";
	struct error ignored = ERROR_INIT;
	size_t got = 0, len = (size_t)st->st_size;
	struct span text;
	char *room;

	buf_reset(&scan->bytes);
	if (len > EVENT_MAX)
		len = EVENT_MAX;
	room = buf_room(&scan->bytes, len + 1);
	if (!room || io_read_at(fd, room, len, 0, &got, "a file", &ignored) < 0)
		return false;
	text = (struct span){ room, got };
	if (needle_in(&scan->find->needle, text))
		return true;
	return memmem(text.at, text.len, encoded, sizeof(encoded) - 1) &&
	    body_has(scan, fd);
}

static void
take(struct buf *to, const struct event *event, enum event_attribute which)
{
	buf_reset(to);
	buf_append_span(to, event_get(event, which));
}

/* Why a call is in quarantine: rule, detail and perhaps a cause. */
static void
take_reason(struct find_hit *hit, const struct event *event)
{
	static const char *const names[] = { "detail", "cause" };
	struct json_value value;
	size_t i;

	take(&hit->why, event, EVENT_REASON);
	for (i = 0; hit->why.len && i < 2; i++)
		if (json_member(event->root, names[i], &value)) {
			buf_append_text(&hit->why, i ? "; " : ": ");
			(void)json_decode_string(value, &hit->why);
		}
}

static void
describe(struct scan *scan, struct find_hit *hit, int fd)
{
	struct event *event = &scan->event;
	struct error ignored = ERROR_INIT;

	(void)event_read(event, fd, &ignored);
	event_find_reference(event, fd);
	take(&hit->id, event, EVENT_ID);
	take(&hit->type, event, EVENT_TYPE);
	take(&hit->subject, event, EVENT_SUBJECT);
	take(&hit->reference, event, EVENT_REFERENCE);
	take_reason(hit, event);
	hit->locked = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* A message that moves may be met twice: the later place counts. */
static void
set_place(struct scan *scan, struct find_hit *hit, int fd, const char *file,
    const struct spool_name *name)
{
	const struct place *place = scan->place;
	char *path;

	if (asprintf(&path, "%s/%s", place->path, file) < 0)
		return;
	free(hit->file);
	hit->file = path;
	hit->found = true;
	hit->archived = place->archived;
	hit->state = place->state;
	hit->name = *name;
	describe(scan, hit, fd);
}

static bool
is_recent(const struct find *find, const struct spool_name *name,
    const struct stat *st)
{
	return find->since == 0 || look_arrival(name, st).tv_sec >= find->since;
}

static void
scan_file(struct scan *scan, const char *file, const struct spool_name *name)
{
	struct find *find = scan->find;
	struct find_hit *hit = find_hit(find, name->base, false);
	struct error gone = ERROR_INIT;
	struct stat st;
	int fd;

	if (scan->place->known && (!hit || hit->found))
		return;
	fd = io_open_file(scan->place->dir, file, &st, &gone);
	if (fd >= 0 && !hit && is_recent(find, name, &st) &&
	    (strcmp(name->base, find->needle.base) == 0 ||
		file_has(scan, fd, &st)))
		hit = find_hit(find, name->base, true);
	if (fd >= 0 && hit)
		set_place(scan, hit, fd, file, name);
	io_discard(&fd);
}

static int
scan_directory(struct find *find, const struct place *place, struct error *err)
{
	struct scan scan = { .find = find, .place = place };
	/* A descriptor of its own: reading moves its position. */
	int fd = io_open_dir(place->dir, ".", err);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct spool_name name;
	struct dirent *entry;

	if (!dir) {
		io_discard(&fd);
		return error_system(err, "cannot read %s/", place->path);
	}
	scan.bytes.max = EVENT_MAX + 1;
	event_init(&scan.event);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_type != DT_DIR &&
		    spool_name_parse(entry->d_name, &name))
			scan_file(&scan, entry->d_name, &name);
	(void)closedir(dir);
	event_free(&scan.event);
	buf_free(&scan.bytes);
	return 0;
}

struct folder {
	struct find *find;
	const char *path;
	unsigned depth; /* levels below it that are read */
};

static int scan_tree(struct find *find, int dir, const char *path,
    unsigned depth, struct error *err);

static int
scan_folder(
    void *context, int dir, const struct dirent *entry, struct error *err)
{
	const struct folder *above = context;
	char path[PATH_MAX];
	int fd, rc;

	if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
	    strcmp(entry->d_name, "documents") == 0 ||
	    snprintf(path, sizeof(path), "%s/%s", above->path, entry->d_name) >=
		(int)sizeof(path))
		return 0;
	fd = io_open_dir(dir, entry->d_name, err);
	rc = fd < 0 ? -1 : scan_tree(above->find, fd, path, above->depth, err);
	io_discard(&fd);
	return rc;
}

/*
 * Messages in a directory that is no state, and in folders of it: done/ of a
 * spool has DAY/HOUR/, and an archive what its owner has made. dir is open.
 */
static int
scan_tree(struct find *find, int dir, const char *path, unsigned depth,
    struct error *err)
{
	const struct place place = {
		.dir = dir, .archived = true, .path = path
	};
	struct folder folder = { find, path, depth - 1 };
	int rc = scan_directory(find, &place, err);

	if (rc < 0 || depth == 0)
		return rc;
	return io_each(dir, path, scan_folder, &folder, err);
}

static int
scan_done(struct find *find, struct error *err)
{
	struct error missing = ERROR_INIT;
	int fd = io_open_dir(find->queue.root, "done", &missing);
	int rc = fd < 0 ? 0 : scan_tree(find, fd, "done", DEPTH, err);

	io_discard(&fd);
	return rc;
}

static int
scan_archive(struct find *find, const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return error_system(err, "cannot open archive %s", path);
	rc = scan_tree(find, fd, path, DEPTH, err);
	io_discard(&fd);
	return rc;
}

static int
scan_states(struct find *find, bool known, struct error *err)
{
	static const enum queue_state order[] = { QUEUE_NEW, QUEUE_HOLD,
		QUEUE_CUR, QUEUE_FAILED, QUEUE_QUARANTINE };
	struct place place = { .known = known };
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < sizeof(order) / sizeof(order[0]); i++) {
		place.state = order[i];
		place.dir = find->queue.states[order[i]];
		place.path = queue_state_name(order[i]);
		if (place.dir >= 0)
			rc = scan_directory(find, &place, err);
	}
	return rc;
}

static bool
is_missing(const struct find *find)
{
	size_t i;

	for (i = 0; i < find->count; i++)
		if (!find->all[i]->found)
			return true;
	return false;
}

int
find_scan_files(struct find *find, struct error *err)
{
	size_t i;
	int rc = scan_states(find, false, err);

	if (rc == 0)
		rc = scan_done(find, err);
	for (i = 0; rc == 0 && i < find->archive_count; i++)
		rc = scan_archive(find, find->archives[i], err);
	/* What no directory had may have moved meanwhile. */
	if (rc == 0 && is_missing(find))
		rc = scan_states(find, true, err);
	return rc;
}
