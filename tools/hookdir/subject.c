/* SPDX-License-Identifier: MIT */
/*
 * subject - what a message is about, and how new it is
 */
#include "hookdir/subject.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "base/clock.h"
#include "message/event.h"
#include "base/io.h"
#include "spool/seen.h"
#include "message/sender.h"

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

/* What is known of a message when its group is looked for. */
struct facts {
	const struct event *event;
	const struct sender *sender; /* never NULL */
	struct json_members data;
};

static bool
fits(const struct facts *facts, const char *mark)
{
	struct span type = event_get(facts->event, EVENT_TYPE);
	size_t skip = strlen(facts->sender->type_prefix), len = strlen(mark);
	struct json_value ignored;

	if (mark[len - 1] != '.')
		return json_listed(&facts->data, mark, &ignored);
	return type.len >= skip + len && memcmp(type.at + skip, mark, len) == 0;
}

static const struct sender_kind *
find_kind(const struct facts *facts)
{
	const struct sender_kind *kinds = facts->sender->kinds;
	size_t i;

	for (i = 0; i < SENDER_KINDS_MAX && kinds[i].mark; i++)
		if (fits(facts, kinds[i].mark))
			return &kinds[i];
	return NULL;
}

/* com.shipmondo.orders.create is of the kind com.shipmondo.orders. */
static struct span
kind_of(const struct facts *facts)
{
	char end = facts->sender->kind_end ? facts->sender->kind_end : '.';
	struct span type = event_get(facts->event, EVENT_TYPE);

	while (type.len > 0 && type.at[type.len - 1] != end)
		type.len--;
	return type;
}

/* The subject that the signed data names; false where it names none. */
static bool
find_signed(const struct facts *facts, struct buf *out)
{
	const char *const *paths = facts->sender->subject_paths;
	struct json_value member;
	size_t i;

	for (i = 0; !out->len && i < SENDER_PATHS_MAX && paths[i]; i++) {
		if (!json_path(&facts->data, paths[i], &member))
			continue;
		if (member.type == JSON_TYPE_NUMBER)
			buf_append_span(out, member.raw);
		else
			(void)json_decode_string(member, out);
	}
	return out->len > 0;
}

/*
 * A signature covers the body. Whoever has one signed body can send it with
 * any header: a subject that only the header names gets no other message's
 * group. A type that only the header names is believed, as no data says it.
 */
static void
append_origin(const struct facts *facts, struct span about, struct buf *out)
{
	const struct sender *sender = facts->sender;
	struct buf named = BUF_INIT(TEXT_MAX);

	if (sender->scheme == SCHEME_NONE || !sender->subject_header)
		return;
	if (!find_signed(facts, &named)) {
		buf_append_text(out, "\nunsigned");
	} else if (named.len != about.len ||
	    memcmp(named.at, about.at, about.len) != 0) {
		buf_append_text(out, "\nsigned ");
		buf_append_span(out, buf_span(&named));
	}
	out->failed |= named.failed;
	buf_free(&named);
}

static int
find_group(const struct facts *facts, const struct spool_name *name,
    struct subject *subject, struct error *err)
{
	struct span about = event_get(facts->event, EVENT_SUBJECT);
	const struct sender_kind *kind = find_kind(facts);
	struct buf thing = BUF_INIT(TEXT_MAX);
	int rc = -1;

	subject->whole = kind ? kind->whole : facts->sender->whole;
	subject->alone = about.len == 0;
	if (subject->alone)
		return seen_key(
		    span_of(""), span_of(name->base), subject->group, err);
	buf_append_span(&thing, event_get(facts->event, EVENT_SOURCE));
	buf_append_byte(&thing, '\n');
	buf_append_span(&thing, kind_of(facts));
	buf_append_byte(&thing, '\n');
	buf_append_text(&thing, kind ? kind->name : "");
	append_origin(facts, about, &thing);
	if (buf_check(&thing, err) == 0)
		rc = seen_key(buf_span(&thing), about, subject->group, err);
	buf_free(&thing);
	return rc;
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

/* RFC 3339, or a number of seconds since 1970 that is no other number. */
static bool
read_time(struct json_value value, struct timespec *when)
{
	struct buf text = BUF_INIT(256);
	double seconds;
	bool read = false;

	if (json_number(value, &seconds)) {
		read = seconds >= 1e8 && seconds < 1e12;
		if (read)
			*when = (struct timespec){ (time_t)seconds, 0 };
		return read;
	}
	if (json_decode_string(value, &text) && !text.failed && text.len)
		read = clock_read_rfc3339(text.at, text.len, when);
	buf_free(&text);
	return read;
}

/* The first of the sender's paths that says a time; *version is arrival. */
static void
read_version(const struct facts *facts, struct timespec *version)
{
	const char *const *paths = facts->sender->changed_paths;
	struct json_value changed;
	struct timespec said;
	size_t i;

	for (i = 0; i < SENDER_PATHS_MAX && paths[i]; i++)
		if (json_path(&facts->data, paths[i], &changed) &&
		    read_time(changed, &said)) {
			if (is_sound(said, *version))
				*version = said;
			return;
		}
}

/* What is no event is read all the same, and is about itself alone. */
static int
read_event(int (*read)(struct event *, int, struct error *),
    struct event *event, int fd, struct error *err)
{
	struct error broken = ERROR_INIT;

	if (read(event, fd, &broken) == 0 || broken.code == ERROR_FORM)
		return 0;
	*err = broken;
	return -1;
}

static int
describe(struct event *event, const struct spool_name *name,
    struct timespec arrival, struct subject *subject, struct error *err)
{
	static const struct sender unknown = { .type_prefix = "",
		.whole = true };
	struct facts facts = { .event = event, .sender = event_sender(event) };
	struct json_value data = { JSON_TYPE_NULL, { NULL, 0 } };

	if (!facts.sender)
		facts.sender = &unknown;
	(void)json_member(event->root, "data", &data);
	json_list(data, &facts.data);
	subject->version = arrival;
	read_version(&facts, &subject->version);
	return find_group(&facts, name, subject, err) < 0 ? -1 : 1;
}

int
subject_read(const struct queue *queue, enum queue_state state,
    const char *file, const char *type, struct subject *subject,
    struct error *err)
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
	event_init(&event);
	if (type && read_event(event_peek, &event, fd, err) < 0)
		goto out;
	rc = subject_type_matches(event_get(&event, EVENT_TYPE), type);
	if (rc == 0 || !subject)
		goto out;
	rc = read_event(event_read, &event, fd, err);
	if (rc == 0)
		rc = describe(&event, &name,
		    name.arrived.tv_sec ? name.arrived : st.st_mtim, subject,
		    err);
out:
	event_free(&event);
	io_discard(&fd);
	return rc;
}
