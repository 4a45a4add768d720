/* SPDX-License-Identifier: MIT */
/*
 * webhooks_create - create the webhooks of an endpoint
 *
 * The key is in memory and in requests alone. A webhook is never deleted
 * here: for a while the old one and the new one may both be needed.
 */
#include "net/webhooks_create.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "base/utf8.h"
#include "json/json.h"
#include "net/send_call.h"
#include "hookdir/tool.h"

#define BODY_MAX   ((size_t)256 << 10)
#define ANSWER_MAX ((size_t)1 << 20)
#define PRINT_MAX  200
#define PATH	   "/webhooks"

static const struct kind {
	const char *name, *title;
	const char *actions[8];
} kinds[] = {
	{ "orders", "Orders",
	    { "create", "status_update", "create_fulfillment",
		"create_shipment", "payment_captured", "payment_voided",
		"delete" } },
	{ "shipments", "Shipments", { "create", "cancel" } },
	{ "drafts", "Drafts", { "create", "create_shipment", "delete" } },
	{ "monitor", "Shipment Monitor", { "latest", "delivered" } },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

bool
webhooks_find_resource(struct span name, unsigned *set)
{
	size_t i;

	for (i = 0; i < KINDS; i++)
		if (span_is(name, kinds[i].name)) {
			*set |= 1u << i;
			return true;
		}
	return false;
}

void
webhooks_print(const struct webhook *webhook)
{
	(void)printf("%" PRIu64 "\t", webhook->id);
	tool_print(stdout, buf_span(&webhook->resource), PRINT_MAX);
	(void)printf("\t");
	tool_print(stdout, buf_span(&webhook->action), PRINT_MAX);
	(void)printf("\t%s\t", webhook->active ? "active" : "inactive");
	tool_print(stdout, buf_span(&webhook->name), PRINT_MAX);
	(void)printf("\t");
	tool_print(stdout, buf_span(&webhook->endpoint), PRINT_MAX);
	(void)printf("\n");
}

/* --- does it answer? -------------------------------------------------------
 */

static int
take_nothing(void *context, struct span part, struct error *err)
{
	(void)context;
	(void)part;
	(void)err;
	return 0;
}

static int
call_endpoint(const struct reconcile_api *api, const char *endpoint,
    const struct send_call *call, struct error *err)
{
	struct fetch_url url = FETCH_URL_INIT;
	struct fetch_answer answer;
	struct fetch_request request = { .url = &url,
		.ca = api->config->ca,
		.headers = call->headers,
		.anywhere = true,
		.max_size = ANSWER_MAX,
		.timeout = api->timeout,
		.take = take_nothing,
		.post = buf_span(&call->body) };
	int rc;

	fetch_answer_init(&answer);
	rc = fetch_url_read(&url, span_of(endpoint), err);
	if (rc == 0)
		rc = fetch_http(&request, &answer, err);
	if (rc == 0 && answer.status != 200)
		rc = error_set(err, ERROR_CONFIGURATION,
		    "%.100s: status %ld for a signed test: Shipmondo wants a "
		    "200; put the key in place at the endpoint first",
		    endpoint, answer.status);
	fetch_answer_free(&answer);
	fetch_url_free(&url);
	return rc;
}

int
webhooks_check(const struct reconcile_api *api,
    const struct webhooks_plan *plan, struct error *err)
{
	const struct sender *sender = sender_find("shipmondo");
	struct send_rule rule = {
		.sender = sender, .key = plan->key, .sample = &sender->test
	};
	struct send_call call = SEND_CALL_INIT;
	int rc = send_call_make(&rule, &call, err);

	if (rc == 0)
		rc = call_endpoint(api, plan->endpoint, &call, err);
	send_call_free(&call);
	return rc;
}

/* --- create ----------------------------------------------------------------
 */

static void
append_name(struct buf *out, const struct webhooks_plan *plan,
    const struct kind *kind, const char *action)
{
	/* The same each time: of two with one name, payloads are equal. */
	buf_printf(out, "%s %s %s", plan->name, kind->name, action);
}

static void
append_body(struct buf *out, const struct webhooks_plan *plan,
    const struct kind *kind, const char *action)
{
	struct buf name = BUF_INIT(BODY_MAX);

	append_name(&name, plan, kind, action);
	buf_append_text(out, "{\"name\":");
	json_append_string(out, buf_span(&name));
	buf_append_text(out, ",\"endpoint\":");
	json_append_string(out, span_of(plan->endpoint));
	buf_append_text(out, ",\"key\":");
	json_append_string(out, plan->key);
	buf_printf(out, ",\"action\":\"%s\",\"resource_name\":\"%s\"}", action,
	    kind->title);
	out->failed |= name.failed;
	buf_free(&name);
}

static int
post(struct reconcile_api *api, const struct buf *body, uint64_t *id,
    struct error *err)
{
	struct buf out = BUF_INIT(ANSWER_MAX);
	struct reconcile_answer answer;
	struct json_value root, value;
	int rc =
	    reconcile_api_post(api, PATH, buf_span(body), &out, &answer, err);

	*id = 0;
	if (rc == 0 && answer.status != 200 && answer.status != 201)
		rc = reconcile_api_refuse(PATH, answer.status, &out, err);
	else if (rc == 0 && json_scan(buf_span(&out), &root) &&
	    json_member(root, "id", &value))
		(void)sscanf(value.raw.at, "%20" SCNu64, id);
	buf_free(&out);
	return rc;
}

static int
create_one(struct reconcile_api *api, const struct webhooks_plan *plan,
    const struct kind *kind, const char *action, struct error *err)
{
	struct buf body = BUF_INIT(BODY_MAX);
	uint64_t id = 0;
	int rc = 0;

	/* All at once: growing would leave copies of the key behind. */
	if (!plan->dry_run) {
		(void)buf_room(&body, BODY_MAX);
		append_body(&body, plan, kind, action);
		rc = buf_check(&body, err);
	}
	if (rc == 0 && !plan->dry_run)
		rc = post(api, &body, &id, err);
	secret_wipe(body.at, body.size);
	buf_free(&body);
	if (rc == 0 && plan->dry_run)
		(void)printf("%s %s: would be created\n", kind->title, action);
	else if (rc == 0)
		(void)printf(
		    "%s %s: created, %" PRIu64 "\n", kind->title, action, id);
	return rc;
}

/* The one that is there already, or NULL. */
static const struct webhook *
find_there(const struct webhooks *there, const struct webhooks_plan *plan,
    const struct kind *kind, const char *action)
{
	size_t i;

	for (i = 0; i < there->count; i++)
		if (webhook_calls(&there->at[i], plan->endpoint) &&
		    webhook_is_of(&there->at[i], kind->title) &&
		    strcmp(there->at[i].action.at, action) == 0)
			return &there->at[i];
	return NULL;
}

static int
create_kind(struct reconcile_api *api, const struct webhooks_plan *plan,
    const struct webhooks *there, const struct kind *kind, struct error *err)
{
	const struct webhook *old;
	size_t i;

	for (i = 0; kind->actions[i]; i++) {
		old = find_there(there, plan, kind, kind->actions[i]);
		if (old && !plan->rotate)
			(void)printf("%s %s: there already, %" PRIu64 "\n",
			    kind->title, kind->actions[i], old->id);
		else if (create_one(api, plan, kind, kind->actions[i], err) < 0)
			return -1;
	}
	return 0;
}

/* Those that have the former key, once all the new ones are there. */
static void
list_old(const struct webhooks_plan *plan, const struct webhooks *there)
{
	size_t i, k, count = 0;

	for (i = 0; i < there->count; i++)
		for (k = 0; k < KINDS; k++)
			if ((plan->resources & 1u << k) &&
			    webhook_calls(&there->at[i], plan->endpoint) &&
			    webhook_is_of(&there->at[i], kinds[k].title)) {
				if (count++ == 0)
					(void)printf("Delete these by hand, "
						     "they have the old "
						     "key:\n");
				webhooks_print(&there->at[i]);
			}
}

int
webhooks_create(struct reconcile_api *api, const struct webhooks_plan *plan,
    const struct webhooks *there, struct error *err)
{
	size_t i;

	if (plan->key.len == 0 || !utf8_valid(plan->key))
		return error_set(err, ERROR_CONFIGURATION,
		    "the key is empty, or is not UTF-8");
	for (i = 0; i < KINDS; i++)
		if ((plan->resources & 1u << i) &&
		    create_kind(api, plan, there, &kinds[i], err) < 0)
			return -1;
	if (plan->rotate)
		list_old(plan, there);
	return 0;
}
