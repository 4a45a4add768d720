/* SPDX-License-Identifier: MIT */
/*
 * reconcile_job - one run: what all its steps share
 */
#ifndef HOOKDIR_RECONCILE_JOB_H
#define HOOKDIR_RECONCILE_JOB_H

#include "net/reconcile_api.h"
#include "net/reconcile_journal.h"
#include "net/reconcile_past.h"
#include "net/reconcile_state.h"

struct reconcile_options {
	const char *config;
	int64_t since;	    /* seconds; -1: auto */
	unsigned resources; /* 1u << RECONCILE_ORDERS ...; 0: not given */
	int64_t grace;	    /* seconds */
	bool changed, dry_run, json;
	long timeout;
	unsigned rate, retries;
};

struct reconcile_counts {
	bool compared; /* all of the resource */
	int64_t since; /* seconds */
	uint64_t listed, present, missing, changed, young, gone;
};

struct reconcile_job {
	const struct reconcile_options *options;
	struct fetch_config config;
	struct reconcile_api api;
	struct queue queue;
	struct spool spool;
	struct reconcile_past past;
	struct reconcile_journal journal;
	struct reconcile_state state;
	struct reconcile_counts counts[RECONCILE_RESOURCES];
	const char *source; /* of the events */
	struct buf body;    /* the object that is being delivered */
	int64_t now;	    /* seconds, by the API's clock, at the start */
	int64_t reported;   /* when progress was last shown */
};

/* reconcile_event.c: deliver an object durably, once. 0 or -1. */
int reconcile_deliver(struct reconcile_job *job,
    const struct reconcile_object *object,
    const struct reconcile_begun *delivery, struct error *err);

/* The id of the event of a version of an object. */
int reconcile_event_id(const struct reconcile_object *object, int64_t version,
    char id[SHA256_HEX_SIZE], struct error *err);

/* reconcile_compare.c: compare one resource, and deliver what is missing. */
int reconcile_compare(struct reconcile_job *job,
    enum reconcile_resource resource, struct error *err);

/* The same for orders that were changed since then, in seconds. */
int reconcile_compare_changed(
    struct reconcile_job *job, int64_t since, struct error *err);

/* reconcile_report.c */
void reconcile_report_object(const struct reconcile_job *job,
    const struct reconcile_object *object, bool changed);
void reconcile_report_progress(
    void *context, uint64_t seen, uint64_t total, unsigned pass);
void reconcile_report(const struct reconcile_job *job, bool complete);

/* Was anything missing or changed? */
bool reconcile_found(const struct reconcile_job *job);

#endif
