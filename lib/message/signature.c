/* SPDX-License-Identifier: MIT */
/*
 * signature - an HMAC-SHA-256 in a header, in the ways that senders do it
 *
 * Signature first, time second: who cannot sign is not told what time it
 * is here. Every signature is compared with every key.
 */
#include "message/signature.h"

#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/hmac.h"
#include "base/number.h"
#include "base/secret.h"
#include "message/signature_make.h"

#define ID_MAX	       256 /* characters */
#define TIME_DIGITS    10  /* of seconds since 1970, from 2001 to 2286 */
#define SIGNATURE_MAX  128 /* characters; none of ours has more than 64 */
#define SIGNATURES_MAX 16  /* in one header; what follows is not looked at */

/* Take the next part of a list; false at its end. */
static bool
next_part(struct span *list, char separator, struct span *part)
{
	const char *end;

	while (list->len && (*list->at == ' ' || *list->at == separator))
		*list = span_skip(*list, 1);
	if (list->len == 0)
		return false;
	end = separator ? memchr(list->at, separator, list->len) : NULL;
	part->at = list->at;
	part->len = end ? (size_t)(end - list->at) : list->len;
	*list = span_skip(*list, part->len);
	return true;
}

/* %t, wherever this sender puts it. */
static struct span
find_time(const struct message *m, struct span list)
{
	const struct sender_signature *rule = &m->sender->signature;
	struct span part;

	if (!rule->time_prefix)
		return message_header(m, rule->time_header);
	while (next_part(&list, rule->separator, &part))
		if (span_begins(part, rule->time_prefix))
			return span_skip(part, strlen(rule->time_prefix));
	return (struct span){ NULL, 0 };
}

/* Ten digits, the first of them no 0. */
static bool
begins_with_time(struct span text)
{
	size_t i;

	if (text.len < TIME_DIGITS || text.at[0] == '0')
		return false;
	for (i = 0; i < TIME_DIGITS; i++)
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
	return true;
}

/*
 * A character of an id: visible, but no comma, which joins two headers, and
 * nothing that JSON or XML begins with. So an id ends before such a body.
 */
static bool
is_of_id(char c)
{
	return c > ' ' && c < 0x7f && !strchr(",\"<[{", c);
}

/*
 * Can the text of "%i.%t.%b" be cut in one way only? "msg_1.1795280732" and
 * "body" sign the same text as "msg_1" and "1795280733.body" do, so a caller
 * could send a call that was signed for one id under the other one.
 */
static bool
has_one_reading(struct span text)
{
	size_t i, readings = 0;
	struct span rest;

	for (i = 0; i < text.len && i <= ID_MAX && is_of_id(text.at[i]); i++) {
		rest = span_skip(text, i + 1);
		if (i > 0 && text.at[i] == '.' && begins_with_time(rest) &&
		    rest.len > TIME_DIGITS && rest.at[TIME_DIGITS] == '.')
			readings++;
	}
	return readings <= 1;
}

/* The id is there, and it is certain where it ends. */
static int
check_id(const struct message *m, struct span text, struct error *err)
{
	const char *name = m->sender->signature.id_header;
	struct span id = message_header(m, name);
	size_t i;

	if (!name)
		return 0;
	for (i = 0; i < id.len && is_of_id(id.at[i]); i++)
		;
	if (id.len == 0 || id.len > ID_MAX || i < id.len)
		return error_set(err, ERROR_FORM,
		    "the header %s is absent or holds no id", name);
	if (!has_one_reading(text))
		return error_set(err, ERROR_FORM,
		    "what is signed can be cut into id, time and body in more "
		    "than one way");
	return 0;
}

static bool
decode(enum sender_encoding encoding, struct span text, struct buf *out)
{
	if (text.len > SIGNATURE_MAX)
		return false;
	return encoding == ENCODING_HEX ? hex_decode(text, out)
					: base64_decode(text, out);
}

/*
 * Is this MAC among the signatures of the list? *seen: there are some. 1,
 * 0, or -1 when memory did not allow to find out.
 */
static int
is_listed(const struct sender_signature *rule, struct span list,
    const unsigned char mac[SHA256_SIZE], bool *seen, struct error *err)
{
	struct buf theirs = BUF_INIT(SIGNATURE_MAX);
	bool match = false;
	struct span part;
	int count = 0, rc;

	while (count < SIGNATURES_MAX &&
	    next_part(&list, rule->separator, &part)) {
		if (!span_begins(part, rule->prefix))
			continue;
		count++;
		*seen = true;
		theirs.len = 0;
		if (decode(rule->encoding,
			span_skip(part, strlen(rule->prefix)), &theirs) &&
		    !theirs.failed && theirs.len == SHA256_SIZE)
			match |= secret_equal(theirs.at, mac, SHA256_SIZE);
	}
	rc = buf_check(&theirs, err);
	buf_free(&theirs);
	return rc < 0 ? -1 : match;
}

/* Seconds since 1970; -1 when it is something else. */
static double
seconds_of(struct span text)
{
	uint64_t seconds;

	return text.len == TIME_DIGITS && begins_with_time(text) &&
		number_read(text, UINT64_MAX, &seconds)
	    ? (double)seconds
	    : -1;
}

static int
check_time(const struct message *m, struct span text, struct error *err)
{
	double tolerance = m->sender->signature.tolerance;
	double now = (double)m->received.tv_sec, then = seconds_of(text);

	if (tolerance <= 0)
		return 0;
	/* Whatever its age, the time has one form: the border after it rests
	 * on that. */
	if (then < 0)
		return error_set(
		    err, ERROR_FORM, "the call does not say when it was made");
	if (m->any_time)
		return 0;
	if (then < now - tolerance)
		return error_set(err, ERROR_EXPIRED,
		    "the call was made too long ago for this sender");
	if (then > now + tolerance)
		return error_set(err, ERROR_NOT_YET_VALID,
		    "the call was made in the future");
	return 0;
}

struct span
signature_time(const struct message *m)
{
	return find_time(m, message_header(m, m->sender->signature.header));
}

/*
 * Are the bytes signed with this key, in whichever way it is written? 1, 0
 * or -1; *seen: the list holds signatures.
 */
static int
is_signed_with(const struct sender_signature *rule, const struct key *key,
    struct span bytes, struct span list, bool *seen, struct error *err)
{
	unsigned char mac[SHA256_SIZE];
	int decoded, listed, match = 0;

	for (decoded = rule->key_is_base64; decoded >= 0; decoded--) {
		listed = signature_mac(key, decoded, bytes, mac, err) < 0
		    ? -1
		    : is_listed(rule, list, mac, seen, err);
		if (listed < 0) {
			match = -1;
			break;
		}
		match |= listed;
	}
	secret_wipe(mac, sizeof(mac));
	return match;
}

/* The first key that made one of the signatures; *match is NULL for none. */
static int
find_match(const struct message *m, const struct keyring *keys,
    struct span bytes, const char **match, struct error *err)
{
	const struct sender_signature *rule = &m->sender->signature;
	struct span list = message_header(m, rule->header);
	bool seen = false;
	size_t i;
	int signed_with;

	*match = NULL;
	for (i = 0; i < keys->count; i++) {
		signed_with = is_signed_with(
		    rule, &keys->keys[i], bytes, list, &seen, err);
		if (signed_with < 0)
			return -1;
		if (signed_with && !*match)
			*match = keys->keys[i].name;
	}
	if (!keys->count)
		return error_set(err, ERROR_CONFIGURATION, "there is no key");
	if (!seen)
		return error_set(err, ERROR_FORM,
		    "the header %s holds no signature", rule->header);
	return 0;
}

/* What is signed: the body, or what is built around it. */
static int
find_signed(const struct message *m, struct buf *built, struct span *bytes,
    struct error *err)
{
	const struct sender_signature *rule = &m->sender->signature;
	const struct signature_parts parts = { buf_span(&m->body),
		message_header(m, rule->id_header), signature_time(m) };

	*bytes = parts.body;
	if (strcmp(rule->pattern, "%b") == 0)
		return 0;
	built->max = m->body.max + 2 * MESSAGE_TEXT_MAX;
	if (signature_append_signed(rule->pattern, &parts, built, err) < 0)
		return -1;
	*bytes = buf_span(built);
	return 0;
}

bool
signature_matches(const struct message *m, const struct keyring *keys)
{
	struct error err = ERROR_INIT;
	struct buf built = BUF_INIT(0);
	const char *match = NULL;
	struct span bytes;
	bool good = find_signed(m, &built, &bytes, &err) == 0 &&
	    find_match(m, keys, bytes, &match, &err) == 0 && match;

	buf_free(&built);
	return good;
}

int
signature_verify(const struct message *m, const struct keyring *keys,
    const char **key_used, struct error *err)
{
	struct buf built = BUF_INIT(0);
	const char *match = NULL;
	struct span bytes;
	int rc = -1;

	if (find_signed(m, &built, &bytes, err) < 0 ||
	    find_match(m, keys, bytes, &match, err) < 0 ||
	    check_id(m, bytes, err) < 0)
		goto out;
	if (!match)
		(void)error_set(err, ERROR_SIGNATURE,
		    "the signature was not made with a key of this endpoint");
	else
		rc = check_time(m, signature_time(m), err);
	if (rc == 0)
		*key_used = match;
out:
	buf_free(&built);
	return rc;
}
