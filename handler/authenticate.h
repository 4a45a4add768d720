/* SPDX-License-Identifier: MIT */
/*
 * authenticate - who may pass
 */
#ifndef HOOKDIR_AUTHENTICATE_H
#define HOOKDIR_AUTHENTICATE_H

#include "endpoint.h"

struct admission {
	/* By what, a constant; "" where the signature has still to show. */
	const char *passed_by;
	/* For WWW-Authenticate, where nobody may pass. */
	char challenge[256];
	/* What somebody should see to although the call may go on. */
	struct error warning;
};

/*
 * 0: the call may go on. -1: ERROR_CREDENTIALS, and a.challenge says what
 * is wanted; ERROR_KEY_UNKNOWN: the caller must have the file of keys
 * fetched; or a fault of ours.
 */
int authenticate(const struct request *rq, const struct endpoint *ep,
    struct admission *a, struct error *err);

#endif
