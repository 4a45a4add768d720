/* SPDX-License-Identifier: MIT */
/*
 * verify - from a body to a message, or to a verdict
 *
 * Layers are taken off one by one (body, token, payload, string of JSON)
 * and each must be sound before the next is looked at. Bytes are only ever
 * passed on as they were.
 */
#include "message/verify.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "json/json.h"
#include "jose/jwt.h"
#include "message/media_type.h"
#include "message/notice.h"
#include "message/signature.h"
#include "base/utf8.h"
#include "message/reference.h"

/* A longer name or id in the data is no name and no id. */
#define NAME_MAX_BYTES 1024

/* RFC 8259 8.1: a parser may ignore a byte order mark, and we do. */
static struct span
without_bom(struct span text)
{
	if (text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0) {
		text.at += 3;
		text.len -= 3;
	}
	return text;
}

/* What a string says; without a copy where it says it literally. */
static bool
string_bytes(struct json_value string, struct buf *room, struct span *said)
{
	if (string.type != JSON_TYPE_STRING)
		return false;
	if (!memchr(string.raw.at, '\\', string.raw.len)) {
		said->at = string.raw.at + 1;
		said->len = string.raw.len - 2;
		return true;
	}
	if (!json_decode_string(string, room))
		return false;
	*said = buf_span(room);
	return true;
}

/* Does the string say a whole JSON object or array? */
static bool
string_of_json(struct json_value string, struct buf *room,
    struct json_value *inner, struct json_members *members)
{
	struct span said;

	return string_bytes(string, room, &said) &&
	    json_scan_members(without_bom(said), inner, members) &&
	    (inner->type == JSON_TYPE_OBJECT || inner->type == JSON_TYPE_ARRAY);
}

/* Put the replacement where the part stands in the whole. */
static void
splice(struct span whole, struct span part, struct span replacement,
    struct buf *out)
{
	size_t before = (size_t)(part.at - whole.at);
	const char *after = part.at + part.len;

	buf_append(out, whole.at, before);
	buf_append_span(out, replacement);
	buf_append(out, after, whole.len - before - part.len);
}

/* From here on the data is this JSON value, and nothing around it. */
static void
set_json(struct message *m, struct json_value value)
{
	m->data_kind = DATA_JSON;
	m->data = value.raw;
}

/*
 * A payload can be a JSON string that says JSON, and then once more its
 * member "data" can be one.
 */
static int
unwrap(struct message *m, struct span payload, struct error *err)
{
	struct buf room = BUF_INIT(m->nested.max);
	struct json_value root, data, inner, whole;

	m->data = payload;
	if (!json_scan_members(without_bom(payload), &root, &m->members))
		return 0;
	if (string_of_json(root, &m->unwrapped, &inner, &m->members))
		root = inner;
	set_json(m, root);
	if (json_listed(&m->members, "data", &data) &&
	    string_of_json(data, &room, &inner, NULL)) {
		splice(root.raw, data.raw, inner.raw, &m->nested);
		/* Deeper by what was inside: it may now be too deep. */
		if (json_scan_members(
			buf_span(&m->nested), &whole, &m->members))
			set_json(m, whole);
		else
			(void)json_scan_members(root.raw, &root, &m->members);
	}
	m->nested.failed |= room.failed;
	buf_free(&room);
	if (buf_check(&m->unwrapped, err) < 0)
		return -1;
	return buf_check(&m->nested, err);
}

/* RFC 7515 2: the signing input is all before the last dot. */
static struct span
signed_part(struct span token)
{
	while (token.len && token.at[token.len - 1] != '.')
		token.len--;
	if (token.len)
		token.len--;
	return token;
}

/* The sender's form: {"data": "TOKEN"}. */
static int
verify_jwt(struct message *m, const struct keyring *keys, struct error *err)
{
	struct json_members members;
	struct json_value root, data;
	struct span token;
	double now;

	if (!json_scan_members(
		without_bom(buf_span(&m->body)), &root, &members))
		return error_set(err, ERROR_FORM, "the body is not JSON");
	if (!json_listed(&members, "data", &data) ||
	    !string_bytes(data, &m->token, &token))
		return error_set(err, ERROR_FORM,
		    "the body is not a JSON object with a token in \"data\"");
	m->jws = token;
	if (buf_check(&m->token, err) < 0 ||
	    jwt_verify(token, keys, &m->payload, &m->key_used, err) < 0 ||
	    sha256_hex(signed_part(token), m->content_sha256, err) < 0 ||
	    unwrap(m, buf_span(&m->payload), err) < 0)
		return -1;
	now = (double)m->received.tv_sec + (double)m->received.tv_nsec / 1e9;
	if (m->data_kind == DATA_JSON && !m->any_time &&
	    jwt_check_times(&m->members, now, err) < 0)
		return -1;
	return 0;
}

/*
 * A body as it came. JSON is taken for what it is whatever its label says,
 * but a lone scalar needs the label: text/plain "123" is text.
 */
static void
take_body(struct message *m)
{
	struct json_value root;

	m->data = buf_span(&m->body);
	m->data_type = m->content_type;
	if (json_scan_members(without_bom(m->data), &root, &m->members) &&
	    (root.type == JSON_TYPE_OBJECT || root.type == JSON_TYPE_ARRAY ||
		m->data_type.len == 0 || json_media_type(m->data_type)))
		set_json(m, root);
}

/*
 * Say what the data is. A media type that does not fit it would mislead a
 * reader of the event: CloudEvents takes a string under a JSON type for a
 * JSON string, and under any other for the text itself. Bytes may be of any
 * type, JSON in another character set or compressed.
 */
static void
classify(struct message *m)
{
	struct span sent = m->data_type,
		    type_sent = media_type_of(m->data_type);
	bool labelled = type_sent.len != 0, json = json_media_type(type_sent);
	const char *type = "application/json";
	bool fits = json;

	if (m->data_kind != DATA_JSON) {
		fits = labelled && !json;
		if (m->data.len == 0) {
			m->data_kind = DATA_ABSENT;
			type = "";
			fits = false;
		} else if (utf8_valid(m->data)) {
			m->data_kind = DATA_TEXT;
			type = "text/plain";
		} else {
			m->data_kind = DATA_BINARY;
			type = "application/octet-stream";
			fits = labelled;
		}
	}
	m->data_type = fits ? type_sent : span_of(type);
	if (!span_equal(m->data_type, sent))
		m->other_type = sent;
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
	return path && m->data_kind == DATA_JSON &&
	    json_path(&m->members, path, found);
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
	else if (m->data_kind == DATA_JSON &&
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
	append_place(m, m->places->type, &text);
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

/* The SHA-256 of a text, a newline and a digest. */
static int
digest_with(struct span text, const char *digest, char made[SHA256_HEX_SIZE],
    struct error *err)
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

/*
 * CloudEvents 1.0.2, "id": no other event has the same source and id. One
 * body is two events where a header or the endpoint makes two types of it.
 */
static int
find_id(struct message *m, struct error *err)
{
	append_place(m, m->places->id, &m->id_text);
	if (!m->id_text.len)
		buf_append_span(
		    &m->id_text, message_header(m, m->sender->id_header));
	if (!m->id_text.len)
		append_first(m, m->sender->id_paths, &m->id_text);
	if (buf_check(&m->id_text, err) < 0 ||
	    (!m->id_text.len &&
		digest_with(buf_span(&m->type), m->content_sha256, m->made_id,
		    err) < 0))
		return -1;
	m->id = m->id_text.len ? buf_span(&m->id_text) : span_of(m->made_id);
	return 0;
}

static void
find_subject(struct message *m)
{
	append_place(m, m->places->subject, &m->subject);
	if (!m->subject.len)
		append_first(m, m->sender->subject_paths, &m->subject);
	if (!m->subject.len)
		buf_append_span(
		    &m->subject, message_header(m, m->sender->subject_header));
}

static int
describe_body(struct message *m, struct error *err)
{
	classify(m);
	find_type(m);
	find_subject(m);
	append_first(m, m->sender->changed_paths, &m->version);
	if (m->data_kind == DATA_JSON)
		reference_append(m->sender, &m->members, &m->reference);
	if (buf_check(&m->type, err) < 0 || buf_check(&m->subject, err) < 0 ||
	    buf_check(&m->reference, err) < 0 ||
	    buf_check(&m->version, err) < 0)
		return -1;
	return find_id(m, err);
}

int
message_verify(struct message *m, const struct keyring *keys, struct error *err)
{
	if (sha256_hex(buf_span(&m->body), m->body_sha256, err) < 0)
		return -1;
	memcpy(m->content_sha256, m->body_sha256, sizeof(m->content_sha256));
	m->id = span_of(m->body_sha256);
	m->verified_by = m->passed_by;
	if (notice_is(m)) {
		take_body(m);
		classify(m);
		return notice_read(m, err);
	}
	if (message_schemes(m)->count) {
		m->variant = signature_variant(m);
		if (signature_verify(m, keys, &m->key_used, err) < 0)
			return -1;
		m->verified_by = "hmac";
		take_body(m);
	} else if (m->sender->scheme == SCHEME_HMAC) {
		/* What it signs is not known: nothing may pass. */
		return error_set(err, ERROR_CONFIGURATION,
		    "the sender %s signs its URL, which is not set",
		    m->sender->name);
	} else if (m->sender->scheme == SCHEME_JWT) {
		if (verify_jwt(m, keys, err) < 0)
			return -1;
		m->verified_by = "jwt";
	} else {
		/* The query says as much as the body. */
		if (digest_with(
			m->query, m->body_sha256, m->content_sha256, err) < 0)
			return -1;
		take_body(m);
	}
	return describe_body(m, err);
}
