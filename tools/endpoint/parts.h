/* SPDX-License-Identifier: MIT */
/*
 * parts - what an endpoint has beside its file: the spool, what all endpoints
 * share, and the drop-in of its command's unit
 */
#ifndef ENDPOINT_PARTS_H
#define ENDPOINT_PARTS_H

#include "endpoint/endpoint.h"

/*
 * Make what is missing; what is there stays as it is. network: the command
 * may use it; only with a user.
 */
int parts_make(const struct endpoint *e, bool network, struct error *err);

/* Remove all of that but the spool and what endpoints share. */
int parts_remove(const struct endpoint *e, struct error *err);

#endif
