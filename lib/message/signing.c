/* SPDX-License-Identifier: MIT */
/*
 * signing - how an endpoint's calls are signed, and with which keys
 */
#include "message/signing.h"

#include <ctype.h>
#include <string.h>

#include "base/secret.h"
#include "message/cloudevent.h"

/* --- named keys ---------------------------------------------------------- */

bool
signing_is_key(struct span parameter, struct span *name)
{
	size_t i;

	if (!span_begins(parameter, "KEY_"))
		return false;
	*name = span_skip(parameter, strlen("KEY_"));
	for (i = 0; i < name->len; i++)
		if (!islower((unsigned char)name->at[i]) &&
		    !isdigit((unsigned char)name->at[i]) && name->at[i] != '_')
			return false;
	return name->len > 0;
}

bool
signing_is_word(const char *text)
{
	static const char *const words[] = { "text", "base64", "hex", "sha1",
		"sha256", "sha512", "comma", "semicolon", "space", "s", "ms",
		"rfc3339", "http", "json", "empty", "yes", "no", "none",
		"basic", "server", "token", "receive", "health", "current",
		"previous" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], text) == 0)
			return true;
	return sender_find(text) != NULL;
}

static struct key *
find_key(struct keyring *keys, struct span name)
{
	const char *called;
	size_t i;

	for (i = 0; i < keys->count; i++) {
		called = keys->keys[i].name;
		if (span_is(name, called))
			return &keys->keys[i];
	}
	return NULL;
}

int
signing_add_key(struct signing *signing, struct span name, const char *key,
    struct error *err)
{
	char *copy = signing->key_names[signing->keys.count % KEYRING_MAX];
	struct key *same = find_key(&signing->keys, name);
	const char *why = NULL;

	if (name.len >= SIGNING_KEY_NAME)
		why = "a name of more than 32 characters";
	else if (span_is(name, "current") || span_is(name, "previous"))
		why = "a name that HOOKDIR_KEY and HOOKDIR_KEY_PREVIOUS have";
	else if (!*key)
		why = "empty";
	else if (signing_is_word(key))
		why = "a word, not a key";
	else if (!same && signing->keys.count == KEYRING_MAX)
		why = "more than 32 keys";
	if (why)
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_KEY_%.*s: %s", (int)name.len, name.at, why);
	if (same) {
		same->bytes = span_of(key);
		return 0;
	}
	memcpy(copy, name.at, name.len);
	copy[name.len] = '\0';
	return keyring_add(&signing->keys, copy, span_of(key), err);
}

/* --- the whole ----------------------------------------------------------- */

/* The signing items are for a sender without a row; the row has them. */
static int
check_site(const struct scheme_text *site, const struct sender *sender,
    struct error *err)
{
	size_t i;

	for (i = 0; i < SCHEME_ITEMS; i++) {
		if (!site->item[i])
			continue;
		if (!sender->generic && i < SCHEME_TOLERANCE)
			return error_set(err, ERROR_CONFIGURATION,
			    "HOOKDIR_%s: for HOOKDIR_SENDER generic alone; the "
			    "sender %s has its own",
			    scheme_names[i], sender->name);
		if (sender->generic && !site->item[SCHEME_HEADER])
			return error_set(err, ERROR_CONFIGURATION,
			    "HOOKDIR_%s: set without HOOKDIR_%s",
			    scheme_names[i], scheme_names[SCHEME_HEADER]);
		if (!sender->generic && sender->scheme != SCHEME_HMAC)
			return error_set(err, ERROR_CONFIGURATION,
			    "HOOKDIR_%s: of no use for HOOKDIR_SENDER %s",
			    scheme_names[i], sender->name);
	}
	return 0;
}

/* Each key says bytes in the encoding that the sender's keys have. */
static int
check_encoding(const struct signing *signing, struct error *err)
{
	enum key_encoding encoding = signing->schemes.of[0].key_encoding;
	const struct key *key;
	struct buf raw;
	bool good;
	size_t i;

	if (!signing->schemes.count || encoding == KEY_TEXT)
		return 0;
	for (i = 0; i < signing->keys.count; i++) {
		key = &signing->keys.keys[i];
		raw = (struct buf)BUF_INIT(key->bytes.len + 3);
		good = scheme_decode_key(encoding, key->bytes, &raw);
		secret_wipe(raw.at, raw.size);
		buf_free(&raw);
		if (!good)
			return error_set(err, ERROR_CONFIGURATION,
			    "HOOKDIR_KEY: the key %s is not in %s", key->name,
			    encoding == KEY_HEX ? "hexadecimal digits"
						: "base64");
	}
	return 0;
}

static int
check_keys(const struct signing *signing, const struct sender *sender,
    struct error *err)
{
	bool signs = signing->schemes.count || sender->scheme != SCHEME_NONE;

	if (!signs && signing->keys.count)
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_KEY: the sender %s signs nothing%s", sender->name,
		    sender->generic ? " unless HOOKDIR_SIGNATURE_HEADER is set"
				    : "");
	if (signs && !signing->keys.count)
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_KEY: not set, and the sender %s signs%s",
		    sender->name,
		    signing->site.item[SCHEME_HEADER]
			? ": HOOKDIR_SIGNATURE_HEADER is set"
			: "");
	return check_encoding(signing, err);
}

/* The name of a header, or a JSON Pointer, which begins with "/". */
static int
check_place(const char *parameter, const char *place, struct error *err)
{
	const char *c;

	if (place[0] == '/')
		return json_pointer_valid(place)
		    ? 0
		    : error_set(err, ERROR_CONFIGURATION,
			  "HOOKDIR_%s: not a JSON Pointer", parameter);
	for (c = place; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-')
			return error_set(err, ERROR_CONFIGURATION,
			    "HOOKDIR_%s: neither the name of a header nor a "
			    "JSON Pointer, which begins with /",
			    parameter);
	return 0;
}

/* Headers that are looked at and not kept. */
static int
look_at_headers(const struct signing *signing, const struct sender *sender,
    struct header_list *kept, struct error *err)
{
	struct buf names = BUF_INIT(HEADER_LIST_TEXT);
	const char *place;
	size_t i;
	int rc = 0;

	if (sender->generic) {
		buf_append_text(&names, cloudevent_headers);
		buf_append_byte(&names, ' ');
	}
	for (i = 0; i < signing->schemes.count; i++)
		scheme_append_headers(&signing->schemes.of[i], &names);
	for (i = 0; rc == 0 && i < PLACES; i++) {
		place = signing->places.of[i];
		if (!place)
			continue;
		rc = check_place(message_place_names[i], place, err);
		if (*place == '/')
			continue;
		buf_append_text(&names, place);
		buf_append_byte(&names, ' ');
	}
	if (rc == 0)
		rc = buf_check(&names, err);
	if (rc == 0)
		rc = header_list_add_looked(kept, buf_span(&names), err);
	buf_free(&names);
	return rc;
}

int
signing_check(struct signing *signing, const struct sender *sender,
    struct header_list *kept, struct error *err)
{
	if (check_site(&signing->site, sender, err) < 0 ||
	    sender_schemes_with(
		sender, &signing->site, &signing->schemes, err) < 0 ||
	    check_keys(signing, sender, err) < 0)
		return -1;
	return look_at_headers(signing, sender, kept, err);
}
