/* SPDX-License-Identifier: MIT */
/*
 * reconcile_list - all objects of a list of the API, each once
 *
 * Objects can move from page to page while the list is read. A pass over it
 * counts if no object came twice and as many came as the list says it has;
 * else there is another pass.
 */
#ifndef HOOKDIR_RECONCILE_LIST_H
#define HOOKDIR_RECONCILE_LIST_H

#include "net/reconcile_api.h"
#include "net/reconcile_kind.h"

typedef int reconcile_visit(
    void *context, const struct reconcile_object *object, struct error *err);

struct reconcile_query {
	enum reconcile_resource resource;
	bool by_update;	  /* updated_at is meant, not created_at */
	int64_t min, max; /* seconds; the list has what is between them */
	reconcile_visit *visit;
	/* After each page; total may be UINT64_MAX. */
	void (*progress)(
	    void *context, uint64_t seen, uint64_t total, unsigned pass);
	void *context;
};

/* 0, or -1: what visit() returned, or not all of it was seen. */
int reconcile_list(struct reconcile_api *api,
    const struct reconcile_query *query, struct error *err);

/* Get one object. 1; 0: the API no longer has it; -1. body has the object. */
int reconcile_get(struct reconcile_api *api, enum reconcile_resource resource,
    uint64_t id, struct buf *body, struct reconcile_object *object,
    struct error *err);

#endif
