/* SPDX-License-Identifier: MIT */
/*
 * webhooks_list - the webhooks that Shipmondo has, by its API
 */
#ifndef HOOKDIR_WEBHOOKS_LIST_H
#define HOOKDIR_WEBHOOKS_LIST_H

#include "net/reconcile_api.h"

/* Texts end with NUL, which is not counted. */
struct webhook {
	uint64_t id;
	bool active;
	struct buf name, endpoint, resource, action;
};

struct webhooks {
	struct webhook *at; /* owned */
	size_t count;
};

#define WEBHOOKS_INIT                                                          \
	{                                                                      \
		NULL, 0                                                        \
	}

/* 0, or -1 as reconcile_api_get(). webhooks_free() is due in both cases. */
int webhooks_read(
    struct webhooks *list, struct reconcile_api *api, struct error *err);
void webhooks_free(struct webhooks *list);

/* Does it have that address? */
bool webhook_points_to(const struct webhook *webhook, const char *endpoint);

/* Is this webhook active, and does it call that address? */
bool webhook_calls(const struct webhook *webhook, const char *endpoint);

/* Is it about this resource ("Orders")? */
bool webhook_is_of(const struct webhook *webhook, const char *resource);

#endif
