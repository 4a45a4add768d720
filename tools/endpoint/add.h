/* SPDX-License-Identifier: MIT */
/*
 * add - hookdir add: what its two files share
 */
#ifndef ENDPOINT_ADD_H
#define ENDPOINT_ADD_H

#include "endpoint/common.h"

struct adding {
	struct endpoint e;
	const char *sender, *server, *host, *path, *user, *key_file;
	bool install, dry_run, no_reload, network;
	bool existed; /* the endpoint was there before */
	struct site site;
	const struct site_server *chosen; /* or NULL */
	char address[SITE_ADDRESS_SIZE];  /* of the chosen one */
	struct change change;
	struct buf modules; /* that were enabled */
};

/* What would be done. */
void add_print_plan(const struct adding *a);

/* The line, without a newline in front, and one behind. */
void add_print_line(const struct adding *a);

/* What is left to do, and what to type into the sender's form. */
void add_print_after(const struct adding *a);

#endif
