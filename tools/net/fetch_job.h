/* SPDX-License-Identifier: MIT */
/*
 * fetch_job - one event, all that it refers to, and where it goes
 */
#ifndef HOOKDIR_FETCH_JOB_H
#define HOOKDIR_FETCH_JOB_H

#include "message/event.h"
#include "net/fetch_api.h"
#include "net/fetch_find.h"
#include "net/fetch_outbox.h"

/* What the command line says. */
struct fetch_options {
	const char *config;
	const char **hosts; /* patterns of fetch_url_matches() */
	size_t host_count;
	uint64_t max_size;  /* of a document, or an answer */
	uint64_t max_event; /* of all documents of an event */
	long timeout;	    /* seconds a request */
	unsigned rate;	    /* requests a second */
	unsigned tries;	    /* of a document, at most */
};

struct fetch_job {
	const struct fetch_options *options;
	const struct fetch_config *config;
	struct event event;
	struct fetch_api api;
	struct fetch_outbox outbox;
	uint64_t sum; /* bytes of its documents so far */
};

/*
 * Fetch one document into the outbox, with its event; or take it over from
 * an earlier try; or pass over one that was delivered before. A document
 * that cannot be had, or that failed as often as the options allow, gets an
 * event with the reason, and 0. -1: ERROR_INCOMPLETE when trying again may
 * help, or a local error.
 */
int fetch_document(struct fetch_job *job,
    const struct fetch_reference *reference, struct error *err);

/*
 * Fetch all that the event of a job refers to into its outbox, and deliver
 * it. On failure nothing is delivered; tmp/ keeps the documents that are
 * whole, for the next try. Errors as of fetch_document().
 */
int fetch_all(
    struct fetch_job *job, const struct spool *spool, struct error *err);

#endif
