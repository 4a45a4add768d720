/* SPDX-License-Identifier: MIT */
/*
 * endpoint - the parameters of one URL
 *
 * A parameter is a row of the table below: its name, what it is when it is
 * not set, its limits, and how its text is read.
 */
#include "endpoint.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "base/uri.h"
#include "handshake.h"
#include "message/header.h"

#define PREFIX "HOOKDIR_"

struct parameter {
	const char *name;
	/* 0, or -1; set_wrong() says why. */
	int (*read)(struct endpoint *ep, const struct parameter *p,
	    const char *text, struct error *err);
	const char *preset; /* NULL: stays unset */
	size_t offset;	    /* where in struct endpoint it goes */
	uint64_t least, most;
};

static int
set_wrong(struct error *err, const struct parameter *p, const char *why)
{
	return error_set(err, ERROR_CONFIGURATION, "%s: %s", p->name, why);
}

/* Where the parameter's value goes. */
static void *
place_of(struct endpoint *ep, const struct parameter *p)
{
	return (char *)ep + p->offset;
}

/* The number of a word in a list of them; -1 when it is not there. */
static int
word_number(const char *const *words, const char *text)
{
	int i;

	for (i = 0; words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	return -1;
}

static int
read_role(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	static const char *const words[] = { [ROLE_RECEIVE] = "receive",
		[ROLE_TOKEN] = "token",
		[ROLE_HEALTH] = "health",
		NULL };
	int role = word_number(words, text);

	if (role < 0)
		return set_wrong(err, p, "unknown role");
	ep->role = (enum endpoint_role)role;
	return 0;
}

static int
read_auth(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	/* What is chosen by not setting it has no word. */
	static const char *const words[] = { [AUTH_DEFAULT] = "",
		[AUTH_SIGNATURE] = "",
		[AUTH_BASIC] = "basic",
		[AUTH_SERVER] = "server",
		[AUTH_TOKEN] = "token",
		[AUTH_NONE] = "none",
		NULL };
	int auth = word_number(words, text);

	if (auth < 0)
		return set_wrong(err, p, "unknown way in");
	ep->auth = (enum endpoint_auth)auth;
	return 0;
}

static int
read_text(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	(void)err;
	*(const char **)place_of(ep, p) = text;
	return 0;
}

static int
read_path(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	if (text[0] != '/')
		return set_wrong(err, p, "not an absolute path");
	return read_text(ep, p, text, err);
}

static int
read_yes_no(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	static const char *const words[] = { "no", "yes", NULL };
	int word = word_number(words, text);

	if (word < 0)
		return set_wrong(err, p, "not one of yes and no");
	*(bool *)place_of(ep, p) = word == 1;
	return 0;
}

static int
read_sender(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	ep->sender = sender_find(text);
	if (!ep->sender)
		return set_wrong(err, p, "unknown sender");
	header_list_start(&ep->kept, ep->sender);
	ep->refused_status = ep->sender->refused_status;
	ep->empty_answers = ep->sender->empty_answers;
	return 0;
}

/* CloudEvents 1.0.2: source is a URI-reference. */
static int
read_source(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	if (!uri_is_reference(span_of(text)))
		return set_wrong(err, p, "not a URI");
	return read_text(ep, p, text, err);
}

/* A key, or the one before it, which alone would make no sense. */
static int
read_key(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	struct keyring *ring = place_of(ep, p);

	if (signing_is_word(text))
		return set_wrong(err, p, "a word, not a key");
	return keyring_add(ring, "current", span_of(text), err);
}

static int
read_key_previous(struct endpoint *ep, const struct parameter *p,
    const char *text, struct error *err)
{
	struct keyring *ring = place_of(ep, p);

	if (ring->count == 0)
		return set_wrong(err, p, "set without the current one");
	if (signing_is_word(text))
		return set_wrong(err, p, "a word, not a key");
	return keyring_add(ring, "previous", span_of(text), err);
}

static int
read_challenge(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	ep->no_challenge = strcmp(text, "none") == 0;
	ep->challenge = handshake_find(text);
	if (!ep->challenge && !ep->no_challenge)
		return set_wrong(err, p, "unknown handshake");
	return 0;
}

static int
read_refused_status(struct endpoint *ep, const struct parameter *p,
    const char *text, struct error *err)
{
	static const char *const words[] = { "400", "401", "403", NULL };
	static const int statuses[] = { 400, 401, 403 };
	int word = word_number(words, text);

	if (word < 0)
		return set_wrong(err, p, "not one of 400, 401 and 403");
	ep->refused_status = statuses[word];
	return 0;
}

static int
read_answer(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	static const char *const words[] = { "json", "empty", NULL };
	int word = word_number(words, text);

	if (word < 0)
		return set_wrong(err, p, "not one of json and empty");
	ep->empty_answers = word == 1;
	return 0;
}

static int
read_number(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	uint64_t sum = 0;
	const char *c;

	for (c = text; *c; c++) {
		/* 18 digits fit, and no limit is beyond them. */
		if (!isdigit((unsigned char)*c) || c - text == 18)
			return set_wrong(err, p, "not a number in range");
		sum = sum * 10 + (uint64_t)(*c - '0');
	}
	if (sum < p->least || sum > p->most)
		return set_wrong(err, p, "not a number in range");
	*(uint64_t *)place_of(ep, p) = sum;
	return 0;
}

static int
read_headers(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	return header_list_add_kept(&ep->kept, text, p->name, err);
}

/* One that every event has could not be a secret. */
static int
read_secret_headers(struct endpoint *ep, const struct parameter *p,
    const char *text, struct error *err)
{
	size_t i;

	if (header_list_add(&ep->secret, text, p->name, err) < 0)
		return -1;
	for (i = 0; i < ep->secret.count; i++)
		if (header_list_has(&ep->kept, span_of(ep->secret.names[i])))
			return error_set(err, ERROR_CONFIGURATION,
			    "%s: %s is kept in the event, see %sHEADERS",
			    p->name, ep->secret.names[i], PREFIX);
	return 0;
}

#define MIB	    (UINT64_C(1) << 20)
#define YEAR	    (UINT64_C(366) * 24 * 3600)
#define IN(what)    offsetof(struct endpoint, what)
#define SITE(item_) IN(signing.site.item[SCHEME_##item_])
#define PLACE(what) IN(signing.places.of[PLACE_##what])

/* Order counts: a key before the one before it, the sender's own headers
 * before HOOKDIR_HEADERS, and these before HOOKDIR_SECRET_HEADERS. */
static const struct parameter parameters[] = {
	{ PREFIX "ROLE", read_role, NULL, 0, 0, 0 },
	{ PREFIX "SPOOL", read_path, NULL, IN(spool), 0, 0 },
	{ PREFIX "CREATE", read_yes_no, "yes", IN(create), 0, 0 },
	{ PREFIX "SENDER", read_sender, "generic", 0, 0, 0 },
	{ PREFIX "EVENT", read_text, NULL, IN(event), 0, 0 },
	{ PREFIX "SOURCE", read_source, NULL, IN(source), 0, 0 },
	{ PREFIX "KEY", read_key, NULL, IN(signing.keys), 0, 0 },
	{ PREFIX "KEY_PREVIOUS", read_key_previous, NULL, IN(signing.keys), 0,
	    0 },
	{ PREFIX "SIGNATURE_HEADER", read_text, NULL, SITE(HEADER), 0, 0 },
	{ PREFIX "SIGNATURE_PREFIX", read_text, NULL, SITE(PREFIX), 0, 0 },
	{ PREFIX "SIGNATURE_SEPARATOR", read_text, NULL, SITE(SEPARATOR), 0,
	    0 },
	{ PREFIX "SIGNATURE_ALGORITHM", read_text, NULL, SITE(ALGORITHM), 0,
	    0 },
	{ PREFIX "SIGNED", read_text, NULL, SITE(SIGNED), 0, 0 },
	{ PREFIX "TIME", read_text, NULL, SITE(TIME), 0, 0 },
	{ PREFIX "TIME_FORMAT", read_text, NULL, SITE(TIME_FORMAT), 0, 0 },
	{ PREFIX "KEY_ENCODING", read_text, NULL, SITE(KEY_ENCODING), 0, 0 },
	{ PREFIX "TOLERANCE", read_text, NULL, SITE(TOLERANCE), 0, 0 },
	{ PREFIX "URL", read_text, NULL, SITE(URL), 0, 0 },
	{ PREFIX "ID", read_text, NULL, PLACE(ID), 0, 0 },
	{ PREFIX "TYPE", read_text, NULL, PLACE(TYPE), 0, 0 },
	{ PREFIX "SUBJECT", read_text, NULL, PLACE(SUBJECT), 0, 0 },
	{ PREFIX "REFERENCE", read_text, NULL, PLACE(REFERENCE), 0, 0 },
	{ PREFIX "CHALLENGE", read_challenge, NULL, 0, 0, 0 },
	{ PREFIX "CHALLENGE_TOKEN", read_text, NULL, IN(challenge_token), 0,
	    0 },
	{ PREFIX "REFUSED_STATUS", read_refused_status, NULL, 0, 0, 0 },
	{ PREFIX "ANSWER", read_answer, NULL, 0, 0, 0 },
	{ PREFIX "AUTH", read_auth, NULL, 0, 0, 0 },
	{ PREFIX "TOKEN_KEY", read_key, NULL, IN(token_keys), 0, 0 },
	{ PREFIX "TOKEN_KEY_PREVIOUS", read_key_previous, NULL, IN(token_keys),
	    0, 0 },
	{ PREFIX "CLIENT_ID", read_text, NULL, IN(client_id), 0, 0 },
	{ PREFIX "CLIENT_SECRET", read_key, NULL, IN(client_secrets), 0, 0 },
	{ PREFIX "CLIENT_SECRET_PREVIOUS", read_key_previous, NULL,
	    IN(client_secrets), 0, 0 },
	{ PREFIX "TOKEN_TTL", read_number, "3600", IN(token_ttl), 1, YEAR },
	{ PREFIX "JWKS", read_path, NULL, IN(jwks), 0, 0 },
	{ PREFIX "ISSUER", read_text, NULL, IN(issuer), 0, 0 },
	{ PREFIX "AUDIENCE", read_text, NULL, IN(audience), 0, 0 },
	{ PREFIX "MAX_BODY", read_number, "16777216", IN(max_body), 1,
	    1024 * MIB },
	{ PREFIX "QUARANTINE", read_number, "67108864", IN(quarantine.bytes), 0,
	    MIB *MIB },
	{ PREFIX "QUARANTINE_FILES", read_number, "10000", IN(quarantine.files),
	    0, 1000000 },
	{ PREFIX "DEDUP", read_number, "0", IN(dedup), 0, YEAR },
	{ PREFIX "HEADERS", read_headers, NULL, 0, 0, 0 },
	{ PREFIX "SECRET_HEADERS", read_secret_headers, NULL, 0, 0, 0 },
};

#define PARAMETER_COUNT (sizeof(parameters) / sizeof(parameters[0]))

static const struct parameter *
find_parameter(struct span name)
{
	size_t i;

	for (i = 0; i < PARAMETER_COUNT; i++)
		if (span_is(name, parameters[i].name))
			return &parameters[i];
	return NULL;
}

/*
 * Keys that have names. A misspelt HOOKDIR_KEY_PREVIOUS must not pass as
 * "not set", nor become a key.
 */
static int
read_names(struct endpoint *ep, const struct request *rq, struct error *err)
{
	struct span name, key;
	const char *end;
	char **param;

	for (param = rq->params; *param; param++) {
		if (strncmp(*param, PREFIX, strlen(PREFIX)) != 0)
			continue;
		end = strchr(*param, '=');
		name.at = *param;
		name.len = end ? (size_t)(end - *param) : 0;
		if (find_parameter(name))
			continue;
		if (!end ||
		    !signing_is_key(span_skip(name, strlen(PREFIX)), &key))
			return error_set(err, ERROR_CONFIGURATION,
			    "%.*s: no such parameter",
			    end ? (int)(end - *param) : 8, *param);
		if (signing_add_key(&ep->signing, key, end + 1, err) < 0)
			return -1;
	}
	return 0;
}

static int
wrong(struct error *err, const char *what)
{
	return error_set(err, ERROR_CONFIGURATION, "HOOKDIR_%s", what);
}

/* The parameters of a token endpoint, and none of a receiving one. */
static int
check_token_role(const struct endpoint *ep, struct error *err)
{
	if (ep->signing.keys.count)
		return wrong(err, "KEY: of no use in the role token");
	if (ep->jwks)
		return wrong(err, "JWKS: of no use in the role token");
	if (ep->auth != AUTH_DEFAULT)
		return wrong(err, "AUTH: of no use in the role token");
	if (ep->challenge || ep->challenge_token)
		return wrong(err, "CHALLENGE: of no use in the role token");
	if (!ep->client_id)
		return wrong(err, "CLIENT_ID: not set");
	if (!ep->client_secrets.count)
		return wrong(err, "CLIENT_SECRET: not set");
	if (!ep->token_keys.count)
		return wrong(err, "TOKEN_KEY: not set");
	if (!ep->issuer)
		return wrong(err, "ISSUER: not set");
	if (!ep->audience)
		return wrong(err, "AUDIENCE: not set");
	return 0;
}

/* A spool, and nothing that lets calls in. */
static int
check_health_role(const struct endpoint *ep, struct error *err)
{
	if (!ep->spool)
		return wrong(err, "SPOOL: not set");
	if (ep->signing.keys.count)
		return wrong(err, "KEY: of no use in the role health");
	if (ep->challenge || ep->challenge_token)
		return wrong(err, "CHALLENGE: of no use in the role health");
	if (ep->auth != AUTH_DEFAULT)
		return wrong(err, "AUTH: of no use in the role health");
	if (ep->jwks || ep->token_keys.count)
		return wrong(err, "TOKEN_KEY: of no use in the role health");
	if (ep->client_id || ep->client_secrets.count)
		return wrong(err, "CLIENT_ID: only for the role token");
	return 0;
}

/* What checks access tokens, and nothing that nobody would look at. */
static int
check_tokens(const struct endpoint *ep, struct error *err)
{
	if (ep->client_id || ep->client_secrets.count)
		return wrong(err, "CLIENT_ID: only for the role token");
	if (ep->auth != AUTH_TOKEN) {
		if (ep->token_keys.count)
			return wrong(
			    err, "TOKEN_KEY: HOOKDIR_AUTH is not token");
		if (ep->jwks)
			return wrong(err, "JWKS: HOOKDIR_AUTH is not token");
		if (ep->issuer)
			return wrong(err, "ISSUER: HOOKDIR_AUTH is not token");
		if (ep->audience)
			return wrong(
			    err, "AUDIENCE: HOOKDIR_AUTH is not token");
		return 0;
	}
	if (!ep->token_keys.count && !ep->jwks)
		return wrong(err,
		    "AUTH: token, but neither HOOKDIR_TOKEN_KEY "
		    "nor HOOKDIR_JWKS is set");
	if (!ep->issuer)
		return wrong(err, "ISSUER: not set");
	if (!ep->audience)
		return wrong(err, "AUDIENCE: not set");
	return 0;
}

/* The web server takes that header for its own, or blanks it. */
static int
check_authorization(const struct endpoint *ep, struct error *err)
{
	size_t i;

	if (ep->auth != AUTH_TOKEN && ep->auth != AUTH_BASIC)
		return 0;
	for (i = 0; ep->signing.schemes.count &&
	     i < ep->signing.schemes.of[0].header_count;
	     i++)
		if (header_is(
			ep->signing.schemes.of[0].headers[i], "Authorization"))
			return wrong(err,
			    "SIGNATURE_HEADER: Authorization, which "
			    "HOOKDIR_AUTH needs");
	return 0;
}

/* What only shows when all parameters are known. */
static int
check_whole(struct endpoint *ep, struct error *err)
{
	if (ep->role == ROLE_TOKEN)
		return check_token_role(ep, err);
	if (ep->role == ROLE_HEALTH)
		return check_health_role(ep, err);
	if (!ep->spool)
		return wrong(err, "SPOOL: not set");
	if (signing_check(&ep->signing, ep->sender, &ep->kept, err) < 0 ||
	    check_authorization(ep, err) < 0 || handshake_check(ep, err) < 0)
		return -1;
	if (ep->sender->needs_event && !ep->event)
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_EVENT: not set, and the sender %s names none",
		    ep->sender->name);
	if (ep->auth == AUTH_DEFAULT)
		ep->auth = ep->signing.keys.count ? AUTH_SIGNATURE : AUTH_BASIC;
	return check_tokens(ep, err);
}

int
endpoint_read(struct endpoint *ep, const struct request *rq, struct error *err)
{
	const struct parameter *p;
	const char *text;

	memset(ep, 0, sizeof(*ep));
	for (p = parameters; p < parameters + PARAMETER_COUNT; p++) {
		text = request_param(rq, p->name);
		if (text && !*text)
			return set_wrong(err, p, "empty");
		if (!text)
			text = p->preset;
		if (text && p->read(ep, p, text, err) < 0)
			return -1;
	}
	if (read_names(ep, rq, err) < 0)
		return -1;
	return check_whole(ep, err);
}
