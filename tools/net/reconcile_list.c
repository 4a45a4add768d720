/* SPDX-License-Identifier: MIT */
/*
 * reconcile_list - all objects of a list of the API, each once
 */
#include "net/reconcile_list.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

#define PASSES	   12
#define ANSWER_MAX ((size_t)64 << 20)
#define PATH_SIZE  256
#define PAGES_MAX  1000000u

struct listing {
	struct reconcile_api *api;
	const struct reconcile_query *query;
	struct reconcile_known seen; /* the number is that of the pass */
	struct buf body;
	uint64_t most; /* objects that the list has had; UINT64_MAX: unknown */
	/* Of this pass. */
	unsigned pass;
	uint64_t total, count, fresh;
	bool twice, moved;
};

static void
make_path(
    const struct reconcile_query *query, unsigned page, char path[PATH_SIZE])
{
	const struct reconcile_kind *kind = &reconcile_kinds[query->resource];
	const char *field = query->by_update ? "updated_at" : "created_at";
	char min[CLOCK_RFC3339_SIZE], max[CLOCK_RFC3339_SIZE];

	clock_rfc3339((struct timespec){ query->min, 0 }, min);
	clock_rfc3339((struct timespec){ query->max, 0 }, max);
	/* Whole seconds: "2026-11-21T17:05:33Z" */
	(void)snprintf(path, PATH_SIZE,
	    "%s?%s_min=%.19sZ&%s_max=%.19sZ&per_page=%u&page=%u", kind->path,
	    field, min, field, max, kind->per_page, page);
}

static int
take_object(struct listing *list, struct json_value value, struct error *err)
{
	struct reconcile_object object;
	struct reconcile_entry *entry;

	if (!reconcile_object_read(&object, list->query->resource, value))
		return error_set(err, ERROR_INCOMPLETE,
		    "%s: the API lists something without an id",
		    reconcile_kinds[list->query->resource].path);
	list->count++;
	entry = reconcile_known_find(&list->seen, object.resource, object.id);
	if (entry) {
		list->twice |= entry->number == (int64_t)list->pass;
		entry->number = list->pass;
		return 0;
	}
	list->fresh++;
	if (reconcile_known_add(
		&list->seen, object.resource, object.id, list->pass, err) < 0)
		return -1;
	return list->query->visit(list->query->context, &object, err);
}

/* How many objects the page has, or -1. */
static int
take_page(struct listing *list, const char *path, struct error *err)
{
	struct json_value root, value;
	struct json_walk walk;
	int count = 0;

	if (!json_scan(buf_span(&list->body), &root) ||
	    root.type != JSON_TYPE_ARRAY || !json_walk_start(root.raw, &walk))
		return error_set(err, ERROR_INCOMPLETE,
		    "%.150s: the answer is not a JSON array", path);
	for (; json_walk_value(&walk, &value); count++)
		if (take_object(list, value, err) < 0)
			return -1;
	return count;
}

static void
note_total(struct listing *list, uint64_t total, bool first)
{
	if (first)
		list->total = total;
	list->moved |= total != list->total;
	if (total == UINT64_MAX)
		return;
	if (list->most == UINT64_MAX || list->most < total)
		list->most = total;
}

/* Is there a page behind this one, which has so many objects? */
static bool
has_more(const struct listing *list, const struct reconcile_answer *answer,
    unsigned page, int count)
{
	if (count == 0)
		return false;
	if (answer->pages != UINT64_MAX)
		return page < answer->pages;
	return (unsigned)count >=
	    reconcile_kinds[list->query->resource].per_page;
}

static int
make_pass(struct listing *list, struct error *err)
{
	const struct reconcile_query *query = list->query;
	struct reconcile_answer answer;
	char path[PATH_SIZE];
	unsigned page = 1;
	int count;

	list->count = list->fresh = 0;
	list->twice = list->moved = false;
	for (;; page++) {
		make_path(query, page, path);
		if (reconcile_api_get(
			list->api, path, &list->body, &answer, err) < 0)
			return -1;
		if (answer.status != 200)
			return reconcile_api_refuse(
			    path, answer.status, &list->body, err);
		note_total(list, answer.total, page == 1);
		count = take_page(list, path, err);
		if (count < 0)
			return -1;
		query->progress(
		    query->context, list->count, list->total, list->pass);
		if (!has_more(list, &answer, page, count) || page == PAGES_MAX)
			return 0;
	}
}

/* Has everything been seen that was there all the time? */
static bool
is_complete(const struct listing *list)
{
	/* Without a count: a pass that finds nothing new. */
	if (list->most == UINT64_MAX)
		return list->fresh == 0;
	if (!list->twice && !list->moved && list->count == list->total)
		return true;
	return list->seen.count >= list->most;
}

int
reconcile_list(struct reconcile_api *api, const struct reconcile_query *query,
    struct error *err)
{
	struct listing list = { .api = api,
		.query = query,
		.body = BUF_INIT(ANSWER_MAX),
		.most = UINT64_MAX };
	bool complete = false;
	int rc = 0;

	while (rc == 0 && !complete && list.pass < PASSES) {
		list.pass++;
		rc = make_pass(&list, err);
		complete = rc == 0 && is_complete(&list);
	}
	if (rc == 0 && !complete)
		rc = error_set(err, ERROR_INCOMPLETE,
		    "%s: the list has %" PRIu64 " objects and shows %zu, after "
		    "%d passes",
		    reconcile_kinds[query->resource].path, list.most,
		    list.seen.count, PASSES);
	reconcile_known_free(&list.seen);
	buf_free(&list.body);
	return rc;
}

int
reconcile_get(struct reconcile_api *api, enum reconcile_resource resource,
    uint64_t id, struct buf *body, struct reconcile_object *object,
    struct error *err)
{
	struct reconcile_answer answer;
	struct json_value root;
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/%" PRIu64,
	    reconcile_kinds[resource].path, id);
	if (reconcile_api_get(api, path, body, &answer, err) < 0)
		return -1;
	if (answer.status == 404 || answer.status == 410)
		return 0;
	if (answer.status != 200)
		return reconcile_api_refuse(path, answer.status, body, err);
	if (!json_scan(buf_span(body), &root) ||
	    !reconcile_object_read(object, resource, root) || object->id != id)
		return error_set(err, ERROR_INCOMPLETE,
		    "%.100s: the answer is not the object asked for", path);
	return 1;
}
