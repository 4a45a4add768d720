/* SPDX-License-Identifier: MIT */
/*
 * reconcile_compare - what the API lists and the spool has had no message of
 *
 * Between the list and a delivery the message may still have come, so the
 * history and new/ are read again just before each delivery.
 */
#include <inttypes.h>

#include "net/reconcile_job.h"
#include "net/reconcile_list.h"

#define SECOND INT64_C(1000000)

/* The time of its last change, as far as the API tells it. */
static int64_t
version_of(const struct reconcile_object *object)
{
	return object->updated != INT64_MIN ? object->updated : object->created;
}

static bool
is_young(const struct reconcile_job *job, int64_t when)
{
	return when > (job->now - job->options->grace) * SECOND;
}

/* Has there been no message that is as new as the object? */
static bool
is_wanted(const struct reconcile_job *job,
    const struct reconcile_object *object, bool by_update, bool *changed)
{
	int64_t version;

	*changed = false;
	if (!reconcile_past_has(&job->past, object, &version))
		return true;
	*changed = by_update && object->updated > version;
	return *changed;
}

/* The event that was begun for it, or a new one. */
static int
choose(const struct reconcile_job *job, const struct reconcile_object *object,
    bool changed, struct reconcile_begun *delivery, struct error *err)
{
	const struct reconcile_begun *begun =
	    reconcile_journal_find(&job->journal, object->resource, object->id);

	if (begun && !changed) {
		*delivery = *begun;
		return 0;
	}
	delivery->resource = object->resource;
	delivery->id = object->id;
	delivery->version = version_of(object);
	return reconcile_event_id(
	    object, delivery->version, delivery->event, err);
}

/* The object is in job->body. */
static int
deliver(struct reconcile_job *job, const struct reconcile_object *object,
    bool changed, struct error *err)
{
	struct reconcile_begun delivery;

	if (choose(job, object, changed, &delivery, err) < 0 ||
	    reconcile_journal_begin(&job->journal, &delivery, err) < 0 ||
	    reconcile_deliver(job, object, &delivery, err) < 0 ||
	    reconcile_journal_end(&job->journal, &delivery, err) < 0)
		return -1;
	return reconcile_known_add(&job->past.known, object->resource,
	    object->id, delivery.version, err);
}

static int
fetch(struct reconcile_job *job, const struct reconcile_object *listed,
    bool by_update, bool changed, struct error *err)
{
	struct reconcile_counts *counts = &job->counts[listed->resource];
	struct reconcile_object object = *listed;
	int rc = 1;

	if (!job->options->dry_run) {
		rc = reconcile_get(&job->api, listed->resource, listed->id,
		    &job->body, &object, err);
		if (rc == 1 && reconcile_past_refresh(&job->past, err) < 0)
			rc = -1;
		if (rc == 1 && !is_wanted(job, &object, by_update, &changed)) {
			counts->present++;
			return 0;
		}
		if (rc == 1 && deliver(job, &object, changed, err) < 0)
			rc = -1;
	}
	if (rc < 0)
		return -1;
	if (rc == 0)
		counts->gone++;
	else if (changed)
		counts->changed++;
	else
		counts->missing++;
	if (rc == 1)
		reconcile_report_object(job, &object, changed);
	return 0;
}

static int
stopped(struct error *err)
{
	return fetch_http_signal()
	    ? error_set(err, ERROR_INCOMPLETE, "stopped by a signal")
	    : 0;
}

static int
visit(void *context, const struct reconcile_object *object, struct error *err)
{
	struct reconcile_job *job = context;
	struct reconcile_counts *counts = &job->counts[object->resource];
	bool changed;

	/* The API may ignore the limits of the query. */
	if (object->created != INT64_MIN &&
	    object->created < counts->since * SECOND)
		return stopped(err);
	counts->listed++;
	if (!is_wanted(job, object, false, &changed))
		counts->present++;
	else if (is_young(job, object->created))
		counts->young++;
	else if (fetch(job, object, false, false, err) < 0)
		return -1;
	return stopped(err);
}

static int
visit_changed(
    void *context, const struct reconcile_object *object, struct error *err)
{
	struct reconcile_job *job = context;
	bool changed;

	if (!is_wanted(job, object, true, &changed) ||
	    is_young(job, object->created))
		return stopped(err);
	if (is_young(job, object->updated))
		job->counts[object->resource].young++;
	else if (fetch(job, object, true, changed, err) < 0)
		return -1;
	return stopped(err);
}

int
reconcile_compare(struct reconcile_job *job, enum reconcile_resource resource,
    struct error *err)
{
	const struct reconcile_query query = { .resource = resource,
		.min = job->counts[resource].since,
		.max = job->now,
		.visit = visit,
		.progress = reconcile_report_progress,
		.context = job };

	return reconcile_list(&job->api, &query, err);
}

int
reconcile_compare_changed(
    struct reconcile_job *job, int64_t since, struct error *err)
{
	const struct reconcile_query query = { .resource = RECONCILE_ORDERS,
		.by_update = true,
		.min = since,
		.max = job->now,
		.visit = visit_changed,
		.progress = reconcile_report_progress,
		.context = job };

	return reconcile_list(&job->api, &query, err);
}
