/* SPDX-License-Identifier: MIT */
/*
 * describe - what a message is about: type, id, subject, reference, version
 */
#include "message/describe.h"

#include <ctype.h>
#include <string.h>

#include "message/reference.h"

/* A longer name or id in the data is no name and no id. */
#define NAME_MAX_BYTES 1024

int
message_digest_with(struct span text, const char *digest,
    char made[SHA256_HEX_SIZE], struct error *err)
{
	struct buf bytes = BUF_INIT(text.len + SHA256_HEX_SIZE + 1);
	int rc = -1;

	buf_append_span(&bytes, text);
	buf_append_byte(&bytes, '\n');
	buf_append_text(&bytes, digest);
	if (buf_check(&bytes, err) == 0)
		rc = sha256_hex(buf_span(&bytes), made, err);
	buf_free(&bytes);
	return rc;
}

/* Append a part of a type: [A-Za-z0-9_.-], and "-" for what is not. */
static void
append_name(struct buf *out, struct span name, bool lower)
{
	unsigned char c;
	size_t i;

	for (i = 0; i < name.len; i++) {
		c = (unsigned char)name.at[i];
		if (c >= 0x80 || (!isalnum(c) && !strchr("_.-", c)) || c == 0)
			c = '-';
		buf_append_byte(out, (char)(lower ? tolower(c) : c));
	}
}

/* A member of the data; path names it, "meta.messageId". */
static bool
find_member(const struct message *m, const char *path, struct json_value *found)
{
	return path && m->has_members && json_path(&m->members, path, found);
}

/* What it says, a string or a number of a sensible length. */
static bool
append_text_of(struct json_value value, struct buf *out)
{
	if (value.raw.len > NAME_MAX_BYTES)
		return false;
	if (value.type == JSON_TYPE_NUMBER) {
		buf_append_span(out, value.raw);
		return true;
	}
	return value.type == JSON_TYPE_STRING && value.raw.len > 2 &&
	    json_decode_string(value, out);
}

/* The first of these members that is there. */
static void
append_first(const struct message *m, const char *const *paths, struct buf *out)
{
	struct json_value member;
	size_t i;

	for (i = 0; i < SENDER_PATHS_MAX && paths[i]; i++)
		if (find_member(m, paths[i], &member) &&
		    append_text_of(member, out))
			return;
}

/* What is at a place that the endpoint names; nothing for NULL. */
static void
append_place(const struct message *m, const char *place, struct buf *out)
{
	struct json_value value;

	if (!place)
		return;
	if (*place != '/')
		buf_append_span(out, message_find_header(m, span_of(place)));
	else if (m->has_members &&
	    json_pointer(m->members.object, place, &value))
		(void)append_text_of(value, out);
}

/* All the headers that make the type, joined by dots; false if one is not
 * there. */
static bool
append_type_headers(struct message *m)
{
	const char *const *names = m->sender->type_headers;
	struct span value;
	size_t i;

	for (i = 0; i < 2 && names[i]; i++)
		if (!message_header(m, names[i]).len)
			return false;
	for (i = 0; i < 2 && names[i]; i++) {
		value = message_header(m, names[i]);
		if (i)
			buf_append_byte(&m->type, '.');
		append_name(&m->type, value, true);
	}
	return i > 0;
}

static void
find_type(struct message *m)
{
	const struct sender *sender = m->sender;
	struct buf text = BUF_INIT(MESSAGE_TEXT_MAX);
	struct json_value member;
	bool said, decides;

	buf_append_text(&m->type, sender->type_prefix);
	append_place(m, m->places->of[PLACE_TYPE], &text);
	if (!text.len)
		buf_append_span(&text, m->own.type);
	if (text.len || text.failed) {
		append_name(&m->type, buf_span(&text), false);
		goto out;
	}
	said = find_member(m, sender->type_path, &member) &&
	    member.type == JSON_TYPE_STRING && append_text_of(member, &text);
	decides = said && sender->type_first &&
	    span_is(buf_span(&text), sender->type_first);
	if (!decides && append_type_headers(m))
		;
	else if (said)
		append_name(&m->type, buf_span(&text), false);
	else
		append_name(&m->type,
		    span_of(m->event ? m->event : sender->type_fallback),
		    false);
out:
	m->type.failed |= text.failed;
	buf_free(&text);
}

/*
 * CloudEvents 1.0.2, "id": no other event has the same source and id. One
 * body is two events where a header or the endpoint makes two types of it.
 */
static int
find_id(struct message *m, struct error *err)
{
	append_place(m, m->places->of[PLACE_ID], &m->id_text);
	if (!m->id_text.len)
		buf_append_span(&m->id_text, m->own.id);
	if (!m->id_text.len)
		buf_append_span(
		    &m->id_text, message_header(m, m->sender->id_header));
	if (!m->id_text.len)
		append_first(m, m->sender->id_paths, &m->id_text);
	if (buf_check(&m->id_text, err) < 0 ||
	    (!m->id_text.len &&
		message_digest_with(buf_span(&m->type), m->content_sha256,
		    m->made_id, err) < 0))
		return -1;
	m->id = m->id_text.len ? buf_span(&m->id_text) : span_of(m->made_id);
	return 0;
}

static void
find_subject(struct message *m)
{
	append_place(m, m->places->of[PLACE_SUBJECT], &m->subject);
	if (!m->subject.len)
		buf_append_span(&m->subject, m->own.subject);
	if (!m->subject.len)
		append_first(m, m->sender->subject_paths, &m->subject);
	if (!m->subject.len)
		buf_append_span(
		    &m->subject, message_header(m, m->sender->subject_header));
}

static void
find_reference(struct message *m)
{
	struct buf text = BUF_INIT(MESSAGE_TEXT_MAX);

	append_place(m, m->places->of[PLACE_REFERENCE], &text);
	if (text.len)
		reference_append_text(buf_span(&text), &m->reference);
	else if (m->has_members)
		reference_append(m->sender, &m->members, &m->reference);
	m->reference.failed |= text.failed;
	buf_free(&text);
}

int
message_describe(struct message *m, struct error *err)
{
	find_type(m);
	find_subject(m);
	append_first(m, m->sender->changed_paths, &m->version);
	find_reference(m);
	if (buf_check(&m->type, err) < 0 || buf_check(&m->subject, err) < 0 ||
	    buf_check(&m->reference, err) < 0 ||
	    buf_check(&m->version, err) < 0)
		return -1;
	return find_id(m, err);
}
