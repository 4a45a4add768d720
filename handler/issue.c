/* SPDX-License-Identifier: MIT */
/*
 * issue - the role that hands out access tokens: OAuth 2.0 Client
 * Credentials (RFC 6749 section 4.4)
 */
#include "issue.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "jose/credentials.h"
#include "base/form.h"
#include "base/hash.h"
#include "base/secret.h"
#include "throttle.h"
#include "jose/token.h"

#define SCOPE_MAX 2048 /* bytes */
#define FORM_TYPE "application/x-www-form-urlencoded"

/* Answers to wrong secrets: so many at once, then one an interval. */
#define WRONG_BURST    100
#define WRONG_INTERVAL 100000 /* microseconds */

/* What the form says; RFC 6749 4.4.2 and 2.3.1. */
struct fields {
	struct buf grant_type, scope, client_id, client_secret; /* owned */
	bool repeated; /* a field came twice */
};

static void
read_field(
    struct span form, const char *name, struct buf *out, struct fields *fields)
{
	/* RFC 6749 3.2: not more than once. */
	if (form_field(form, name, out) > 1)
		fields->repeated = true;
}

static void
read_fields(struct span form, struct fields *fields)
{
	/* As much as there is: what fails then is memory. */
	*fields = (struct fields){ .grant_type = BUF_INIT(ISSUE_BODY_MAX),
		.scope = BUF_INIT(ISSUE_BODY_MAX),
		.client_id = BUF_INIT(ISSUE_BODY_MAX),
		.client_secret = BUF_INIT(ISSUE_BODY_MAX) };
	read_field(form, "grant_type", &fields->grant_type, fields);
	read_field(form, "scope", &fields->scope, fields);
	read_field(form, "client_id", &fields->client_id, fields);
	read_field(form, "client_secret", &fields->client_secret, fields);
}

static void
free_fields(struct fields *fields)
{
	secret_wipe(fields->client_secret.at, fields->client_secret.size);
	buf_free(&fields->grant_type);
	buf_free(&fields->scope);
	buf_free(&fields->client_id);
	buf_free(&fields->client_secret);
}

/* Was there memory for all that the form says? */
static int
check_fields(const struct fields *fields, struct error *err)
{
	if (buf_check(&fields->grant_type, err) < 0 ||
	    buf_check(&fields->scope, err) < 0 ||
	    buf_check(&fields->client_id, err) < 0)
		return -1;
	return buf_check(&fields->client_secret, err);
}

/*
 * RFC 6749 3.3: words of printable ASCII but for quote and backslash, with one
 * space between two of them.
 */
static bool
is_scope(struct span scope)
{
	char before = ' ';
	size_t i;

	for (i = 0; i < scope.len; i++) {
		if (scope.at[i] < ' ' || scope.at[i] >= 0x7f ||
		    scope.at[i] == '"' || scope.at[i] == '\\' ||
		    (scope.at[i] == ' ' && before == ' '))
			return false;
		before = scope.at[i];
	}
	return scope.len == 0 || (before != ' ' && scope.len <= SCOPE_MAX);
}

/*
 * RFC 6749 4.4.2. A client that leaves out the type may still have sent a
 * form.
 */
static bool
is_form(const struct request *rq, struct span body)
{
	const char *type = request_param(rq, "CONTENT_TYPE");
	size_t len;

	if (!type || !*type)
		return form_is(body);
	/* RFC 9110 8.3.1: case does not matter, and parameters may follow. */
	len = strcspn(type, "; \t");
	return len == strlen(FORM_TYPE) &&
	    strncasecmp(type, FORM_TYPE, len) == 0 && form_is(body);
}

static void
set_oauth_error(struct exchange *x, const char *code, const char *description)
{
	x->oauth_error = code;
	x->oauth_description = description;
}

/*
 * RFC 6749 2.3: one way to say who it is, never two. A client that uses
 * the header may say its name in the body as well, but the same.
 */
static bool
is_named_twice(const struct credentials *header, const struct fields *fields)
{
	struct span name = buf_span(&fields->client_id);
	struct buf plain = BUF_INIT(CREDENTIALS_MAX);
	bool same;

	if (header->scheme == CREDENTIALS_NONE)
		return false;
	if (fields->client_secret.len)
		return true;
	form_decode(header->user, &plain);
	/* Without memory for it the name counts as the same: the secret
	 * decides. */
	same = plain.failed || span_equal(name, header->user) ||
	    span_equal(name, buf_span(&plain));
	buf_free(&plain);
	return name.len && header->scheme == CREDENTIALS_BASIC && !same;
}

/*
 * The right secret has been answered by now, whatever else is called with:
 * nobody can shut a client out. A wrong one is answered with 503 when there
 * are too many of them.
 */
static void
refuse_client(struct exchange *x)
{
	static struct throttle wrong =
	    THROTTLE_INIT(WRONG_BURST, WRONG_INTERVAL);
	const struct endpoint *ep = &x->endpoint;
	uint64_t client = hash_text(hash_text(0, ep->issuer), ep->client_id);

	x->guess = true;
	if (throttle_pass(&wrong, client, NULL))
		set_oauth_error(x, "invalid_client", "there is no such client");
	else
		set_oauth_error(x, "temporarily_unavailable",
		    "too many calls with a wrong secret");
}

static bool
check_client(struct exchange *x, const struct credentials *header,
    const struct fields *fields)
{
	const struct endpoint *ep = &x->endpoint;
	const char *used;

	if (is_named_twice(header, fields)) {
		set_oauth_error(x, "invalid_request",
		    "the client is named in the header and in the body");
		return false;
	}
	if (header->scheme == CREDENTIALS_NONE && !fields->client_id.len) {
		set_oauth_error(
		    x, "invalid_client", "the request names no client");
		return false;
	}
	if (header->scheme == CREDENTIALS_BASIC)
		x->admitted = credentials_match(header->user, header->secret,
		    true, ep->client_id, &ep->client_secrets, &used, &x->error);
	else if (header->scheme == CREDENTIALS_NONE)
		x->admitted = credentials_match(buf_span(&fields->client_id),
		    buf_span(&fields->client_secret), false, ep->client_id,
		    &ep->client_secrets, &used, &x->error);
	/* A local error says nothing of the secret. */
	if (!x->admitted && x->error.code == ERROR_NONE)
		refuse_client(x);
	return x->admitted;
}

static bool
check_request(struct exchange *x, const struct credentials *header,
    const struct fields *fields)
{
	struct span grant = buf_span(&fields->grant_type);

	if (!is_form(x->request, buf_span(&x->message.body)))
		set_oauth_error(x, "invalid_request", "the body is not a form");
	else if (fields->repeated)
		set_oauth_error(x, "invalid_request", "a field came twice");
	else if (!check_client(x, header, fields))
		return false;
	else if (grant.len == 0)
		set_oauth_error(x, "invalid_request", "grant_type is missing");
	else if (!span_is(grant, "client_credentials"))
		set_oauth_error(x, "unsupported_grant_type",
		    "only client_credentials is served here");
	else if (!is_scope(buf_span(&fields->scope)))
		set_oauth_error(x, "invalid_scope",
		    "the scope is no list of words with single spaces");
	else
		return true;
	return false;
}

/* RFC 6749 5.1. */
static int
grant(struct exchange *x, struct span scope)
{
	const struct endpoint *ep = &x->endpoint;
	struct token_rule rule = { ep->issuer, ep->audience, &ep->token_keys,
		NULL };
	struct buf token = BUF_INIT(TOKEN_MAX);
	json_t *answer;
	int rc =
	    token_issue(&rule, ep->client_id, scope, (double)clock_now().tv_sec,
		(unsigned)ep->token_ttl, &token, &x->error);

	if (rc == 0) {
		answer = json_pack("{s:s%, s:s, s:I}", "access_token", token.at,
		    token.len, "token_type", "Bearer", "expires_in",
		    (json_int_t)ep->token_ttl);
		if (answer && scope.len)
			(void)json_object_set_new(
			    answer, "scope", json_stringn(scope.at, scope.len));
		x->answer = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
		json_decref(answer);
		if (!x->answer)
			rc = error_set(
			    &x->error, ERROR_MEMORY, "no memory to answer");
	}
	secret_wipe(token.at, token.len);
	buf_free(&token);
	return rc;
}

static int
report(struct exchange *x)
{
	json_t *answer = json_pack("{s:s, s:s}", "error", x->oauth_error,
	    "error_description", x->oauth_description);

	x->answer = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	json_decref(answer);
	return x->answer
	    ? 0
	    : error_set(&x->error, ERROR_MEMORY, "no memory to answer");
}

int
issue(struct exchange *x)
{
	const struct request *rq = x->request;
	struct buf *body = &x->message.body;
	struct credentials header;
	struct fields fields;
	int rc;

	if (request_check_method(rq, "POST", &x->error) < 0)
		return -1;
	body->max = ISSUE_BODY_MAX;
	if (request_read_body(rq, body, &x->body_share, &x->error) < 0)
		return -1;
	read_fields(buf_span(body), &fields);
	rc = credentials_parse(
	    &header, request_param(rq, "HTTP_AUTHORIZATION"), &x->error);
	if (rc == 0)
		rc = check_fields(&fields, &x->error);
	if (rc == 0 && check_request(x, &header, &fields))
		rc = grant(x, buf_span(&fields.scope));
	else if (rc == 0)
		rc = x->error.code == ERROR_NONE ? report(x) : -1;
	credentials_free(&header);
	free_fields(&fields);
	secret_wipe(body->at, body->len);
	return rc;
}
