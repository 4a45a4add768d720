/* SPDX-License-Identifier: MIT */
/*
 * authenticate - who may pass
 */
#ifndef HOOKDIR_AUTHENTICATE_H
#define HOOKDIR_AUTHENTICATE_H

#include "endpoint.h"

/*
 * 0: the call may go on; *passed_by is a constant that says by what, ""
 * where the signature has still to show. -1: ERROR_CREDENTIALS.
 */
int authenticate(const struct request *rq, const struct endpoint *ep,
    const char **passed_by, struct error *err);

#endif
