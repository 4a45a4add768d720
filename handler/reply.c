/* SPDX-License-Identifier: MIT */
/*
 * reply - the one table from failure to status
 *
 * A fault of ours does not tell the sender's side what is wrong with our
 * configuration or disk; that stands in the log.
 */
#include "reply.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "handshake.h"

#define HEAD_MAX 4096

#define ALLOWED_ORIGIN "WebHook-Allowed-Origin"

/* Seconds after which a sender may come back when the fault was ours. */
#define RETRY_AFTER "30"

static const int statuses[] = {
	[ERROR_NONE] = 503,
	[ERROR_MEMORY] = 503,
	[ERROR_SYSTEM] = 503,
	[ERROR_CRYPTO] = 503,
	[ERROR_CONFIGURATION] = 503,
	[ERROR_METHOD] = 405,
	[ERROR_CREDENTIALS] = 401,
	[ERROR_TOO_LARGE] = 413,
	[ERROR_INCOMPLETE] = 400,
	[ERROR_REQUEST] = 400,
	/* Not 408: senders repeat after a 503 alone. */
	[ERROR_SLOW] = 503,
	[ERROR_KEY_UNKNOWN] = 503,
	[ERROR_FORM] = 400,
	[ERROR_TOKEN_FORM] = 400,
	[ERROR_ALGORITHM] = 403,
	[ERROR_CRITICAL] = 403,
	[ERROR_SIGNATURE] = 403,
	[ERROR_EXPIRED] = 403,
	[ERROR_NOT_YET_VALID] = 403,
};

int
reply_status(enum error_code code, int refused)
{
	return refused && error_class(code) == CLASS_VERDICT ? refused
							     : statuses[code];
}

static const char *
title_of(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 405:
		return "Method Not Allowed";
	case 413:
		return "Content Too Large";
	default:
		return "Service Unavailable";
	}
}

/* RFC 3875 section 6: the status is a header of its own. */
static int
send_answer(const struct request *rq, int status, const char *type,
    const char *headers, struct span body)
{
	struct buf out = BUF_INIT(HEAD_MAX + body.len);
	struct error ignored = ERROR_INIT;
	int rc;

	buf_printf(&out,
	    "Status: %d %s\r\n"
	    "Content-Type: %s\r\n"
	    "Content-Length: %zu\r\n"
	    "Cache-Control: no-store\r\n"
	    "%s\r\n",
	    status, title_of(status), type, body.len, headers);
	buf_append_span(&out, body);
	/* No memory for an answer: this one needs none. */
	rc = buf_check(&out, &ignored) == 0
	    ? request_write(rq, buf_span(&out))
	    : request_write(rq,
		  span_of(status == 200 ? "Status: 200 OK\r\n\r\n"
					: "Status: 503 Service Unavailable\r\n"
					  "Retry-After: " RETRY_AFTER
					  "\r\n\r\n"));
	buf_free(&out);
	return rc;
}

/* Send the JSON object, and let go of it. */
static int
send_json(const struct request *rq, int status, const char *type,
    const char *headers, json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	int rc;

	/* Without memory for a body the status alone is still an answer. */
	rc =
	    send_answer(rq, status, type, headers, span_of(text ? text : "{}"));
	free(text);
	json_decref(object);
	return rc;
}

int
reply_handshake(const struct request *rq, const struct handshake_answer *answer)
{
	static const char nosniff[] = "X-Content-Type-Options: nosniff\r\n";
	struct buf headers = BUF_INIT(HEAD_MAX / 2);
	struct span value = buf_span(&answer->value);
	int rc;

	buf_append_text(&headers, nosniff);
	if (answer->header)
		buf_printf(&headers, "%s: %.*s\r\n", answer->header,
		    (int)value.len, value.at);
	/* CloudEvents, HTTP 1.1 Web Hooks 4.2 */
	if (answer->header && strcmp(answer->header, ALLOWED_ORIGIN) == 0)
		buf_append_text(
		    &headers, "WebHook-Allowed-Rate: *\r\nAllow: POST\r\n");
	buf_append_byte(&headers, '\0');
	if (answer->member && !headers.failed)
		rc = send_json(rq, 200, "application/json", headers.at,
		    json_pack("{s:s%}", answer->member, value.at, value.len));
	else
		rc = send_answer(rq, 200, "text/plain",
		    headers.failed ? nosniff : headers.at,
		    answer->text ? value : span_of(""));
	buf_free(&headers);
	return rc;
}

int
reply_accept(const struct request *rq, const struct reply_manner *manner,
    struct span id, bool duplicate)
{
	struct buf text = BUF_INIT(4 * id.len + 64);
	int rc;

	if (manner->empty)
		return send_answer(
		    rq, 200, "text/plain", "", (struct span){ "", 0 });

	/* As the event has it, whatever a sender's id holds. */
	utf8_append_printable(&text, id);
	rc = send_json(rq, 200, "application/json", "",
	    json_pack("{s:s, s:s%}", "status",
		duplicate ? "duplicate" : "accepted", "id",
		text.at ? text.at : "", text.len));
	buf_free(&text);
	return rc;
}

int
reply_healthy(const struct request *rq)
{
	return send_json(rq, 200, "application/json", "",
	    json_pack("{s:s}", "status", "healthy"));
}

int
reply_token_status(const char *oauth_error)
{
	if (!oauth_error)
		return 200;
	if (strcmp(oauth_error, "temporarily_unavailable") == 0)
		return 503;
	return strcmp(oauth_error, "invalid_client") == 0 ? 401 : 400;
}

int
reply_token(const struct request *rq, const char *json, const char *oauth_error)
{
	int status = reply_token_status(oauth_error);

	const char *headers = "Pragma: no-cache\r\n"; /* RFC 6749 5.1 */

	if (status == 401) /* RFC 6749 5.2 */
		headers = "Pragma: no-cache\r\n"
			  "WWW-Authenticate: Basic realm=\"hookdir\"\r\n";
	if (status == 503)
		headers = "Pragma: no-cache\r\n"
			  "Retry-After: " RETRY_AFTER "\r\n";
	return send_answer(
	    rq, status, "application/json", headers, span_of(json));
}

int
reply_refuse(const struct request *rq, const struct reply_manner *manner,
    const struct error *failure, const char *methods, const char *challenge)
{
	int status = reply_status(failure->code, manner->refused);
	const char *detail = failure->text;
	struct buf headers = BUF_INIT(HEAD_MAX / 2);
	json_t *problem;
	int rc;

	if (error_class(failure->code) == CLASS_FAULT)
		detail = "the receiver has a fault; nothing was stored";
	if (status == 401)
		/* RFC 9110 15.5.2: there is one, whatever was wrong. */
		buf_printf(&headers, "WWW-Authenticate: %s\r\n",
		    *challenge ? challenge : "Signature realm=\"hookdir\"");
	if (status == 405)
		buf_printf(&headers, "Allow: %s\r\n", methods);
	if (status == 503)
		buf_append_text(&headers, "Retry-After: " RETRY_AFTER "\r\n");
	buf_append_byte(&headers, '\0');
	if (manner->empty) {
		rc = send_answer(rq, status, "text/plain",
		    headers.failed ? "" : headers.at, span_of(""));
		goto out;
	}
	problem = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", "about:blank",
	    "title", title_of(status), "status", status, "detail", detail,
	    "rule", error_rule(failure->code));
	rc = send_json(rq, status, "application/problem+json",
	    headers.failed ? "" : headers.at, problem);
out:
	buf_free(&headers);
	return rc;
}
