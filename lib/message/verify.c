/* SPDX-License-Identifier: MIT */
/*
 * verify - from a body to a message, or to a verdict
 *
 * Layers are taken off one by one (body, token, payload, string of JSON)
 * and each must be sound before the next is looked at. Bytes are only ever
 * passed on as they were.
 */
#include "message/verify.h"

#include <string.h>
#include <strings.h>

#include "base/form.h"
#include "json/json.h"
#include "jose/jwt.h"
#include "message/cloudevent.h"
#include "message/describe.h"
#include "message/media_type.h"
#include "message/notice.h"
#include "message/signature.h"
#include "base/utf8.h"

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
	m->has_members = true;
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

static bool
is_form(struct span type)
{
	static const char form[] = "application/x-www-form-urlencoded";
	size_t len = strlen(form);

	return type.len >= len && strncasecmp(type.at, form, len) == 0;
}

/*
 * Some senders put their JSON into a field of a form. The form is the data, as
 * it came; what it is about stands in the JSON.
 */
static bool
read_form(struct message *m)
{
	struct json_value root;

	m->has_members = form_field(m->data, "payload", &m->unwrapped) == 1 &&
	    json_scan_members(buf_span(&m->unwrapped), &root, &m->members) &&
	    (root.type == JSON_TYPE_OBJECT || root.type == JSON_TYPE_ARRAY);
	return m->has_members;
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
	if (m->sender->generic && cloudevent_read(m) && m->own.structured)
		return;
	if (is_form(m->content_type) && read_form(m))
		return;
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
	if (m->sender->scheme == SCHEME_TOKEN) {
		if (token_verify(m, keys, &m->key_used, err) < 0)
			return -1;
		m->verified_by = "secret";
		take_body(m);
	} else if (message_schemes(m)->count) {
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
		if (message_digest_with(
			m->query, m->body_sha256, m->content_sha256, err) < 0)
			return -1;
		take_body(m);
	}
	classify(m);
	return message_describe(m, err);
}
