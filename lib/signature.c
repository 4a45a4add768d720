/* SPDX-License-Identifier: MIT */
/*
 * signature - an HMAC-SHA-256 in a header, in the ways that senders do it
 *
 * Signature first, time second: who cannot sign is not told what time it
 * is here. Every signature is compared with every key.
 */
#include "signature.h"

#include <string.h>

#include "base64.h"
#include "hex.h"
#include "hmac.h"
#include "secret.h"

#define KEY_PREFIX     "whsec_"
#define SIGNATURE_MAX  128 /* characters; none of ours has more than 64 */
#define SIGNATURES_MAX 16  /* in one header; what follows is not looked at */

static bool
begins(struct span text, const char *prefix)
{
	size_t len = strlen(prefix);

	return text.len >= len && memcmp(text.at, prefix, len) == 0;
}

static struct span
skip(struct span text, size_t len)
{
	return (struct span){ text.at + len, text.len - len };
}

/* Take the next part of a list; false at its end. */
static bool
next_part(struct span *list, char separator, struct span *part)
{
	const char *end;

	while (list->len && (*list->at == ' ' || *list->at == separator))
		*list = skip(*list, 1);
	if (list->len == 0)
		return false;
	end = separator ? memchr(list->at, separator, list->len) : NULL;
	part->at = list->at;
	part->len = end ? (size_t)(end - list->at) : list->len;
	*list = skip(*list, part->len);
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
		if (begins(part, rule->time_prefix))
			return skip(part, strlen(rule->time_prefix));
	return (struct span){ NULL, 0 };
}

static int
append_signed(const struct message *m, struct span time, struct buf *out,
    struct error *err)
{
	const struct sender_signature *rule = &m->sender->signature;
	const char *c;

	for (c = rule->pattern; *c; c++) {
		if (*c != '%') {
			buf_append_byte(out, *c);
			continue;
		}
		c++;
		if (*c == 'b')
			buf_append_span(out, buf_span(&m->body));
		else if (*c == 't')
			buf_append_span(out, time);
		else if (*c == 'i')
			buf_append_span(
			    out, message_header(m, rule->id_header));
	}
	return buf_check(out, err);
}

/* The MAC of the signed bytes under a key as it stands in the parameters. */
static int
make_mac(const struct sender_signature *rule, const struct key *named,
    struct span bytes, unsigned char mac[SHA256_SIZE], struct error *err)
{
	struct buf raw = BUF_INIT(4096);
	struct span key = named->bytes;
	int rc = -1;

	if (!rule->key_is_base64)
		return hmac_sha256(key, bytes, mac, err);
	if (begins(key, KEY_PREFIX))
		key = skip(key, strlen(KEY_PREFIX));
	if (!base64_decode(key, &raw) || (raw.len == 0 && !raw.failed))
		(void)error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_KEY (%s): not " KEY_PREFIX " and base64",
		    named->name);
	else if (buf_check(&raw, err) < 0)
		;
	else
		rc = hmac_sha256(buf_span(&raw), bytes, mac, err);
	secret_wipe(raw.at, raw.size);
	buf_free(&raw);
	return rc;
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
		if (!begins(part, rule->prefix))
			continue;
		count++;
		*seen = true;
		theirs.len = 0;
		if (decode(rule->encoding, skip(part, strlen(rule->prefix)),
			&theirs) &&
		    !theirs.failed && theirs.len == SHA256_SIZE)
			match |= secret_equal(theirs.at, mac, SHA256_SIZE);
	}
	rc = buf_check(&theirs, err);
	buf_free(&theirs);
	return rc < 0 ? -1 : match;
}

/* Seconds since 1970, digits alone; -1 when it is something else. */
static double
seconds_of(struct span text)
{
	double seconds = 0;
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9' || i == 15)
			return -1;
		seconds = seconds * 10 + (text.at[i] - '0');
	}
	return text.len ? seconds : -1;
}

static int
check_time(const struct message *m, struct span text, struct error *err)
{
	double tolerance = m->sender->signature.tolerance;
	double now = (double)m->received.tv_sec, then = seconds_of(text);

	if (tolerance <= 0)
		return 0;
	if (then < 0)
		return error_set(
		    err, ERROR_FORM, "the call does not say when it was made");
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

int
signature_verify(const struct message *m, const struct keyring *keys,
    const char **key_used, struct error *err)
{
	const struct sender_signature *rule = &m->sender->signature;
	struct span list = message_header(m, rule->header);
	struct span time = find_time(m, list);
	struct buf built = BUF_INIT(m->body.max + 2 * MESSAGE_TEXT_MAX);
	struct span bytes = buf_span(&m->body);
	unsigned char mac[SHA256_SIZE];
	const char *match = NULL;
	bool seen = false;
	size_t i;
	int listed, rc = -1;

	if (strcmp(rule->pattern, "%b") != 0) {
		if (append_signed(m, time, &built, err) < 0)
			goto out;
		bytes = buf_span(&built);
	}
	for (i = 0; i < keys->count; i++) {
		if (make_mac(rule, &keys->keys[i], bytes, mac, err) < 0)
			goto out;
		listed = is_listed(rule, list, mac, &seen, err);
		if (listed < 0)
			goto out;
		if (listed && !match)
			match = keys->keys[i].name;
	}
	if (!keys->count)
		(void)error_set(err, ERROR_CONFIGURATION, "there is no key");
	else if (!seen)
		(void)error_set(err, ERROR_FORM,
		    "the header %s holds no signature", rule->header);
	else if (!match)
		(void)error_set(err, ERROR_SIGNATURE,
		    "the signature was not made with a key of this endpoint");
	else if (check_time(m, time, err) == 0) {
		*key_used = match;
		rc = 0;
	}
out:
	secret_wipe(mac, sizeof(mac));
	buf_free(&built);
	return rc;
}
