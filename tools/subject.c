/* SPDX-License-Identifier: MIT */
/*
 * subject - what a message is about, and how new it is
 */
#include "subject.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "clock.h"
#include "event.h"
#include "io.h"
#include "seen.h"
#include "sender.h"

#define TEXT_MAX ((size_t)4 << 20)

bool
subject_type_matches(struct span type, const char *glob)
{
	char text[1024];

	if (!glob)
		return true;
	if (type.len >= sizeof(text))
		return false;
	if (type.len)
		memcpy(text, type.at, type.len);
	text[type.len] = '\0';
	return fnmatch(glob, text, 0) == 0;
}

/* com.shipmondo.orders.create is of the kind com.shipmondo.orders. */
static struct span
kind_of(struct span type)
{
	while (type.len > 0 && type.at[type.len - 1] != '.')
		type.len--;
	return type;
}

static int
find_group(const struct event *event, const struct spool_name *name, bool kind,
    struct subject *subject, struct error *err)
{
	struct span about = event_get(event, EVENT_SUBJECT);
	struct buf source = BUF_INIT(TEXT_MAX);
	int rc = -1;

	if (about.len == 0)
		return seen_key(
		    span_of(""), span_of(name->base), subject->group, err);
	buf_append_span(&source, event_get(event, EVENT_SOURCE));
	if (kind) {
		buf_append_byte(&source, '\n');
		buf_append_span(&source, kind_of(event_get(event, EVENT_TYPE)));
	}
	if (buf_check(&source, err) == 0)
		rc = seen_key(buf_span(&source), about, subject->group, err);
	buf_free(&source);
	return rc;
}

static const struct sender *
find_sender(const struct event *event)
{
	struct span sender = event_get(event, EVENT_SENDER);
	char name[64];

	if (sender.len == 0 || sender.len >= sizeof(name))
		return sender_find("generic");
	memcpy(name, sender.at, sender.len);
	name[sender.len] = '\0';
	return sender_find(name);
}

/*
 * What lies ahead of the arrival by more than a day, or before 1970, was
 * written by a clock that was wrong, or by a program with no time to say.
 */
static bool
is_sound(struct timespec version, struct timespec arrival)
{
	return version.tv_sec > 0 && version.tv_sec <= arrival.tv_sec + 86400;
}

/* Untouched where the sender does not say it, or not in RFC 3339. */
static void
read_version(const struct event *event, struct timespec *version)
{
	const struct sender *sender = find_sender(event);
	struct buf text = BUF_INIT(256);
	struct json_value data, changed;
	struct json_members members;
	struct timespec said;
	size_t i;

	if (!sender || !json_member(event->root, "data", &data))
		return;
	json_list(data, &members);
	for (i = 0; i < SENDER_PATHS_MAX && sender->changed_paths[i]; i++) {
		if (!json_path(&members, sender->changed_paths[i], &changed) ||
		    !json_decode_string(changed, &text))
			continue;
		if (!text.failed &&
		    clock_read_rfc3339(
			text.at ? text.at : "", text.len, &said)) {
			if (is_sound(said, *version))
				*version = said;
			break;
		}
		buf_reset(&text);
	}
	buf_free(&text);
}

static int
read_event(struct event *event, int fd, bool whole, struct error *err)
{
	struct error broken = ERROR_INIT;
	int rc = whole ? event_read(event, fd, &broken)
		       : event_peek(event, fd, &broken);

	if (rc == 0 || broken.code == ERROR_FORM)
		return 0;
	*err = broken;
	return -1;
}

int
subject_read(const struct queue *queue, enum queue_state state,
    const char *file, const struct subject_wanted *wanted,
    struct subject *subject, struct error *err)
{
	struct error failed = ERROR_INIT;
	struct spool_name name;
	struct event event;
	struct stat st;
	int fd, rc = -1;

	if (!spool_name_parse(file, &name))
		return 0;
	fd = queue_open_file(queue, state, file, &st, &failed);
	if (fd < 0 && queue_is_none(&failed))
		return 0;
	if (fd < 0) {
		*err = failed;
		return -1;
	}
	subject->version = name.arrived.tv_sec ? name.arrived : st.st_mtim;
	event_init(&event);
	if (read_event(&event, fd, wanted->kind, err) < 0)
		goto out;
	rc = 0;
	if (!subject_type_matches(event_get(&event, EVENT_TYPE), wanted->type))
		goto out;
	if (wanted->kind)
		read_version(&event, &subject->version);
	rc = find_group(&event, &name, wanted->kind, subject, err) < 0 ? -1 : 1;
out:
	event_free(&event);
	io_discard(&fd);
	return rc;
}
