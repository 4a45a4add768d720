/* SPDX-License-Identifier: MIT */
/*
 * fetch_all - all that one event refers to, and the event itself
 *
 * Notifications become the order or shipment that they name; every other
 * event is passed on as it is. Along with it go the documents that its data
 * refers to. All of it is fetched before anything is delivered.
 */
#include <stdio.h>
#include <unistd.h>

#include "net/fetch_event.h"
#include "net/fetch_job.h"
#include "net/fetch_past.h"

#define ANSWER_MAX ((uint64_t)64 << 20) /* bytes of an order */

/* Events that only say where to look. */
static const struct notification {
	const char *type, *path, *fetched;
} notifications[] = {
	{ "com.tradecloud1.order.notified", "/v2/order/",
	    "com.tradecloud1.order.fetched" },
	{ "com.tradecloud1.shipment.notified", "/v2/shipment/",
	    "com.tradecloud1.shipment.fetched" },
};

static const struct notification *
find_notification(struct span type)
{
	size_t i;

	for (i = 0; i < sizeof(notifications) / sizeof(notifications[0]); i++)
		if (span_is(type, notifications[i].type))
			return &notifications[i];
	return NULL;
}

/* The event as it is, under a name of its own. */
static int
pass_on(struct fetch_job *job, struct json_value *data, struct error *err)
{
	struct span text = buf_span(&job->event.text);
	struct iovec piece = { (void *)(uintptr_t)text.at, text.len };
	struct fetch_item *item = fetch_outbox_add(&job->outbox, err);

	if (!item)
		return -1;
	/* data_base64, and an event without data, refer to nothing. */
	(void)json_member(job->event.root, "data", data);
	return fetch_outbox_write(&job->outbox, item, &piece, 1, err);
}

static int
write_fetched(struct fetch_job *job, const struct notification *kind,
    struct span data, const char *path, struct error *err)
{
	struct buf head = BUF_INIT(FETCH_HEAD_MAX), source = BUF_INIT(1024);
	struct fetch_context context = { .type = kind->fetched };
	struct fetch_item *item = fetch_outbox_add(&job->outbox, err);
	int rc = -1;

	buf_append_text(&source, job->config->base);
	buf_append_text(&source, path);
	context.id = event_get(&job->event, EVENT_ID);
	context.source = buf_span(&source);
	context.subject = event_get(&job->event, EVENT_SUBJECT);
	context.data_type = span_of("application/json");
	if (item && buf_check(&source, err) == 0) {
		fetch_event_begin(&head, job, &context);
		rc = fetch_event_write(job, item, &head, data, err);
	}
	buf_free(&source);
	buf_free(&head);
	return rc;
}

/* What the notification is about; the answer stays in body. */
static int
fetch_notified(struct fetch_job *job, const struct notification *kind,
    struct buf *body, struct json_value *data, struct error *err)
{
	struct span id = event_get(&job->event, EVENT_SUBJECT);
	char path[PATH_MAX];

	if (!fetch_api_is_id(id))
		return error_set(err, ERROR_FORM,
		    "the event's subject is not the id of an order or "
		    "shipment: 1 to 256 of letters, digits and -_.~");
	(void)snprintf(
	    path, sizeof(path), "%s%.*s", kind->path, (int)id.len, id.at);
	if (fetch_api_get(&job->api, path, body, err) < 0)
		return -1;
	if (!json_scan(buf_span(body), data))
		return error_set(err, ERROR_INCOMPLETE,
		    "GET %.150s: the answer is not JSON", path);
	return write_fetched(job, kind, data->raw, path, err);
}

/*
 * One that fails for now does not keep the others from being fetched: they
 * are kept for the next try.
 */
static int
fetch_documents(struct fetch_job *job, const struct fetch_references *found,
    struct error *err)
{
	struct error failed;
	size_t i;

	for (i = 0; i < found->count; i++) {
		failed = (struct error)ERROR_INIT;
		if (fetch_document(job, &found->list[i], &failed) == 0)
			continue;
		if (err->code == ERROR_NONE)
			*err = failed;
		if (failed.code != ERROR_INCOMPLETE || fetch_http_signal()) {
			*err = failed;
			break;
		}
	}
	return err->code == ERROR_NONE ? 0 : -1;
}

/* All of it is delivered: note what need not be fetched again. */
static void
note_delivered(const struct fetch_job *job)
{
	const struct fetch_item *item;
	size_t i;

	for (i = 0; i < job->outbox.count; i++) {
		item = &job->outbox.items[i];
		if (item->key[0])
			fetch_past_forget(job->api.dir, item->key);
		if (item->delivered[0] && item->document[0])
			fetch_past_note_delivered(
			    job->api.dir, item->delivered);
	}
}

/* Everything into the outbox, and out. */
int
fetch_all(struct fetch_job *job, const struct spool *spool, struct error *err)
{
	const struct notification *kind =
	    find_notification(event_get(&job->event, EVENT_TYPE));
	struct fetch_references found = FETCH_REFERENCES_INIT;
	struct json_value data = { JSON_TYPE_NULL, { NULL, 0 } };
	uint64_t most = job->options->max_size;
	struct buf body = BUF_INIT(most < ANSWER_MAX ? most : ANSWER_MAX);
	int rc;

	job->sum = 0;
	rc = fetch_outbox_open(
	    &job->outbox, spool, FETCH_REFERENCES_MAX + 1, err);
	if (rc == 0)
		rc = kind ? fetch_notified(job, kind, &body, &data, err)
			  : pass_on(job, &data, err);
	if (rc == 0)
		rc = fetch_find(data, &found, err);
	if (rc == 0)
		rc = fetch_documents(job, &found, err);
	/* To hookdir run a try that was cut off is none, whatever it did. */
	if (rc == 0 && fetch_http_signal())
		rc = error_set(err, ERROR_INCOMPLETE, "stopped by a signal");
	if (rc == 0)
		rc = fetch_outbox_publish(&job->outbox, err);
	if (rc == 0)
		note_delivered(job);
	if (rc == 0 && isatty(STDOUT_FILENO))
		(void)printf("delivered an event and %zu of documents\n",
		    job->outbox.count - 1);
	fetch_outbox_close(&job->outbox);
	fetch_references_free(&found);
	buf_free(&body);
	return rc;
}
