/* SPDX-License-Identifier: MIT */
/*
 * endpoint - the parameters of one URL
 *
 * A parameter is a row of the table below: its name, what it is when it is
 * not set, its limits, and how its text is read.
 */
#include "endpoint.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "envelope.h"

#define PREFIX "HOOKDIR_"

struct parameter {
	const char *name;
	/* 0, or -1; set_wrong() says why. */
	int (*read)(struct endpoint *ep, const struct parameter *p,
	    const char *text, struct error *err);
	const char *preset; /* NULL: stays unset */
	uint64_t least, most;
};

static int
set_wrong(struct error *err, const struct parameter *p, const char *why)
{
	return error_set(err, ERROR_CONFIGURATION, "%s: %s", p->name, why);
}

static int
read_role(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	(void)ep;
	if (strcmp(text, "receive") != 0)
		return set_wrong(err, p, "unknown role");
	return 0;
}

static int
read_spool(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	if (text[0] != '/')
		return set_wrong(err, p, "not an absolute path");
	ep->spool = text;
	return 0;
}

static int
read_sender(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	size_t i;

	ep->sender = sender_find(text);
	if (!ep->sender)
		return set_wrong(err, p, "unknown sender");
	for (i = 0; i < SENDER_HEADERS_MAX && ep->sender->headers[i]; i++)
		ep->headers[ep->header_count++] = ep->sender->headers[i];
	return 0;
}

static int
read_event(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	(void)p;
	(void)err;
	ep->event = text;
	return 0;
}

/* CloudEvents: source is a URI reference, so no spaces and no quotes. */
static int
read_source(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	const char *c;

	for (c = text; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("\"<>\\^`{|}", *c))
			return set_wrong(err, p, "not a URI");
	ep->source = text;
	return 0;
}

static int
read_key(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	(void)p;
	return keyring_add(&ep->keys, "current", span_of(text), err);
}

static int
read_key_previous(struct endpoint *ep, const struct parameter *p,
    const char *text, struct error *err)
{
	if (ep->keys.count == 0)
		return set_wrong(err, p, "set without HOOKDIR_KEY");
	return keyring_add(&ep->keys, "previous", span_of(text), err);
}

static int
read_auth(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	if (strcmp(text, "basic") == 0)
		ep->auth = AUTH_BASIC;
	else if (strcmp(text, "server") == 0)
		ep->auth = AUTH_SERVER;
	else if (strcmp(text, "none") == 0)
		ep->auth = AUTH_NONE;
	else
		return set_wrong(err, p, "unknown way in");
	return 0;
}

static int
read_number(const struct parameter *p, const char *text, uint64_t *number,
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
	*number = sum;
	return 0;
}

static int
read_max_body(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	return read_number(p, text, &ep->max_body, err);
}

static int
read_quarantine(struct endpoint *ep, const struct parameter *p,
    const char *text, struct error *err)
{
	return read_number(p, text, &ep->quarantine, err);
}

static int
add_header(struct endpoint *ep, const char *name, const char *parameter,
    struct error *err)
{
	char attribute[ENVELOPE_NAME_SIZE], other[ENVELOPE_NAME_SIZE];
	size_t i;

	if (ep->header_count == MESSAGE_HEADERS_MAX ||
	    !envelope_attribute(name, attribute))
		goto wrong;
	for (i = 0; i < ep->header_count; i++) {
		if (strcasecmp(ep->headers[i], name) == 0)
			return 0;
		if (envelope_attribute(ep->headers[i], other) &&
		    strcmp(attribute, other) == 0)
			goto wrong;
	}
	ep->headers[ep->header_count++] = name;
	return 0;
wrong:
	return error_set(err, ERROR_CONFIGURATION,
	    "%s: %s cannot be kept: too many, or no name of its own", parameter,
	    name);
}

/* RFC 9110 5.1: a field name is a token. */
static bool
is_field_name(const char *name)
{
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '-' &&
		    *name != '_')
			return false;
	return true;
}

static int
read_headers(struct endpoint *ep, const struct parameter *p, const char *text,
    struct error *err)
{
	char *name, *rest = ep->header_names;

	if (strlen(text) >= sizeof(ep->header_names))
		return set_wrong(err, p, "too long");
	memcpy(ep->header_names, text, strlen(text) + 1);
	while ((name = strtok_r(rest, " \t", &rest)) != NULL)
		if (!is_field_name(name))
			return set_wrong(err, p, "not names of headers");
		else if (add_header(ep, name, p->name, err) < 0)
			return -1;
	return 0;
}

#define MIB (UINT64_C(1) << 20)

/* Order counts: a key before the one before it, the sender's own headers
 * before HOOKDIR_HEADERS. */
static const struct parameter parameters[] = {
	{ PREFIX "ROLE", read_role, NULL, 0, 0 },
	{ PREFIX "SPOOL", read_spool, NULL, 0, 0 },
	{ PREFIX "SENDER", read_sender, "generic", 0, 0 },
	{ PREFIX "EVENT", read_event, NULL, 0, 0 },
	{ PREFIX "SOURCE", read_source, NULL, 0, 0 },
	{ PREFIX "KEY", read_key, NULL, 0, 0 },
	{ PREFIX "KEY_PREVIOUS", read_key_previous, NULL, 0, 0 },
	{ PREFIX "AUTH", read_auth, NULL, 0, 0 },
	{ PREFIX "MAX_BODY", read_max_body, "16777216", 1, 1024 * MIB },
	{ PREFIX "QUARANTINE", read_quarantine, "67108864", 0, MIB *MIB },
	{ PREFIX "HEADERS", read_headers, NULL, 0, 0 },
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

/* What only shows when all parameters are known. */
static int
check_whole(struct endpoint *ep, struct error *err)
{
	if (!ep->spool)
		return error_set(
		    err, ERROR_CONFIGURATION, "HOOKDIR_SPOOL: not set");
	if (ep->sender->scheme == SCHEME_NONE && ep->keys.count)
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_KEY: the sender %s signs nothing",
		    ep->sender->name);
	if (ep->sender->scheme != SCHEME_NONE && !ep->keys.count)
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_KEY: not set, and the sender %s signs",
		    ep->sender->name);
	if (ep->auth == AUTH_DEFAULT)
		ep->auth = ep->keys.count ? AUTH_SIGNATURE : AUTH_BASIC;
	return 0;
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
