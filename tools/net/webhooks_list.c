/* SPDX-License-Identifier: MIT */
/*
 * webhooks_list - the webhooks that Shipmondo has, by its API
 */
#include "net/webhooks_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "json/json.h"

#define PER_PAGE   50
#define PAGES_MAX  200
#define ANSWER_MAX ((size_t)16 << 20)
#define TEXT_MAX   8192

static void
take_text(struct json_value object, const char *name, struct buf *out)
{
	struct json_value value;

	*out = (struct buf)BUF_INIT(TEXT_MAX);
	if (json_member(object, name, &value))
		(void)json_decode_string(value, out);
	buf_append_byte(out, '\0');
	if (!out->failed)
		out->len--;
}

static int
add(struct webhooks *list, struct json_value object, struct error *err)
{
	struct webhook *more, *webhook;
	struct json_value value;

	more = realloc(list->at, (list->count + 1) * sizeof(*more));
	if (!more)
		return error_set(err, ERROR_MEMORY, "no memory");
	list->at = more;
	webhook = &more[list->count++];
	webhook->id = 0;
	if (json_member(object, "id", &value))
		(void)number_read(value.raw, UINT64_MAX, &webhook->id);
	webhook->active = !json_member(object, "active", &value) ||
	    value.type == JSON_TYPE_TRUE;
	take_text(object, "name", &webhook->name);
	take_text(object, "endpoint", &webhook->endpoint);
	take_text(object, "resource_name", &webhook->resource);
	take_text(object, "action", &webhook->action);
	if (buf_check(&webhook->name, err) < 0 ||
	    buf_check(&webhook->endpoint, err) < 0 ||
	    buf_check(&webhook->resource, err) < 0)
		return -1;
	return buf_check(&webhook->action, err);
}

/* How many webhooks the answer has, or -1. */
static int
take_page(struct webhooks *list, const struct buf *body, struct error *err)
{
	struct json_value root, value;
	struct json_walk walk;
	int count = 0;

	if (!json_scan(buf_span(body), &root) || root.type != JSON_TYPE_ARRAY ||
	    !json_walk_start(root.raw, &walk))
		return error_set(err, ERROR_INCOMPLETE,
		    "/webhooks: the answer is not a JSON array");
	for (; json_walk_value(&walk, &value); count++)
		if (add(list, value, err) < 0)
			return -1;
	return count;
}

/* No headers tell how many there are: the last page is short. */
int
webhooks_read(
    struct webhooks *list, struct reconcile_api *api, struct error *err)
{
	struct buf body = BUF_INIT(ANSWER_MAX);
	struct reconcile_answer answer;
	unsigned page = 1;
	char path[64];
	int count = PER_PAGE;

	for (; count >= PER_PAGE && page <= PAGES_MAX; page++) {
		(void)snprintf(path, sizeof(path),
		    "/webhooks?per_page=%d&page=%u", PER_PAGE, page);
		count = reconcile_api_get(api, path, &body, &answer, err);
		if (count == 0 && answer.status != 200)
			count = reconcile_api_refuse(
			    path, answer.status, &body, err);
		if (count == 0)
			count = take_page(list, &body, err);
	}
	buf_free(&body);
	return count < 0 ? -1 : 0;
}

void
webhooks_free(struct webhooks *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		buf_free(&list->at[i].name);
		buf_free(&list->at[i].endpoint);
		buf_free(&list->at[i].resource);
		buf_free(&list->at[i].action);
	}
	free(list->at);
	*list = (struct webhooks)WEBHOOKS_INIT;
}

/* Path and query, with the slash that an empty path means. */
static bool
same_rest(const struct fetch_url *a, const struct fetch_url *b, CURLUPart part)
{
	char *one = NULL, *other = NULL;
	bool same;

	(void)curl_url_get(a->parts, part, &one, 0);
	(void)curl_url_get(b->parts, part, &other, 0);
	same = strcmp(one ? one : "", other ? other : "") == 0;
	curl_free(one);
	curl_free(other);
	return same;
}

static bool
same_address(const char *a, const char *b)
{
	struct fetch_url one = FETCH_URL_INIT, other = FETCH_URL_INIT;
	struct error ignored = ERROR_INIT;
	bool same = strcmp(a, b) == 0;

	if (!same && fetch_url_read(&one, span_of(a), &ignored) == 0 &&
	    fetch_url_read(&other, span_of(b), &ignored) == 0)
		same = fetch_url_same_origin(&one, &other) &&
		    same_rest(&one, &other, CURLUPART_PATH) &&
		    same_rest(&one, &other, CURLUPART_QUERY);
	fetch_url_free(&one);
	fetch_url_free(&other);
	return same;
}

bool
webhook_points_to(const struct webhook *webhook, const char *endpoint)
{
	return same_address(webhook->endpoint.at, endpoint);
}

bool
webhook_calls(const struct webhook *webhook, const char *endpoint)
{
	return webhook->active && webhook_points_to(webhook, endpoint);
}

bool
webhook_is_of(const struct webhook *webhook, const char *resource)
{
	return strcasecmp(webhook->resource.at, resource) == 0;
}
