/* SPDX-License-Identifier: MIT */
/*
 * event - read a CloudEvents 1.0 event in JSON format
 *
 * The members are walked from the front: our events have the attributes
 * there, so that looking at a message of any size costs one short read. Of
 * names that occur twice the last one counts, as everywhere here; looking
 * only at the front knows those in front of the data.
 */
#include "message/event.h"

#include <string.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/io.h"
#include "message/reference.h"

#define ATTRIBUTE_MAX ((size_t)1 << 20)
#define FRONT	      4096 /* bytes first read of a file */

static const char *const names[EVENT_ATTRIBUTES] = {
	[EVENT_ID] = "id",
	[EVENT_SOURCE] = "source",
	[EVENT_TYPE] = "type",
	[EVENT_SUBJECT] = "subject",
	[EVENT_TIME] = "time",
	[EVENT_DATACONTENTTYPE] = "datacontenttype",
	[EVENT_SENDER] = "sender",
	[EVENT_REASON] = "reason",
	[EVENT_REFERENCE] = "reference",
	[EVENT_KEYUSED] = "keyused",
};

void
event_init(struct event *event)
{
	int i;

	memset(event, 0, sizeof(*event));
	event->text.max = EVENT_MAX + 1; /* the one shows that there is more */
	for (i = 0; i < EVENT_ATTRIBUTES; i++)
		event->attributes[i].max = ATTRIBUTE_MAX;
}

void
event_free(struct event *event)
{
	int i;

	buf_free(&event->text);
	for (i = 0; i < EVENT_ATTRIBUTES; i++)
		buf_free(&event->attributes[i]);
	event->root = (struct json_value){ JSON_TYPE_NULL, { NULL, 0 } };
}

static void
forget_attributes(struct event *event)
{
	int i;

	for (i = 0; i < EVENT_ATTRIBUTES; i++)
		buf_reset(&event->attributes[i]);
}

/* Nothing is left of what was read before; its memory is used again. */
static void
forget(struct event *event)
{
	buf_reset(&event->text);
	forget_attributes(event);
	event->root = (struct json_value){ JSON_TYPE_NULL, { NULL, 0 } };
}

/* What is no string, says no text or far too much is as if not there. */
static void
take_attribute(
    struct event *event, struct json_value name, struct json_value value)
{
	int i;

	for (i = 0; i < EVENT_ATTRIBUTES; i++) {
		if (!json_string_is(name, names[i]))
			continue;
		buf_reset(&event->attributes[i]);
		if (value.raw.len <= ATTRIBUTE_MAX)
			(void)json_decode_string(value, &event->attributes[i]);
		return;
	}
}

static bool
is_data(struct json_value name)
{
	return json_string_is(name, "data") ||
	    json_string_is(name, "data_base64");
}

/*
 * Take the attributes, all of them or those in front of the data. True when
 * that was reached; *rest is then what comes after the object, if it ended.
 */
static bool
walk(struct event *event, bool beyond_data, struct span *rest)
{
	struct json_value name, value;
	struct json_walk at;

	forget_attributes(event);
	if (!json_walk_start(buf_span(&event->text), &at))
		return false;
	while (json_walk_name(&at, &name)) {
		if (!beyond_data && is_data(name))
			return true;
		if (!json_walk_value(&at, &value))
			return false;
		take_attribute(event, name, value);
	}
	*rest = at.rest;
	return at.closed;
}

/* Have the first len bytes of the file in the text; *end: that is all. */
static int
read_front(
    struct event *event, int fd, size_t len, bool *end, struct error *err)
{
	struct buf *text = &event->text;
	size_t got, wanted = len - text->len;
	char *room = buf_room(text, wanted);

	if (!room)
		return buf_check(text, err);
	if (io_read_at(
		fd, room, wanted, (off_t)text->len, &got, "an event", err) < 0)
		return -1;
	text->len += got;
	*end = got < wanted;
	return 0;
}

static int
check_attributes(const struct event *event, struct error *err)
{
	int i;

	for (i = 0; i < EVENT_ATTRIBUTES; i++)
		if (buf_check(&event->attributes[i], err) < 0)
			return -1;
	return 0;
}

int
event_peek(struct event *event, int fd, struct error *err)
{
	bool end = false, found = false;
	size_t len = FRONT;
	struct span rest;

	forget(event);
	while (!found && !end) {
		if (read_front(event, fd, len, &end, err) < 0)
			return -1;
		found = walk(event, false, &rest);
		/* So long in front of its data, it is none of ours. */
		end = end || len == EVENT_MAX;
		len = len < EVENT_MAX / 8 ? len * 8 : EVENT_MAX;
	}
	if (check_attributes(event, err) < 0)
		return -1;
	if (!found)
		return error_set(err, ERROR_FORM, "not an event");
	return 0;
}

static bool
ends_here(struct span rest)
{
	for (; rest.len > 0; rest.at++, rest.len--)
		if (!memchr(" \n\t\r", *rest.at, 4))
			return false;
	return true;
}

static int
read_whole(struct event *event, int fd, struct error *err)
{
	struct stat st;
	size_t len = FRONT;
	bool end = false;

	if (fstat(fd, &st) < 0)
		return error_system(err, "cannot look at an event");
	/* A message in a spool has its size: one read, and as much memory. */
	if (st.st_size > 0 && st.st_size <= (off_t)EVENT_MAX)
		return read_front(event, fd, (size_t)st.st_size, &end, err);
	while (!end && event->text.len <= EVENT_MAX) {
		if (read_front(event, fd, len, &end, err) < 0)
			return -1;
		len = len < EVENT_MAX / 2 ? len * 2 : EVENT_MAX + 1;
	}
	if (event->text.len > EVENT_MAX || st.st_size > (off_t)EVENT_MAX)
		return error_set(err, ERROR_FORM, "too large for an event");
	return 0;
}

/*
 * Not by json_scan(): an event is one level deeper than its data, and that
 * may be as deep as JSON_DEPTH_MAX.
 */
int
event_read(struct event *event, int fd, struct error *err)
{
	struct span text, rest = { NULL, 0 };
	const char *start;
	bool whole;

	forget(event);
	if (read_whole(event, fd, err) < 0)
		return -1;
	whole = walk(event, true, &rest) && ends_here(rest);
	if (check_attributes(event, err) < 0)
		return -1;
	if (!whole)
		return error_set(err, ERROR_FORM, "not a JSON object");
	text = buf_span(&event->text);
	start = memchr(text.at, '{', text.len);
	event->root.type = JSON_TYPE_OBJECT;
	event->root.raw = (struct span){ start, (size_t)(rest.at - start) };
	return 0;
}

struct span
event_get(const struct event *event, enum event_attribute which)
{
	return buf_span(&event->attributes[which]);
}

int
event_bytes(const struct event *event, const char *name, struct buf *out,
    struct error *err)
{
	struct buf text = BUF_INIT(EVENT_MAX);
	struct json_value value;
	bool good;
	int rc;

	if (!json_member(event->root, name, &value))
		return 0;
	good = json_decode_string(value, &text) && !text.failed &&
	    base64_decode(buf_span(&text), out);
	rc = buf_check(&text, err);
	buf_free(&text);
	if (rc < 0 || buf_check(out, err) < 0)
		return -1;
	if (!good)
		return error_set(err, ERROR_FORM, "%s is no base64", name);
	return 1;
}

int
event_payload(const struct event *event, struct buf *out, struct error *err)
{
	struct span type = event_get(event, EVENT_DATACONTENTTYPE);
	struct json_value data;
	int rc = event_bytes(event, "data_base64", out, err);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (!json_member(event->root, "data", &data))
		return 0;
	/* CloudEvents JSON format 3.1: JSON under a JSON type, or none. */
	if (data.type != JSON_TYPE_STRING || type.len == 0 ||
	    json_media_type(type))
		buf_append_span(out, data.raw);
	else if (!json_decode_string(data, out))
		return error_set(err, ERROR_FORM, "data says no text");
	return buf_check(out, err);
}

const struct sender *
event_sender(const struct event *event)
{
	struct span sender = event_get(event, EVENT_SENDER);
	char name[64];

	if (sender.len == 0 || sender.len >= sizeof(name))
		return sender_find("generic");
	memcpy(name, sender.at, sender.len);
	name[sender.len] = '\0';
	return sender_find(name);
}

static bool
has_all_of(struct event *event, int fd)
{
	struct error ignored = ERROR_INIT;
	struct stat st;

	if (event->root.type == JSON_TYPE_OBJECT)
		return true;
	return fstat(fd, &st) == 0 &&
	    st.st_size <= (off_t)EVENT_REFERENCE_MAX &&
	    event_read(event, fd, &ignored) == 0;
}

void
event_find_reference(struct event *event, int fd)
{
	const struct sender *sender = event_sender(event);
	struct buf *reference = &event->attributes[EVENT_REFERENCE];
	struct json_members members;
	struct json_value data;

	/* A call that did not verify has no data, and a notice neither. */
	if (reference->len || !sender || !sender->reference_paths[0] ||
	    event_get(event, EVENT_REASON).len || !has_all_of(event, fd) ||
	    !json_member(event->root, "data", &data))
		return;
	json_list(data, &members);
	reference_append(sender, &members, reference);
	if (reference->failed)
		buf_reset(reference);
}
