/* SPDX-License-Identifier: MIT */
/*
 * receive - the role that takes messages in
 *
 * One straight line from the request to the file. No work is done for
 * anybody who may not pass, and nothing is written before the call is
 * known to be whole.
 */
#include "receive.h"

#include <string.h>

#include "message/cause.h"
#include "base/clock.h"
#include "spool/deliver.h"
#include "message/head.h"
#include "spool/quarantine.h"
#include "throttle.h"
#include "message/verify.h"

/*
 * For how many calls a likely cause is looked for: so many at once, then one
 * an interval. Each takes some milliseconds at most.
 */
#define CAUSE_BURST    40
#define CAUSE_INTERVAL 100000 /* microseconds */

static int
keep_headers(struct exchange *x)
{
	const struct header_list *kept = &x->endpoint.kept;
	struct message *m = &x->message;
	struct header *header;
	size_t i;

	for (i = 0; i < kept->count; i++) {
		header = &m->headers[m->header_count];
		header->name = kept->names[i];
		header->value = (struct buf)BUF_INIT(MESSAGE_TEXT_MAX);
		request_header(x->request, header->name, &header->value);
		if (buf_check(&header->value, &x->error) < 0) {
			buf_free(&header->value);
			return -1;
		}
		if (!header->value.len)
			continue;
		m->header_count++;
		if (i >= kept->count - kept->looked)
			m->looked_count++;
	}
	return 0;
}

/* The name of a header of the request (RFC 3875 4.1.18); or an empty one. */
static struct span
header_name(const char *param)
{
	static const char prefix[] = "HTTP_";
	struct span name = { NULL, 0 };

	if (strncmp(param, prefix, strlen(prefix)) != 0)
		return name;
	name.at = param + strlen(prefix);
	name.len = strcspn(name.at, "=: \n\r");
	if (name.at[name.len] != '=' ||
	    /* Some web servers have these two twice. */
	    strncmp(name.at, "CONTENT_TYPE=", 13) == 0 ||
	    strncmp(name.at, "CONTENT_LENGTH=", 15) == 0)
		name.len = 0;
	return name;
}

static enum header_secrecy
secrecy_of(const struct exchange *x, struct span name)
{
	enum header_secrecy secrecy = header_secrecy(name);

	if (handshake_gives_key(x, name))
		return HEADER_OPEN;
	if (secrecy == HEADER_OPEN &&
	    header_list_has(&x->endpoint.secret, name))
		return HEADER_SECRET;
	return secrecy;
}

/* All of the call but its body, for any sender's rules. */
static int
keep_head(struct exchange *x, struct error *err)
{
	struct buf *head = &x->message.head;
	char salt[HEAD_SALT_SIZE];
	struct span name;
	char **param;

	if (head_make_salt(salt, err) < 0)
		return -1;
	head_start(head, &x->message);
	for (param = x->request->params; *param; param++) {
		name = header_name(*param);
		if (name.len &&
		    head_add(head, salt, name, name.at + name.len + 1,
			secrecy_of(x, name), err) < 0)
			return -1;
	}
	if (head->failed)
		return error_set(err, ERROR_MEMORY,
		    "no memory, or more than %d bytes of headers",
		    MESSAGE_HEAD_MAX);
	return 0;
}

static const char *
param_or(const struct request *rq, const char *name, const char *otherwise)
{
	const char *value = request_param(rq, name);

	return value ? value : otherwise;
}

/* All that is known of the call before anybody looks into its body. */
static int
describe(struct exchange *x)
{
	struct message *m = &x->message;

	m->sender = x->endpoint.sender;
	m->schemes = &x->endpoint.signing.schemes;
	m->places = &x->endpoint.signing.places;
	m->event = x->endpoint.event;
	m->source = x->endpoint.source;
	m->server = param_or(x->request, "SERVER_NAME", "");
	m->method = param_or(x->request, "REQUEST_METHOD", "");
	m->content_type = span_of(param_or(x->request, "CONTENT_TYPE", ""));
	request_target(x->request, &m->path, &m->query);
	return keep_headers(x);
}

static int
open_spool(struct exchange *x, struct error *err)
{
	const struct endpoint *ep = &x->endpoint;

	return ep->create ? spool_open(&x->spool, ep->spool, err)
			  : spool_find(&x->spool, ep->spool, err);
}

/* Did nothing but the signature or the time speak against it? */
static bool
has_full_form(enum error_code verdict)
{
	return verdict == ERROR_SIGNATURE || verdict == ERROR_EXPIRED ||
	    verdict == ERROR_NOT_YET_VALID;
}

/* No work is done for a call that there is no room for. */
static enum quarantined
quarantine(struct exchange *x, const struct error *verdict, struct error *err)
{
	const struct quarantine_amount *bounds = &x->endpoint.quarantine;
	struct quarantine_call call = { "", has_full_form(verdict->code) };
	struct delivery delivery = { &x->spool, x->message.received,
		x->envelope.pieces, 0 };
	enum quarantined outcome;

	if (bounds->bytes == 0 || bounds->files == 0)
		return QUARANTINE_OFF;
	quarantine_caller(param_or(x->request, "REMOTE_ADDR", ""), call.caller);
	if (open_spool(x, err) < 0)
		return QUARANTINE_FAILED;
	/* What is large is the body, in base64. */
	outcome = quarantine_check(
	    &x->spool, bounds, &call, x->message.body.len / 3 * 4, err);
	if (outcome != QUARANTINE_KEPT)
		return outcome;
	if (keep_head(x, err) < 0 ||
	    envelope_write_rejected(&x->envelope, &x->message, verdict, err) <
		0)
		return QUARANTINE_FAILED;
	delivery.count = x->envelope.count;
	return quarantine_keep(&delivery, bounds, &call, x->file, err);
}

/*
 * The answer stays what the verdict makes it, whatever happens here: a
 * full disk does not turn a forged call into one worth sending again.
 */
static void
keep_rejected(struct exchange *x, const struct error *verdict)
{
	x->quarantined = quarantine(x, verdict, &x->keeping_failed);
	if (x->quarantined != QUARANTINE_KEPT)
		x->file[0] = '\0';
}

/* The file of keys may be too old for the token; another program fetches it. */
static void
ask_for_keys(struct exchange *x)
{
	struct error *err = &x->keeping_failed;

	if (open_spool(x, err) == 0)
		(void)spool_mark(&x->spool, SPOOL_KEYS_WANTED, err);
}

/* Any caller can send what does not verify, so there is a limit. */
static const char *
likely_cause(const struct exchange *x)
{
	static struct throttle looks =
	    THROTTLE_INIT(CAUSE_BURST, CAUSE_INTERVAL);
	char caller[QUARANTINE_CALLER_SIZE];

	quarantine_caller(param_or(x->request, "REMOTE_ADDR", ""), caller);
	if (!cause_is_sought(&x->message, &x->error) ||
	    !throttle_pass(&looks, 0, caller))
		return NULL;
	return cause_find(&x->message, &x->endpoint.signing.keys, &x->error);
}

/* Once, where HOOKDIR_DEDUP wants that; else as often as it comes. */
static int
deliver(struct exchange *x)
{
	int rc = deliver_message(&x->spool, &x->message, &x->envelope,
	    (unsigned)x->endpoint.dedup, x->file, &x->dedup_off, &x->error);

	x->duplicate = rc == 0;
	if (rc != 1)
		x->file[0] = '\0';
	return rc < 0 ? -1 : 0;
}

/*
 * A handshake is answered whatever becomes of the spool, which is there for
 * its line in the history.
 */
static int
end_handshake(struct exchange *x)
{
	const struct error key = { ERROR_FORM, 0,
		"a handshake that gives the sender's key: look at it, and set "
		"it as HOOKDIR_KEY" };
	struct message *m = &x->message;

	if (!handshake_is_kept(x)) {
		(void)open_spool(x, &x->keeping_failed);
		return 0;
	}
	if (sha256_hex(buf_span(&m->body), m->body_sha256, &x->error) < 0)
		return -1;
	m->id = span_of(m->body_sha256);
	keep_rejected(x, &key);
	return 0;
}

/* 1: the body is there. 0: the call was a handshake. */
static int
take_body(struct exchange *x)
{
	const struct request *rq = x->request;
	const struct endpoint *ep = &x->endpoint;
	int rc;

	if (!handshake_takes(ep, rq) &&
	    request_check_method(rq, ep->sender->methods, &x->error) < 0)
		return -1;
	if (authenticate(rq, ep, &x->admission, &x->error) < 0) {
		if (x->error.code == ERROR_KEY_UNKNOWN)
			ask_for_keys(x);
		return -1;
	}
	x->admitted = ep->auth != AUTH_SIGNATURE && ep->auth != AUTH_NONE;
	rc = handshake_without_body(x);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (request_check_method(rq, ep->sender->methods, &x->error) < 0 ||
	    request_read_body(rq, &x->message.body, &x->body_share, &x->error) <
		0)
		return -1;
	rc = handshake_unverified(x);
	return rc < 0 ? -1 : rc == 0;
}

int
receive(struct exchange *x)
{
	const struct endpoint *ep = &x->endpoint;
	struct message *m = &x->message;
	int rc = describe(x);

	if (rc == 0)
		rc = take_body(x);
	if (rc < 0)
		return -1;
	m->passed_by = x->admission.passed_by;
	m->received = clock_now();
	if (rc == 0)
		return end_handshake(x);
	if (message_verify(m, &ep->signing.keys, &x->error) < 0) {
		m->cause = likely_cause(x);
		if (error_class(x->error.code) == CLASS_VERDICT)
			keep_rejected(x, &x->error);
		return -1;
	}
	x->verified = true;
	rc = handshake_verified(x);
	if (rc != 0)
		return rc < 0 ? -1 : end_handshake(x);
	if (open_spool(x, &x->error) < 0 ||
	    envelope_write(&x->envelope, m, &x->error) < 0 || deliver(x) < 0) {
		x->file[0] = '\0';
		return -1;
	}
	return 0;
}
