/* SPDX-License-Identifier: MIT */
/*
 * reconcile_api - ask Shipmondo's API, with credentials, pace and retries
 *
 * HTTP Basic (RFC 7617) on every request. Credentials are in memory and in
 * the request alone.
 */
#include "net/reconcile_api.h"

#include <string.h>
#include <time.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/number.h"
#include "base/secret.h"
#include "json/json.h"
#include "net/fetch_state.h"

#define HEADER_MAX   4096
#define BACKOFF_MOST 16	 /* seconds */
#define WAIT_MOST    120 /* seconds of a Retry-After that are waited */
#define REASON_MAX   100

static int
take_body(void *context, struct span part, struct error *err)
{
	struct buf *out = context;

	buf_append_span(out, part);
	return buf_check(out, err);
}

/* Credentials, and what a POST needs. NULL: no memory. */
static struct curl_slist *
make_headers(const struct fetch_config *config, bool post)
{
	struct buf pair = BUF_INIT(HEADER_MAX), line = BUF_INIT(HEADER_MAX);
	struct curl_slist *list = NULL, *more = NULL;

	(void)buf_room(&pair, HEADER_MAX);
	(void)buf_room(&line, HEADER_MAX);
	buf_printf(&pair, "%s:%s", config->username, config->password);
	buf_append_text(&line, "Authorization: Basic ");
	base64_encode(buf_span(&pair), &line);
	buf_append_byte(&line, '\0');
	if (!pair.failed && !line.failed)
		list = curl_slist_append(NULL, line.at);
	if (list)
		more = curl_slist_append(list, "Accept: application/json");
	if (more && post)
		more =
		    curl_slist_append(list, "Content-Type: application/json");
	/* Not to wait for a 100. */
	if (more && post)
		more = curl_slist_append(list, "Expect:");
	if (list && !more) {
		curl_slist_free_all(list);
		list = NULL;
	}
	secret_wipe(pair.at, pair.size);
	secret_wipe(line.at, line.size);
	buf_free(&pair);
	buf_free(&line);
	return list;
}

static int
sleep_for(int64_t microseconds, struct error *err)
{
	struct timespec left = { microseconds / 1000000,
		microseconds % 1000000 * 1000 };

	if (!fetch_http_signal() && microseconds > 0)
		(void)nanosleep(&left, NULL);
	return fetch_http_signal()
	    ? error_set(err, ERROR_INCOMPLETE, "stopped by a signal")
	    : 0;
}

static int
pace(struct reconcile_api *api, struct error *err)
{
	int64_t wait = 0;

	if (api->dir >= 0) {
		if (fetch_state_pace(api->dir, api->interval, err) < 0)
			return -1;
	} else if (api->last) {
		wait = api->last + api->interval - clock_monotonic();
	}
	if (sleep_for(wait, err) < 0)
		return -1;
	api->last = clock_monotonic();
	return 0;
}

/* RFC 9110 5.6.7, the preferred form: "Sun, 06 Nov 1994 08:49:37 GMT". */
static void
note_date(struct reconcile_api *api, const struct buf *date)
{
	struct tm tm = { .tm_isdst = 0 };
	char text[40];
	const char *end;

	if (date->len == 0 || date->len >= sizeof(text))
		return;
	memcpy(text, date->at, date->len);
	text[date->len] = '\0';
	end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	if (end && *end == '\0')
		api->skew = (int64_t)timegm(&tm) - clock_now().tv_sec;
}

int64_t
reconcile_api_now(const struct reconcile_api *api)
{
	return clock_now().tv_sec + api->skew;
}

static uint64_t
number_of(const struct buf *header)
{
	uint64_t number;

	return number_read(buf_span(header), INT64_MAX, &number) ? number
								 : UINT64_MAX;
}

/* One request. *wait: seconds that the API asks us to wait, or UINT64_MAX. */
static int
ask(struct reconcile_api *api, struct fetch_request *request,
    struct reconcile_answer *answer, uint64_t *wait, struct error *err)
{
	struct fetch_answer got;
	int rc = -1;

	fetch_answer_init(&got);
	if (pace(api, err) == 0)
		rc = fetch_http(request, &got, err);
	answer->status = got.status;
	answer->total = number_of(&got.total);
	answer->pages = number_of(&got.pages);
	*wait = number_of(&got.retry_after);
	if (rc == 0)
		note_date(api, &got.date);
	fetch_answer_free(&got);
	return rc;
}

/* What the API says of it, where that is {"error":"..."}. */
static void
append_reason(const struct buf *body, struct buf *out)
{
	struct json_value root, reason;
	struct buf text = BUF_INIT(HEADER_MAX);

	if (json_scan(buf_span(body), &root) &&
	    json_member(root, "error", &reason) &&
	    json_decode_string(reason, &text) && text.len)
		buf_printf(out, ": %.*s",
		    (int)(text.len < REASON_MAX ? text.len : REASON_MAX),
		    text.at);
	buf_append_byte(out, '\0');
	buf_free(&text);
}

static bool
may_pass(long status)
{
	return status == 408 || status == 425 || status == 429 ||
	    (status >= 500 && status < 600);
}

int
reconcile_api_refuse(
    const char *path, long status, const struct buf *body, struct error *err)
{
	struct buf reason = BUF_INIT(HEADER_MAX);
	enum error_code code = ERROR_FORM;
	const char *hint = "";

	if (status == 401 || status == 403) {
		code = ERROR_CREDENTIALS;
		hint = "; check user, key and base";
	} else if (status == 404 || (status >= 300 && status < 400)) {
		code = ERROR_CONFIGURATION;
		hint = "; check base";
	} else if (may_pass(status)) {
		code = ERROR_INCOMPLETE;
	}
	append_reason(body, &reason);
	(void)error_set(err, code, "%.120s: status %ld%.120s%s", path, status,
	    reason.failed ? "" : reason.at, hint);
	buf_free(&reason);
	return -1;
}

/* One request, and again while that may help and left is not used up. */
static int
ask_patiently(struct reconcile_api *api, struct fetch_request *request,
    unsigned left, struct reconcile_answer *answer, struct error *err)
{
	struct buf *out = request->context;
	struct error failed;
	uint64_t wait;
	int64_t backoff = 1;
	int rc;

	for (;; left--) {
		failed = (struct error)ERROR_INIT;
		buf_reset(out);
		rc = ask(api, request, answer, &wait, &failed);
		if (rc == 0 && !may_pass(answer->status))
			return 0;
		if (left == 0 || fetch_http_signal() ||
		    (rc < 0 && failed.code != ERROR_INCOMPLETE))
			break;
		if (wait == UINT64_MAX || answer->status == 0)
			wait = (uint64_t)backoff;
		if (wait > WAIT_MOST)
			wait = WAIT_MOST;
		if (sleep_for((int64_t)wait * 1000000, err) < 0)
			return -1;
		backoff =
		    backoff * 2 < BACKOFF_MOST ? backoff * 2 : BACKOFF_MOST;
	}
	if (rc == 0)
		return 0;
	*err = failed;
	return -1;
}

static int
call(struct reconcile_api *api, const char *path, struct span post,
    struct buf *out, struct reconcile_answer *answer, struct error *err)
{
	struct buf text = BUF_INIT(FETCH_URL_MAX);
	struct fetch_url url = FETCH_URL_INIT;
	struct curl_slist *headers = make_headers(api->config, post.at);
	struct fetch_request request = { .url = &url,
		.ca = api->config->ca,
		.headers = headers,
		.anywhere = true,
		.max_size = out->max,
		.timeout = api->timeout,
		.take = take_body,
		.context = out,
		.post = post,
		.any_status = true,
		.any_end = true };
	int rc = -1;

	buf_append_text(&text, api->config->base);
	buf_append_text(&text, path);
	if (!headers)
		(void)error_set(err, ERROR_MEMORY, "no memory");
	else if (buf_check(&text, err) == 0 &&
	    fetch_url_read(&url, buf_span(&text), err) == 0)
		rc = ask_patiently(
		    api, &request, post.at ? 0 : api->retries, answer, err);
	if (rc == 0 &&
	    (answer->status == 401 || answer->status == 403 ||
		may_pass(answer->status)))
		rc = reconcile_api_refuse(path, answer->status, out, err);
	/* The list has a copy of the credentials. */
	if (headers)
		secret_wipe(headers->data, strlen(headers->data));
	curl_slist_free_all(headers);
	fetch_url_free(&url);
	buf_free(&text);
	return rc;
}

int
reconcile_api_get(struct reconcile_api *api, const char *path, struct buf *out,
    struct reconcile_answer *answer, struct error *err)
{
	return call(api, path, (struct span){ NULL, 0 }, out, answer, err);
}

int
reconcile_api_post(struct reconcile_api *api, const char *path,
    struct span json, struct buf *out, struct reconcile_answer *answer,
    struct error *err)
{
	return call(api, path, json, out, answer, err);
}
