/* SPDX-License-Identifier: MIT */
/*
 * authenticate - who may pass
 *
 * The web server checks passwords and tokens. What is looked at here is
 * whether it did: an endpoint whose configuration forgot to is closed.
 */
#include "authenticate.h"

int
authenticate(const struct request *rq, const struct endpoint *ep,
    const char **passed_by, struct error *err)
{
	const char *user;

	switch (ep->auth) {
	case AUTH_SIGNATURE:
		*passed_by = "";
		return 0;
	case AUTH_SERVER:
		*passed_by = "server";
		return 0;
	case AUTH_NONE:
		*passed_by = "none";
		return 0;
	case AUTH_BASIC:
	case AUTH_DEFAULT:
		break;
	}
	/* RFC 3875 4.1.11: set when, and only when, somebody was checked. */
	user = request_param(rq, "REMOTE_USER");
	if (!user || !*user)
		return error_set(err, ERROR_CREDENTIALS,
		    "the web server has let nobody in by name");
	*passed_by = "basic";
	return 0;
}
