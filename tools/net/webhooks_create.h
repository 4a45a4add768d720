/* SPDX-License-Identifier: MIT */
/*
 * webhooks_create - create the webhooks of an endpoint
 */
#ifndef HOOKDIR_WEBHOOKS_CREATE_H
#define HOOKDIR_WEBHOOKS_CREATE_H

#include "net/webhooks_list.h"

#define WEBHOOKS_ALL 15u /* the set of all resources */

struct webhooks_plan {
	const char *endpoint, *name;
	struct span key;
	unsigned resources; /* bits, as webhooks_find_resource() sets them */
	bool rotate;	    /* create even what is there */
	bool dry_run;
};

/* Add the resource of that name to a set. False: there is none. */
bool webhooks_find_resource(struct span name, unsigned *set);

/*
 * Call the endpoint as Shipmondo does when a webhook is created, which wants
 * a 200. 0, or -1 and why it would not be created.
 */
int webhooks_check(const struct reconcile_api *api,
    const struct webhooks_plan *plan, struct error *err);

/*
 * Create what is missing of the set, each with a line on standard output, and
 * then list what is to be deleted by hand. 0, or -1: what was created until
 * then stays, and another call goes on.
 */
int webhooks_create(struct reconcile_api *api, const struct webhooks_plan *plan,
    const struct webhooks *there, struct error *err);

/* Print one: "17  Orders create  name  https://...". */
void webhooks_print(const struct webhook *webhook);

#endif
