/* SPDX-License-Identifier: MIT */
/*
 * authenticate - who may pass
 *
 * The web server checks passwords and fixed tokens. What is looked at here
 * is whether it did: an endpoint whose configuration forgot to is closed.
 * Access tokens are checked here.
 */
#include "authenticate.h"

#include <stdio.h>

#include "base/clock.h"
#include "jose/credentials.h"
#include "jose/jwks.h"
#include "jose/token.h"

#define BASIC_CHALLENGE	 "Basic realm=\"hookdir\", charset=\"UTF-8\""
#define BEARER_CHALLENGE "Bearer realm=\"hookdir\""

static int
check_user(const struct request *rq, struct admission *a, struct error *err)
{
	const char *user = request_param(rq, "REMOTE_USER");

	/* RFC 3875 4.1.11: set when, and only when, somebody was checked. */
	if (!user || !*user) {
		(void)snprintf(
		    a->challenge, sizeof(a->challenge), "%s", BASIC_CHALLENGE);
		return error_set(err, ERROR_CREDENTIALS,
		    "the web server has let nobody in by name");
	}
	a->passed_by = "basic";
	return 0;
}

/*
 * The token names a key that the file lacks, and is good otherwise. 401 is
 * for ever: some senders never repeat a call after it. So it is only given
 * once the file has been fetched after that key was first named.
 */
static void
refuse_unknown_key(const struct jwks *jwks, struct span token,
    struct timespec now, struct error *err)
{
	struct error why = ERROR_INIT;
	struct jwt jwt;
	int rc = jwt_parse(token, &jwt, &why);

	if (rc == 0)
		rc = jwks_may_come(jwks, jwt.kid, now, &why);
	if (rc == 0)
		(void)error_set(&why, ERROR_CREDENTIALS, "%s", err->text);
	if (rc <= 0)
		*err = why;
}

static int
check_access_token(const struct endpoint *ep, struct span token,
    struct admission *a, struct error *err)
{
	struct token_rule rule = { ep->issuer, ep->audience, &ep->token_keys,
		NULL };
	struct timespec now = clock_now();
	struct jwks *jwks = NULL;
	int rc;

	if (ep->jwks) {
		rc = jwks_hold(ep->jwks, &jwks, &a->warning);
		error_about(&a->warning, "HOOKDIR_JWKS");
		if (rc < 0) {
			*err = a->warning;
			a->warning = (struct error)ERROR_INIT;
			return -1;
		}
		rule.others = jwks_keys(jwks);
	}
	rc = token_check(&rule, token, (double)now.tv_sec, err);
	if (rc < 0 && err->code == ERROR_KEY_UNKNOWN)
		refuse_unknown_key(jwks, token, now, err);
	jwks_release(jwks);
	return rc;
}

/* RFC 6750: the challenge says what was wrong only if there was a token. */
static int
check_bearer(const struct request *rq, const struct endpoint *ep,
    struct admission *a, struct error *err)
{
	struct credentials c;
	int rc =
	    credentials_parse(&c, request_param(rq, "HTTP_AUTHORIZATION"), err);

	(void)snprintf(
	    a->challenge, sizeof(a->challenge), "%s", BEARER_CHALLENGE);
	if (rc == 0 && c.scheme != CREDENTIALS_BEARER) {
		rc = error_set(
		    err, ERROR_CREDENTIALS, "there is no access token");
	} else if (rc == 0) {
		rc = check_access_token(ep, c.token, a, err);
		if (rc < 0 && err->code == ERROR_CREDENTIALS)
			(void)snprintf(a->challenge, sizeof(a->challenge),
			    BEARER_CHALLENGE ", error=\"invalid_token\", "
					     "error_description=\"%.120s\"",
			    err->text);
	}
	credentials_free(&c);
	a->passed_by = "token";
	return rc;
}

int
authenticate(const struct request *rq, const struct endpoint *ep,
    struct admission *a, struct error *err)
{
	switch (ep->auth) {
	case AUTH_SIGNATURE:
		a->passed_by = "";
		return 0;
	case AUTH_SERVER:
		a->passed_by = "server";
		return 0;
	case AUTH_NONE:
		a->passed_by = "none";
		return 0;
	case AUTH_TOKEN:
		return check_bearer(rq, ep, a, err);
	case AUTH_BASIC:
	case AUTH_DEFAULT:
		break;
	}
	return check_user(rq, a, err);
}
