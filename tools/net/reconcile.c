/* SPDX-License-Identifier: MIT */
/*
 * reconcile - compare a spool with Shipmondo's own lists: the command line
 */
#include "net/reconcile.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "net/reconcile_job.h"
#include "net/reconcile_options.h"
#include "net/webhooks_list.h"
#include "hookdir/tool.h"

#define SECOND	INT64_C(1000000)
#define OVERLAP 3600 /* seconds before the last complete run */

/* Actions after which an order has another updated_at. */
static bool
tells_changes(const struct webhook *webhook)
{
	return webhook_is_of(
		   webhook, reconcile_kinds[RECONCILE_ORDERS].title) &&
	    strcmp(webhook->action.at, "create") != 0 &&
	    strcmp(webhook->action.at, "delete") != 0;
}

/*
 * What the webhooks that call this endpoint are about: resources are added to
 * the set, and *changes says whether one is about changes of orders.
 */
static int
look_at_webhooks(struct reconcile_job *job, unsigned *resources, bool *changes,
    struct error *err)
{
	struct webhooks list = WEBHOOKS_INIT;
	int rc = webhooks_read(&list, &job->api, err);
	size_t i, k;

	for (i = 0; rc == 0 && i < list.count; i++) {
		if (!webhook_calls(&list.at[i], job->source))
			continue;
		*changes |= tells_changes(&list.at[i]);
		for (k = 0; k < RECONCILE_RESOURCES; k++)
			if (webhook_is_of(
				&list.at[i], reconcile_kinds[k].title))
				*resources |= 1u << k;
	}
	webhooks_free(&list);
	return rc;
}

/*
 * The resources to compare. Where none was asked for: those that this spool
 * has had messages of, and those that webhooks are about; else all. Asking
 * for webhooks also tells what time it is there.
 */
static int
choose_resources(struct reconcile_job *job, unsigned *resources, bool *changes,
    struct error *err)
{
	struct error failed = ERROR_INIT;
	unsigned found = 0;
	size_t i;

	for (i = 0; i < RECONCILE_RESOURCES; i++)
		if (job->past.had[i])
			found |= 1u << i;
	/* Without --changed the lists matter alone: they may do without it. */
	if (look_at_webhooks(job, &found, changes, &failed) < 0 &&
	    (job->options->changed || failed.code != ERROR_CONFIGURATION)) {
		*err = failed;
		return -1;
	}
	if (job->options->resources)
		found = job->options->resources;
	*resources = found ? found : (1u << RECONCILE_RESOURCES) - 1;
	return 0;
}

/* Nothing before is looked at by itself. In seconds; -1: it is not known. */
static int64_t
floor_of(const struct reconcile_job *job)
{
	int64_t floor = INT64_MAX;

	if (job->past.oldest != INT64_MAX)
		floor = job->past.oldest / SECOND + job->api.skew;
	if (job->state.from != INT64_MIN && job->state.from / SECOND < floor)
		floor = job->state.from / SECOND;
	return floor == INT64_MAX ? -1 : floor;
}

/* In seconds; -1: there is nothing to begin with. */
static int64_t
since_of(const struct reconcile_job *job, int64_t complete)
{
	int64_t floor = floor_of(job), since;

	if (job->options->since >= 0)
		return job->options->since;
	if (floor < 0)
		return -1;
	since = complete == INT64_MIN ? floor : complete / SECOND - OVERLAP;
	return since > floor ? since : floor;
}

/*
 * All is known up to this run, but for what is too young; unless it began
 * later than the one before it had ended, or than the history begins.
 */
static void
advance(const struct reconcile_job *job, int64_t since, int64_t *complete)
{
	int64_t until = (job->now - job->options->grace) * SECOND;
	int64_t start = floor_of(job);

	if (*complete != INT64_MIN)
		start = *complete / SECOND;
	if ((start < 0 || since <= start) && until > *complete)
		*complete = until;
}

static int
compare_one(struct reconcile_job *job, enum reconcile_resource resource,
    struct error *err)
{
	struct reconcile_counts *counts = &job->counts[resource];

	counts->since = since_of(job, job->state.complete[resource]);
	if (counts->since < 0)
		return 0;
	counts->compared = true;
	if (reconcile_compare(job, resource, err) < 0)
		return -1;
	advance(job, counts->since, &job->state.complete[resource]);
	if (job->state.from == INT64_MIN ||
	    job->state.from > counts->since * SECOND)
		job->state.from = counts->since * SECOND;
	return 0;
}

static int
compare_changed(struct reconcile_job *job, struct error *err)
{
	int64_t since = since_of(job, job->state.changed);

	if (since < 0)
		return 0;
	if (reconcile_compare_changed(job, since, err) < 0)
		return -1;
	advance(job, since, &job->state.changed);
	return 0;
}

static int
compare_all(struct reconcile_job *job, struct error *err)
{
	unsigned resources = 0;
	bool changes = false;
	int r;

	if (choose_resources(job, &resources, &changes, err) < 0)
		return -1;
	job->now = reconcile_api_now(&job->api);
	for (r = 0; r < RECONCILE_RESOURCES; r++)
		if ((resources & 1u << r) &&
		    compare_one(job, (enum reconcile_resource)r, err) < 0)
			return -1;
	if (job->options->changed && !changes)
		tool_note("no active webhook tells %s of changes of orders: "
			  "they are not compared",
		    job->source);
	else if (job->options->changed && (resources & 1u << RECONCILE_ORDERS))
		return compare_changed(job, err);
	return 0;
}

static bool
has_compared(const struct reconcile_job *job)
{
	size_t i;

	for (i = 0; i < RECONCILE_RESOURCES; i++)
		if (job->counts[i].compared)
			return true;
	return false;
}

/* The operator's word, else what messages have, else what was known before. */
static int
choose_source(struct reconcile_job *job, struct error *err)
{
	struct buf *learned = &job->past.source;

	buf_append_byte(learned, '\0');
	if (buf_check(learned, err) < 0)
		return -1;
	if (learned->len > 1 && learned->len <= sizeof(job->state.source))
		memcpy(job->state.source, learned->at, learned->len);
	job->source = job->config.endpoint;
	if (job->source[0] == '\0')
		job->source = job->state.source;
	if (job->source[0] == '\0' && job->options->changed)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: add a line \"endpoint = https://...\", the address "
		    "that the webhooks call, for --changed",
		    job->options->config);
	if (job->source[0] == '\0')
		job->source = job->config.base;
	return 0;
}

static int
finish(struct reconcile_job *job, struct error *err)
{
	if (job->options->dry_run || !has_compared(job))
		return 0;
	if (reconcile_state_write(job->journal.dir, &job->state, err) < 0)
		return -1;
	return reconcile_journal_trim(&job->journal, err);
}

static int
work(struct reconcile_job *job, struct error *err)
{
	const struct reconcile_options *options = job->options;
	int rc;

	if (!options->dry_run) {
		if (spool_find(&job->spool, job->queue.path, err) < 0)
			return -1;
		spool_sweep(&job->spool);
	}
	if (reconcile_past_open(
		&job->past, &job->queue, options->changed, err) < 0)
		return -1;
	rc = reconcile_journal_open(&job->journal, job->queue.root,
	    !options->dry_run, &job->past.known, err);
	if (rc == 0)
		return error_set(err, ERROR_INCOMPLETE,
		    "another run is at work on %s", job->queue.path);
	if (rc < 0)
		return -1;
	reconcile_state_read(job->journal.dir, &job->state);
	job->api.dir = options->dry_run ? -1 : job->journal.dir;
	if (choose_source(job, err) < 0 || compare_all(job, err) < 0)
		return -1;
	return finish(job, err);
}

static void
close_all(struct reconcile_job *job)
{
	reconcile_past_close(&job->past);
	reconcile_journal_close(&job->journal);
	spool_close(&job->spool);
	buf_free(&job->body);
	fetch_config_wipe(&job->config);
}

static int
code_of(const struct reconcile_job *job, int rc, const struct error *err)
{
	if (rc < 0)
		return reconcile_fail(err);
	if (!has_compared(job)) {
		tool_note("the history has no message of Shipmondo yet, so "
			  "nothing was compared; --since TIME says where to "
			  "begin");
		return EX_OK;
	}
	return reconcile_found(job) ? 1 : EX_OK;
}

/*
 * What root would write, the runs of the spool's owner could not read: root
 * becomes that user, once the configuration is read.
 */
static int
become_owner(int root, struct error *err)
{
	struct passwd *user;
	struct stat st;

	if (fstat(root, &st) < 0)
		return error_system(err, "cannot look at the spool");
	if (geteuid() != 0 || st.st_uid == 0)
		return 0;
	user = getpwuid(st.st_uid);
	if ((user ? initgroups(user->pw_name, st.st_gid)
		  : setgroups(1, &st.st_gid)) < 0 ||
	    setgid(st.st_gid) < 0 || setuid(st.st_uid) < 0)
		return error_system(
		    err, "cannot become user %u, whose spool it is", st.st_uid);
	return 0;
}

static int
run(const struct reconcile_options *options, const char *called)
{
	struct reconcile_job job = { .options = options,
		.spool = SPOOL_INIT,
		.journal = RECONCILE_JOURNAL_INIT,
		.body = BUF_INIT((size_t)64 << 20),
		.reported = clock_monotonic() };
	struct error err = ERROR_INIT;
	int code = tool_open_queue(&job.queue, called), rc;

	if (code != EX_OK)
		return code;
	job.past.readers[0].fd = job.past.readers[1].fd = -1;
	reconcile_api_init(&job.api, &job.config, options);
	rc = fetch_config_read(
	    &job.config, options->config, FETCH_CONFIG_SHIPMONDO, &err);
	if (rc == 0 && !options->dry_run)
		rc = become_owner(job.queue.root, &err);
	if (rc == 0)
		rc = fetch_http_start(&err);
	if (rc == 0) {
		rc = work(&job, &err);
		fetch_http_stop();
		reconcile_report(&job, rc == 0);
	}
	code = code_of(&job, rc, &err);
	close_all(&job);
	queue_close(&job.queue);
	return code;
}

int
net_reconcile(int argc, char **argv)
{
	struct reconcile_options options;
	const char *words[2] = { NULL, NULL };
	int code = reconcile_take_options(&options, argc, argv, words);

	if (code != EX_OK)
		return code;
	code = run(&options, words[1]);
	reconcile_end_by_signal();
	return code == EX_OK || code == 1 ? tool_finish(code) : code;
}
