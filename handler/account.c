/* SPDX-License-Identifier: MIT */
/*
 * account - what the log says of an exchange
 */
#include "account.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "log.h"
#include "reply.h"
#include "throttle.h"

/* Longer than a process lives, in microseconds. */
#define ONCE (INT64_C(10 * 365 * 24 * 3600) * 1000000)

/*
 * A number for the endpoint: as the parameters came, which may not have been
 * read.
 */
static uint64_t
endpoint_hash(const struct exchange *x)
{
	static const char *const names[] = { "HOOKDIR_SPOOL", "HOOKDIR_ISSUER",
		"HOOKDIR_CLIENT_ID" };
	uint64_t hash = 0;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		hash = hash_text(hash, request_param(x->request, names[i]));
	return hash;
}

/* What can be wrong with a key that works */
enum weakness {
	WEAK_SHORT,
	WEAK_SPACE,
	WEAK_SHA1,
	WEAKNESSES
};

static const struct {
	const char *event, *detail;
} weaknesses[WEAKNESSES] = {
	[WEAK_SHORT] = { "short-key",
	    "a key under 32 bytes can be guessed from one message" },
	[WEAK_SPACE] = { "key-white-space",
	    "the key begins or ends with white space: is that part of it?" },
	[WEAK_SHA1] = { "sha1",
	    "the sender signs with SHA-1; take SHA-256 if it has that too" },
};

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_weak(const struct exchange *x, const struct keyring *keys, size_t key,
    enum weakness what)
{
	const struct signing *signing = &x->endpoint.signing;
	struct span bytes = keys->keys[key].bytes;

	switch (what) {
	case WEAK_SHORT:
		return bytes.len < ENDPOINT_KEY_SHORT;
	case WEAK_SPACE:
		return bytes.len &&
		    (is_space(bytes.at[0]) ||
			is_space(bytes.at[bytes.len - 1]));
	default:
		/* The algorithm is that of all keys. */
		return keys == &signing->keys && key == 0 &&
		    signing->schemes.count &&
		    signing->schemes.of[0].algorithm == HMAC_SHA1;
	}
}

static void
warn_of_key(const struct exchange *x, const char *parameter,
    const struct key *key, enum weakness what)
{
	const struct endpoint *ep = &x->endpoint;
	struct log_line line;

	log_start(&line, LOG_PRIORITY_WARNING);
	log_add_text(&line, "event", weaknesses[what].event);
	log_add_text(&line, "parameter", parameter);
	log_add_text(&line, "key", key->name);
	if (what == WEAK_SHORT)
		log_add_number(&line, "bytes", "%zu", key->bytes.len);
	if (ep->spool)
		log_add_text(&line, "spool", ep->spool);
	log_add_text(&line, "detail", weaknesses[what].detail);
	log_write(&line);
}

/* Once for each key of an endpoint. */
static bool
is_first(uint64_t endpoint, enum weakness what, const char *key)
{
	static struct throttle warnings = THROTTLE_INIT(1, ONCE);
	uint64_t hash = hash_text(endpoint, weaknesses[what].event);

	return throttle_pass(&warnings, hash_text(hash, key), NULL);
}

static void
warn_of_keys(
    const struct exchange *x, const char *parameter, const struct keyring *keys)
{
	uint64_t endpoint = hash_text(endpoint_hash(x), parameter);
	enum weakness what;
	size_t i;

	for (i = 0; i < keys->count; i++)
		for (what = WEAK_SHORT; what < WEAKNESSES; what++)
			if (is_weak(x, keys, i, what) &&
			    is_first(endpoint, what, keys->keys[i].name))
				warn_of_key(x, parameter, &keys->keys[i], what);
}

/* A warning about the endpoint's spool, beside the line of the request. */
static void
warn_of_spool(const struct exchange *x, const char *event, const char *detail)
{
	struct log_line line;

	log_start(&line, LOG_PRIORITY_WARNING);
	log_add_text(&line, "event", event);
	log_add_text(&line, "spool", x->endpoint.spool);
	log_add_text(&line, "detail", detail);
	log_write(&line);
}

static const char *const quarantined_names[] = {
	[QUARANTINE_NOT_MEANT] = "",
	[QUARANTINE_KEPT] = "kept",
	[QUARANTINE_OFF] = "off",
	[QUARANTINE_FULL] = "full",
	[QUARANTINE_CALLER_FULL] = "caller-full",
	[QUARANTINE_FORM_FULL] = "form-full",
	[QUARANTINE_DISK_LOW] = "disk-low",
	[QUARANTINE_BUSY] = "busy",
	[QUARANTINE_FAILED] = "failed",
};

static enum log_priority
priority_of(const struct exchange *x)
{
	switch (error_class(x->error.code)) {
	case CLASS_NONE:
		return x->unanswered || x->oauth_error ? LOG_PRIORITY_WARNING
						       : LOG_PRIORITY_INFO;
	case CLASS_FAULT:
		return LOG_PRIORITY_ERROR;
	case CLASS_REFUSAL:
		return LOG_PRIORITY_NOTICE;
	default:
		return LOG_PRIORITY_WARNING;
	}
}

static int
status_of(const struct exchange *x)
{
	if (x->error.code != ERROR_NONE)
		return reply_status(x->error.code, x->endpoint.refused_status);
	return reply_token_status(x->oauth_error);
}

static const char *
reason_of(const struct exchange *x)
{
	if (x->error.code != ERROR_NONE)
		return error_rule(x->error.code);
	if (x->oauth_error)
		return x->oauth_error;
	if (x->answer)
		return "token-issued";
	if (x->handshake.name)
		return "handshake";
	return x->duplicate ? "duplicate" : "accepted";
}

static bool
is_accepted(const struct exchange *x)
{
	return x->error.code == ERROR_NONE && !x->oauth_error;
}

/*
 * What is another thing to know has a number of its own, so that a flood of
 * one does not hide the other: that a quarantine has become full, which
 * parameter is wrong, or a likely cause. Nothing of it can be chosen by a
 * caller without a key.
 */
static uint64_t
kind_of(const struct exchange *x)
{
	struct span parameter = span_of(x->error.text);
	uint64_t kind = hash_text(endpoint_hash(x), reason_of(x));

	kind = hash_text(kind, quarantined_names[x->quarantined]);
	kind = hash_text(kind, x->message.cause);
	if (x->error.code != ERROR_CONFIGURATION ||
	    !span_begins(parameter, "HOOKDIR_"))
		return kind;
	parameter.len = strcspn(parameter.at, ":");
	return hash_span(kind, parameter);
}

/*
 * A caller with good credentials, or a key, always has its line, whatever
 * becomes of the call. All others may be anybody. A token endpoint writes no
 * burst of lines about guesses.
 */
static bool
has_line(const struct exchange *x)
{
	static struct throttle calls = THROTTLE_INIT(LOG_BURST, LOG_INTERVAL);
	static struct throttle guesses = THROTTLE_INIT(1, LOG_INTERVAL);
	const char *remote = request_param(x->request, "REMOTE_ADDR");
	char caller[QUARANTINE_CALLER_SIZE];

	if ((is_accepted(x) && !x->handshake.name) || x->admitted ||
	    x->verified)
		return true;
	quarantine_caller(remote ? remote : "", caller);
	if (x->guess)
		return throttle_pass(&guesses, endpoint_hash(x), caller);
	return throttle_pass(&calls, kind_of(x), caller);
}

static void
log_exchange(const struct exchange *x)
{
	const struct message *m = &x->message;
	bool accepted = is_accepted(x);
	int64_t taken = clock_monotonic() - x->request->started;
	const char *remote = request_param(x->request, "REMOTE_ADDR");
	struct log_line line;

	log_start(&line, priority_of(x));
	log_add_number(&line, "status", "%d", status_of(x));
	log_add_text(&line, "reason", reason_of(x));
	if (m->sender)
		log_add_text(&line, "sender", m->sender->name);
	if (x->handshake.name)
		log_add_text(&line, "handshake", x->handshake.name);
	if (m->type.len && accepted)
		log_add(&line, "type", buf_span(&m->type));
	if (m->id.len)
		log_add(&line, "id", m->id);
	if (m->subject.len && accepted)
		log_add(&line, "subject", buf_span(&m->subject));
	if (m->reference.len && accepted)
		log_add(&line, "reference", buf_span(&m->reference));
	if (m->key_used)
		log_add_text(&line, "key", m->key_used);
	if (x->quarantined != QUARANTINE_NOT_MEANT)
		log_add_text(
		    &line, "quarantine", quarantined_names[x->quarantined]);
	if (x->file[0])
		log_add_text(&line, "file", x->file);
	log_add_number(&line, "bytes", "%zu", x->body_length);
	log_add_number(&line, "ms", "%.3f", (double)taken / 1000);
	log_add_text(&line, "remote", remote ? remote : "");
	/* Not the path: with some senders it is the secret. */
	if (error_class(x->error.code) == CLASS_FAULT && x->endpoint.spool)
		log_add_text(&line, "spool", x->endpoint.spool);
	if (!accepted)
		log_add_text(&line, "detail",
		    x->oauth_error ? x->oauth_description : x->error.text);
	if (m->cause)
		log_add_text(&line, "cause", m->cause);
	if (x->keeping_failed.code != ERROR_NONE)
		log_add_text(&line, "keeping", x->keeping_failed.text);
	if (x->unanswered)
		log_add_text(&line, "answer", "unsent");
	log_write(&line);
}

void
account_for(const struct exchange *x)
{
	/* Only an endpoint that was read to its end has all it needs. */
	if (x->error.code != ERROR_CONFIGURATION) {
		warn_of_keys(x, "HOOKDIR_KEY", &x->endpoint.signing.keys);
		warn_of_keys(x, "HOOKDIR_TOKEN_KEY", &x->endpoint.token_keys);
	}
	if (x->admission.warning.code != ERROR_NONE)
		log_event(LOG_PRIORITY_ERROR, "old-keys-kept",
		    x->admission.warning.text);
	if (x->spool.made)
		warn_of_spool(x, "spool-made",
		    "there was no spool, and an empty one has been made; "
		    "is its disk mounted?");
	if (x->dedup_off.code != ERROR_NONE)
		warn_of_spool(x, "dedup-off", x->dedup_off.text);
	/* A balancer calls every few seconds. */
	if (x->endpoint.role == ROLE_HEALTH && is_accepted(x))
		return;
	if (has_line(x))
		log_exchange(x);
	else
		log_omit();
}
