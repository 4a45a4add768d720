/* SPDX-License-Identifier: MIT */
/*
 * reconcile_kind - the resources of Shipmondo that its API lists
 */
#ifndef HOOKDIR_RECONCILE_KIND_H
#define HOOKDIR_RECONCILE_KIND_H

#include "base/buf.h"
#include "json/json.h"
#include "net/reconcile_known.h"

struct reconcile_kind {
	const char *name;  /* in types and options: "orders" */
	const char *title; /* in SMD-Resource-Type and webhooks: "Orders" */
	const char *path;  /* of the list; an object is below it */
	unsigned per_page; /* the most that the API takes */
};

extern const struct reconcile_kind reconcile_kinds[RECONCILE_RESOURCES];

/* One object of a list, or of an answer of its own. */
struct reconcile_object {
	enum reconcile_resource resource;
	uint64_t id;
	int64_t created, updated; /* microseconds; INT64_MIN: not known */
	struct json_value value;  /* a view of the answer */
};

/* False: it is no object with an id. */
bool reconcile_object_read(struct reconcile_object *object,
    enum reconcile_resource resource, struct json_value value);

/* The resource that an event's type is about. False: of none of these. */
bool reconcile_kind_of_type(struct span type, enum reconcile_resource *which);

/* Microseconds since 1970 of an RFC 3339 time; INT64_MIN: it is none. */
int64_t reconcile_time(struct span text);

/* What tells messages of unknown resource apart: id and reference. */
uint64_t reconcile_unknown_id(uint64_t id, struct span reference);

/* Append the number by which people know the object. */
void reconcile_append_reference(
    const struct reconcile_object *object, struct buf *out);

#endif
