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

	return keyring_add(ring, "current", span_of(text), err);
}

static int
read_key_previous(struct endpoint *ep, const struct parameter *p,
    const char *text, struct error *err)
{
	struct keyring *ring = place_of(ep, p);

	if (ring->count == 0)
		return set_wrong(err, p, "set without the current one");
	return keyring_add(ring, "previous", span_of(text), err);
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

#define MIB	 (UINT64_C(1) << 20)
#define YEAR	 (UINT64_C(366) * 24 * 3600)
#define IN(what) offsetof(struct endpoint, what)

/* Order counts: a key before the one before it, the sender's own headers
 * before HOOKDIR_HEADERS, and these before HOOKDIR_SECRET_HEADERS. */
static const struct parameter parameters[] = {
	{ PREFIX "ROLE", read_role, NULL, 0, 0, 0 },
	{ PREFIX "SPOOL", read_path, NULL, IN(spool), 0, 0 },
	{ PREFIX "CREATE", read_yes_no, "yes", IN(create), 0, 0 },
	{ PREFIX "SENDER", read_sender, "generic", 0, 0, 0 },
	{ PREFIX "EVENT", read_text, NULL, IN(event), 0, 0 },
	{ PREFIX "SOURCE", read_source, NULL, IN(source), 0, 0 },
	{ PREFIX "KEY", read_key, NULL, IN(keys), 0, 0 },
	{ PREFIX "KEY_PREVIOUS", read_key_previous, NULL, IN(keys), 0, 0 },
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

/* A misspelt HOOKDIR_KEY_PREVIOUS must not pass as "not set". */
static int
check_names(const struct request *rq, struct error *err)
{
	const char *end;
	char **param;
	size_t i;

	for (param = rq->params; *param; param++) {
		if (strncmp(*param, PREFIX, strlen(PREFIX)) != 0)
			continue;
		end = strchr(*param, '=');
		for (i = 0; i < PARAMETER_COUNT; i++)
			if (end &&
			    strlen(parameters[i].name) ==
				(size_t)(end - *param) &&
			    strncmp(*param, parameters[i].name,
				(size_t)(end - *param)) == 0)
				break;
		if (i == PARAMETER_COUNT)
			return error_set(err, ERROR_CONFIGURATION,
			    "%.*s: no such parameter",
			    end ? (int)(end - *param) : 8, *param);
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
	if (ep->keys.count)
		return wrong(err, "KEY: of no use in the role token");
	if (ep->jwks)
		return wrong(err, "JWKS: of no use in the role token");
	if (ep->auth != AUTH_DEFAULT)
		return wrong(err, "AUTH: of no use in the role token");
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
	if (ep->keys.count)
		return wrong(err, "KEY: of no use in the role health");
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
	if (ep->sender->scheme == SCHEME_NONE && ep->keys.count)
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_KEY: the sender %s signs nothing",
		    ep->sender->name);
	if (ep->sender->scheme != SCHEME_NONE && !ep->keys.count)
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_KEY: not set, and the sender %s signs",
		    ep->sender->name);
	if (ep->sender->needs_event && !ep->event)
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_EVENT: not set, and the sender %s names none",
		    ep->sender->name);
	if (ep->auth == AUTH_DEFAULT)
		ep->auth = ep->keys.count ? AUTH_SIGNATURE : AUTH_BASIC;
	return check_tokens(ep, err);
}

int
endpoint_read(struct endpoint *ep, const struct request *rq, struct error *err)
{
	const struct parameter *p;
	const char *text;

	memset(ep, 0, sizeof(*ep));
	if (check_names(rq, err) < 0)
		return -1;
	for (p = parameters; p < parameters + PARAMETER_COUNT; p++) {
		text = request_param(rq, p->name);
		if (text && !*text)
			return set_wrong(err, p, "empty");
		if (!text)
			text = p->preset;
		if (text && p->read(ep, p, text, err) < 0)
			return -1;
	}
	return check_whole(ep, err);
}
