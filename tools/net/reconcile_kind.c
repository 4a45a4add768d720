/* SPDX-License-Identifier: MIT */
/*
 * reconcile_kind - the resources of Shipmondo that its API lists
 */
#include "net/reconcile_kind.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/number.h"
#include "message/reference.h"
#include "message/sender.h"

#define PREFIX "com.shipmondo."

const struct reconcile_kind reconcile_kinds[RECONCILE_RESOURCES] = {
	[RECONCILE_ORDERS] = { "orders", "Orders", "/sales_orders", 25 },
	[RECONCILE_SHIPMENTS] = { "shipments", "Shipments", "/shipments", 50 },
	[RECONCILE_DRAFTS] = { "drafts", "Drafts", "/shipment_drafts", 20 },
};

int64_t
reconcile_time(struct span text)
{
	struct timespec when;

	if (!clock_read_rfc3339(text.at, text.len, &when))
		return INT64_MIN;
	return (int64_t)when.tv_sec * 1000000 + when.tv_nsec / 1000;
}

static int64_t
time_of(struct json_value object, const char *name)
{
	struct json_value value;

	if (!json_member(object, name, &value) ||
	    value.type != JSON_TYPE_STRING)
		return INT64_MIN;
	return reconcile_time(
	    (struct span){ value.raw.at + 1, value.raw.len - 2 });
}

bool
reconcile_object_read(struct reconcile_object *object,
    enum reconcile_resource resource, struct json_value value)
{
	struct json_value id;

	object->resource = resource;
	object->value = value;
	object->created = time_of(value, "created_at");
	object->updated = time_of(value, "updated_at");
	return json_member(value, "id", &id) &&
	    number_read(id.raw, RECONCILE_ID_MAX, &object->id);
}

bool
reconcile_kind_of_type(struct span type, enum reconcile_resource *which)
{
	struct span kind;
	size_t i;

	if (!span_begins(type, PREFIX))
		return false;
	type = span_skip(type, strlen(PREFIX));
	kind = type;
	(void)span_cut(&type, '.', &kind);
	for (i = 0; i < RECONCILE_RESOURCES; i++)
		if (span_is(kind, reconcile_kinds[i].name)) {
			*which = (enum reconcile_resource)i;
			return true;
		}
	/* Without SMD-Resource-Type it is what the operator calls it. */
	*which = RECONCILE_UNKNOWN;
	return !span_is(kind, "shipment_monitor");
}

uint64_t
reconcile_unknown_id(uint64_t id, struct span reference)
{
	char number[32];
	int len =
	    snprintf(number, sizeof(number), "%llu/", (unsigned long long)id);

	return hash_span(hash_span(0, (struct span){ number, (size_t)len }),
		   reference) &
	    RECONCILE_ID_MAX;
}

/* The sender's row names the members of a message, "data.order_id". */
void
reconcile_append_reference(
    const struct reconcile_object *object, struct buf *out)
{
	struct buf text = BUF_INIT(object->value.raw.len + 16);
	struct json_members members;
	struct json_value value;

	buf_append_text(&text, "{\"data\":");
	buf_append_span(&text, object->value.raw);
	buf_append_byte(&text, '}');
	if (!text.failed &&
	    json_scan_members(buf_span(&text), &value, &members))
		reference_append(sender_find("shipmondo"), &members, out);
	out->failed |= text.failed;
	buf_free(&text);
}
