/* SPDX-License-Identifier: MIT */
/*
 * common - what add, remove and rotate have in common
 */
#ifndef ENDPOINT_COMMON_H
#define ENDPOINT_COMMON_H

#include "endpoint/endpoint.h"
#include "endpoint/webserver.h"

/* The value of --root; ends the program with EX_USAGE if it is not good. */
const char *common_root(const char *text);

/* EX_OK; else a line on standard error, and the code to exit with. */
int common_need_root(const struct endpoint *e);
int common_name(struct endpoint *e, const char *name);
int common_load(struct endpoint *e, const char *name);

/* Set e->key to the content of a file, "-" being standard input. */
int common_read_key(struct endpoint *e, const char *path);

/*
 * Until the program ends no other one changes endpoints below this root. 0 or
 * -1.
 */
int common_lock(const struct endpoint *e, struct error *err);

/*
 * What to type into the sender's form. port: ":8443", or "". The key is
 * printed, for the operator to see it once, unless there is a text instead.
 */
void common_print_form(
    const struct endpoint *e, const char *port, const char *instead);

/* systemd reads changed units, unless root is set or it does not run. */
void common_reload_units(const struct endpoint *e);

#endif
