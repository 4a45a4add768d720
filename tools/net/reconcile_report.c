/* SPDX-License-Identifier: MIT */
/*
 * reconcile_report - what a run says: progress, each object, a summary
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <jansson.h>

#include "base/clock.h"
#include "net/reconcile_job.h"
#include "hookdir/tool.h"

#define EVERY_TERMINAL 1000000	/* microseconds */
#define EVERY_LOG      60000000 /* the same where no terminal reads it */
#define REFERENCE_MAX_ 80

void
reconcile_report_object(const struct reconcile_job *job,
    const struct reconcile_object *object, bool changed)
{
	struct buf reference = BUF_INIT(1 << 16);

	if (job->options->json)
		return;
	reconcile_append_reference(object, &reference);
	(void)printf(
	    "%s %" PRIu64, reconcile_kinds[object->resource].name, object->id);
	if (reference.len) {
		(void)printf(" (");
		tool_print(stdout, buf_span(&reference), REFERENCE_MAX_);
		(void)printf(")");
	}
	(void)printf(": %s%s\n", changed ? "changed" : "missing",
	    job->options->dry_run ? "" : ", delivered");
	buf_free(&reference);
}

void
reconcile_report_progress(
    void *context, uint64_t seen, uint64_t total, unsigned pass)
{
	struct reconcile_job *job = context;
	bool terminal = isatty(STDERR_FILENO);
	int64_t now = clock_monotonic();
	char of[32] = "";

	if (now - job->reported < (terminal ? EVERY_TERMINAL : EVERY_LOG))
		return;
	job->reported = now;
	if (total != UINT64_MAX)
		(void)snprintf(of, sizeof(of), " of %" PRIu64, total);
	if (terminal)
		(void)fprintf(stderr, "\r%" PRIu64 "%s compared, pass %u \r",
		    seen, of, pass);
	else
		tool_note("%" PRIu64 "%s compared, pass %u", seen, of, pass);
}

bool
reconcile_found(const struct reconcile_job *job)
{
	size_t i;

	for (i = 0; i < RECONCILE_RESOURCES; i++)
		if (job->counts[i].missing || job->counts[i].changed)
			return true;
	return false;
}

static json_t *
counts_json(const struct reconcile_counts *counts, bool dry_run)
{
	char since[CLOCK_RFC3339_SIZE];
	json_int_t found = (json_int_t)(counts->missing + counts->changed);

	clock_rfc3339((struct timespec){ counts->since, 0 }, since);
	return json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "since", since,
	    "compared", (json_int_t)counts->listed, "present",
	    (json_int_t)counts->present, "missing", (json_int_t)counts->missing,
	    "changed", (json_int_t)counts->changed, "fetched",
	    dry_run ? (json_int_t)0 : found, "too_young",
	    (json_int_t)counts->young, "gone", (json_int_t)counts->gone);
}

static void
report_json(const struct reconcile_job *job, bool complete)
{
	json_t *all = json_object();
	json_t *root = json_pack("{s:s,s:s,s:b,s:b,s:o}", "sender", "shipmondo",
	    "spool", job->queue.path, "complete", complete, "dry_run",
	    job->options->dry_run, "resources", all);
	size_t i;

	for (i = 0; i < RECONCILE_RESOURCES; i++)
		if (job->counts[i].compared)
			(void)json_object_set_new(all, reconcile_kinds[i].name,
			    counts_json(
				&job->counts[i], job->options->dry_run));
	if (root)
		(void)json_dumpf(root, stdout, JSON_COMPACT);
	(void)printf("\n");
	json_decref(root);
}

static void
report_text(const struct reconcile_job *job, enum reconcile_resource resource)
{
	const struct reconcile_counts *counts = &job->counts[resource];
	const char *verb = job->options->dry_run ? "missing" : "fetched";

	(void)printf("%s since ", reconcile_kinds[resource].name);
	tool_print_time(stdout, (time_t)counts->since);
	(void)printf(": %" PRIu64 " compared, %" PRIu64 " present, %" PRIu64
		     " %s, %" PRIu64 " too young",
	    counts->listed, counts->present, counts->missing, verb,
	    counts->young);
	if (job->options->changed && resource == RECONCILE_ORDERS)
		(void)printf(", %" PRIu64 " changed", counts->changed);
	if (counts->gone)
		(void)printf(", %" PRIu64 " gone", counts->gone);
	(void)printf("\n");
}

void
reconcile_report(const struct reconcile_job *job, bool complete)
{
	size_t i;

	if (job->options->json) {
		report_json(job, complete);
		return;
	}
	for (i = 0; i < RECONCILE_RESOURCES; i++)
		if (job->counts[i].compared)
			report_text(job, (enum reconcile_resource)i);
	if (!complete)
		(void)printf("not complete\n");
}
