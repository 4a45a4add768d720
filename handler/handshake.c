/* SPDX-License-Identifier: MIT */
/*
 * handshake - calls by which a sender asks whether an endpoint is there
 *
 * A row of the table for each; what differs is where a value comes from and
 * what it becomes in the answer.
 */
#include "handshake.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/form.h"
#include "base/secret.h"
#include "exchange.h"
#include "message/header.h"

/* Characters of a value, beside letters and digits */
#define ATOM "._~+/=-"
/* All of ASCII that is printed, but what HTML or a shell could run */
#define PRINTED " !#$%()*+,-./:;=?@[]^_{|}~"

#define VALUE_MAX 512

enum moment {
	WITHOUT_BODY,
	UNVERIFIED,
	VERIFIED
};

enum origin {
	FROM_NOTHING,
	FROM_QUERY,
	FROM_HEADER,
	FROM_MEMBER
};

enum target {
	TO_NOTHING,
	TO_TEXT,
	TO_JSON,
	TO_HEADER
};

struct handshake {
	const char *name;
	const char *methods; /* as in Allow */
	enum moment moment;
	enum origin origin;
	const char *from; /* a parameter, a header, a JSON Pointer */
	enum target target;
	const char *to; /* a member, a header */
	/* Is it a handshake at all? NULL: where there is a value. 1, 0, -1 */
	int (*is)(struct exchange *x);
	const char *characters; /* beside letters and digits */
	size_t most;		/* characters; 0: VALUE_MAX */
	bool gives_key;
};

/* --- what the call says -------------------------------------------------- */

static bool
has_header(const struct exchange *x, const char *name, const char *value)
{
	struct buf found = BUF_INIT(MESSAGE_TEXT_MAX);
	bool is;

	request_header(x->request, name, &found);
	is = value ? span_is(buf_span(&found), value) : found.len > 0;
	buf_free(&found);
	return is;
}

static bool
is_signed(const struct exchange *x)
{
	const struct scheme_set *schemes = &x->endpoint.signing.schemes;
	char name[128];
	size_t i, j;

	for (i = 0; i < schemes->count; i++)
		for (j = 0; j < schemes->of[i].header_count; j++) {
			(void)snprintf(name, sizeof(name), "%.*s",
			    (int)schemes->of[i].headers[j].len,
			    schemes->of[i].headers[j].at);
			if (has_header(x, name, NULL))
				return true;
		}
	return false;
}

static bool
body_of(const struct exchange *x, struct json_value *root)
{
	return json_scan(buf_span(&x->message.body), root);
}

/* Is a member of the body exactly this text? */
static bool
says(const struct exchange *x, const char *member, const char *text)
{
	struct json_value root, value;

	return body_of(x, &root) && json_member(root, member, &value) &&
	    json_string_is(value, text);
}

/* --- which calls are handshakes ------------------------------------------ */

/* "webhook_id=7", as a form, and no signature */
static int
is_woocommerce(struct exchange *x)
{
	static const char start[] = "webhook_id=";
	static const char form[] = "application/x-www-form-urlencoded";
	struct span body = buf_span(&x->message.body);
	size_t i, first = strlen(start);

	if (!span_begins(body, start) || body.len == first ||
	    body.len > first + 20 || is_signed(x) ||
	    x->message.content_type.len < strlen(form) ||
	    strncasecmp(x->message.content_type.at, form, strlen(form)) != 0)
		return 0;
	for (i = first; i < body.len; i++)
		if (body.at[i] < '0' || body.at[i] > '9')
			return 0;
	return 1;
}

/* The value of a parameter that is there once. */
static size_t
query_value(const struct exchange *x, const char *name, struct buf *value)
{
	return form_field(x->message.query, name, value);
}

/* The token that the operator typed into the sender's form decides. */
static int
is_meta(struct exchange *x)
{
	struct buf token = BUF_INIT(MESSAGE_TEXT_MAX);
	struct buf mode = BUF_INIT(MESSAGE_TEXT_MAX);
	struct buf any = BUF_INIT(MESSAGE_TEXT_MAX);
	const char *ours = x->endpoint.challenge_token;
	size_t tokens = query_value(x, "hub.verify_token", &token);
	size_t modes = query_value(x, "hub.mode", &mode);
	int rc = 0;

	if (tokens || modes || query_value(x, "hub.challenge", &any))
		rc = tokens == 1 && modes == 1 &&
			span_is(buf_span(&mode), "subscribe") &&
			token.len == strlen(ours) &&
			secret_equal(token.at, ours, token.len)
		    ? 1
		    : error_set(&x->error, ERROR_SIGNATURE,
			  "the verify token is not HOOKDIR_CHALLENGE_TOKEN");
	secret_wipe(token.at, token.size);
	buf_free(&token);
	buf_free(&mode);
	buf_free(&any);
	return rc;
}

static int
is_eventgrid(struct exchange *x)
{
	struct json_value root, second;

	if (!has_header(x, "aeg-event-type", "SubscriptionValidation"))
		return 0;
	if (!body_of(x, &root) || json_element(root, 1, &second))
		return error_set(
		    &x->error, ERROR_FORM, "a handshake that is not one event");
	return 1;
}

static int
is_slack(struct exchange *x)
{
	return says(x, "type", "url_verification");
}

static int
is_twitch(struct exchange *x)
{
	return has_header(
	    x, "Twitch-Eventsub-Message-Type", "webhook_callback_verification");
}

static int
is_monday(struct exchange *x)
{
	struct json_members members;
	struct json_value root;

	return json_scan_members(buf_span(&x->message.body), &root, &members) &&
	    members.count == 1 && json_member(root, "challenge", &root);
}

/* The sender gives a key; with one in place the call must be signed by it. */
static int
is_notion(struct exchange *x)
{
	struct json_value root, token;

	return x->endpoint.signing.keys.count == 0 && body_of(x, &root) &&
	    json_member(root, "verification_token", &token);
}

static int
is_asana(struct exchange *x)
{
	return x->endpoint.signing.keys.count == 0 &&
	    has_header(x, "X-Hook-Secret", NULL);
}

static const struct handshake handshakes[] = {
	{ "woocommerce", "POST", UNVERIFIED, FROM_NOTHING, NULL, TO_NOTHING,
	    NULL, is_woocommerce, NULL, 0, false },
	{ "meta", "GET", WITHOUT_BODY, FROM_QUERY, "hub.challenge", TO_TEXT,
	    NULL, is_meta, ATOM, 0, false },
	{ "graph", "POST", WITHOUT_BODY, FROM_QUERY, "validationToken", TO_TEXT,
	    NULL, NULL, PRINTED, 1024, false },
	{ "eventgrid", "POST", UNVERIFIED, FROM_MEMBER,
	    "/0/data/validationCode", TO_JSON, "validationResponse",
	    is_eventgrid, ATOM, 0, false },
	{ "cloudevents", "OPTIONS", WITHOUT_BODY, FROM_HEADER,
	    "WebHook-Request-Origin", TO_HEADER, "WebHook-Allowed-Origin", NULL,
	    ATOM ":*", 0, false },
	{ "slack", "POST", VERIFIED, FROM_MEMBER, "/challenge", TO_TEXT, NULL,
	    is_slack, ATOM, 0, false },
	{ "twitch", "POST", VERIFIED, FROM_MEMBER, "/challenge", TO_TEXT, NULL,
	    is_twitch, ATOM, 0, false },
	{ "dropbox", "GET", WITHOUT_BODY, FROM_QUERY, "challenge", TO_TEXT,
	    NULL, NULL, ATOM, 0, false },
	{ "adobe-io", "GET", WITHOUT_BODY, FROM_QUERY, "challenge", TO_TEXT,
	    NULL, NULL, ATOM, 0, false },
	{ "onfleet", "GET", WITHOUT_BODY, FROM_QUERY, "check", TO_TEXT, NULL,
	    NULL, ATOM, 0, false },
	{ "okta", "GET", WITHOUT_BODY, FROM_HEADER,
	    "X-Okta-Verification-Challenge", TO_JSON, "verification", NULL,
	    ATOM, 0, false },
	{ "monday", "POST", UNVERIFIED, FROM_MEMBER, "/challenge", TO_JSON,
	    "challenge", is_monday, ATOM, 0, false },
	{ "notion", "POST", UNVERIFIED, FROM_NOTHING, NULL, TO_NOTHING, NULL,
	    is_notion, NULL, 0, true },
	{ "asana", "POST", UNVERIFIED, FROM_HEADER, "X-Hook-Secret", TO_HEADER,
	    "X-Hook-Secret", is_asana, ATOM, 0, true },
	{ "keap", "POST", UNVERIFIED, FROM_HEADER, "X-Hook-Secret", TO_HEADER,
	    "X-Hook-Secret", is_asana, ATOM, 0, true },
	{ "rentman", "POST", UNVERIFIED, FROM_HEADER, "X-Hook-Secret",
	    TO_HEADER, "X-Hook-Secret", is_asana, ATOM, 0, true },
	{ "trello", "HEAD, GET", WITHOUT_BODY, FROM_NOTHING, NULL, TO_NOTHING,
	    NULL, NULL, NULL, 0, false },
	{ "mailchimp", "HEAD, GET", WITHOUT_BODY, FROM_NOTHING, NULL,
	    TO_NOTHING, NULL, NULL, NULL, 0, false },
};

const struct handshake *
handshake_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(handshakes) / sizeof(handshakes[0]); i++)
		if (strcmp(handshakes[i].name, name) == 0)
			return &handshakes[i];
	return NULL;
}

/* --- of an endpoint ------------------------------------------------------ */

int
handshake_check(struct endpoint *ep, struct error *err)
{
	const char *own = ep->sender->challenge;
	bool asked = ep->challenge != NULL;
	bool needs_token;

	if (!ep->no_challenge && !asked && own)
		ep->challenge = handshake_find(own);
	needs_token = ep->challenge && ep->challenge->is == is_meta;
	if (ep->challenge_token && !needs_token)
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_CHALLENGE_TOKEN: set, but HOOKDIR_CHALLENGE is "
		    "not meta");
	if (needs_token && !ep->challenge_token && asked)
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_CHALLENGE: meta, but there is no "
		    "HOOKDIR_CHALLENGE_TOKEN");
	if (needs_token && !ep->challenge_token)
		ep->challenge = NULL;
	if (ep->challenge && ep->challenge->moment == VERIFIED &&
	    !ep->signing.schemes.count)
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_CHALLENGE: %s is for signed calls, but there is "
		    "no HOOKDIR_SIGNATURE_HEADER",
		    ep->challenge->name);
	return 0;
}

bool
handshake_takes(const struct endpoint *ep, const struct request *rq)
{
	struct error none = ERROR_INIT;

	return ep->challenge &&
	    request_check_method(rq, ep->challenge->methods, &none) == 0;
}

bool
handshake_gives_key(const struct exchange *x, struct span name)
{
	const struct handshake *h = x->endpoint.challenge;

	return x->handshake.name && h->gives_key && h->origin == FROM_HEADER &&
	    header_is(name, h->from);
}

bool
handshake_is_kept(const struct exchange *x)
{
	return x->handshake.name && x->endpoint.challenge->gives_key;
}

/* --- the answer ---------------------------------------------------------- */

/* How many values there are; 0 for a member that is no string. */
static size_t
find_value(const struct exchange *x, const struct handshake *h, struct buf *out)
{
	struct json_value root, found;

	switch (h->origin) {
	case FROM_NOTHING:
		break;
	case FROM_QUERY:
		return query_value(x, h->from, out);
	case FROM_HEADER:
		request_header(x->request, h->from, out);
		return out->len > 0;
	case FROM_MEMBER:
		return body_of(x, &root) &&
		    json_pointer(root, h->from, &found) &&
		    json_decode_string(found, out);
	}
	return 0;
}

static bool
is_fit(const struct handshake *h, struct span value)
{
	size_t i, most = h->most ? h->most : VALUE_MAX;
	char c;

	for (i = 0; i < value.len; i++) {
		c = value.at[i];
		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			(c >= 'a' && c <= 'z') ||
			(c && strchr(h->characters, c))))
			return false;
	}
	return value.len > 0 && value.len <= most;
}

/* 1, 0 or -1 as in handshake.h */
static int
answer(struct exchange *x)
{
	const struct handshake *h = x->endpoint.challenge;
	struct handshake_answer *out = &x->handshake;
	size_t count;
	int rc = h->is ? h->is(x) : 1;

	if (rc <= 0)
		return rc;
	count = find_value(x, h, &out->value);
	if (buf_check(&out->value, &x->error) < 0)
		return -1;
	if (h->origin != FROM_NOTHING && count == 0 && !h->is)
		return 0;
	if (h->origin != FROM_NOTHING &&
	    (count != 1 || !is_fit(h, buf_span(&out->value))))
		return error_set(&x->error, ERROR_FORM,
		    "a handshake whose value is not there once, or holds what "
		    "would have to be escaped");
	out->name = h->name;
	out->header = h->target == TO_HEADER ? h->to : NULL;
	out->member = h->target == TO_JSON ? h->to : NULL;
	out->text = h->target == TO_TEXT;
	return 1;
}

static int
at(struct exchange *x, enum moment moment)
{
	const struct endpoint *ep = &x->endpoint;

	if (!handshake_takes(ep, x->request) || ep->challenge->moment != moment)
		return 0;
	return answer(x);
}

int
handshake_without_body(struct exchange *x)
{
	return at(x, WITHOUT_BODY);
}

int
handshake_unverified(struct exchange *x)
{
	return at(x, UNVERIFIED);
}

int
handshake_verified(struct exchange *x)
{
	return at(x, VERIFIED);
}
