/* SPDX-License-Identifier: MIT */
/*
 * send_answer - what an answer means: is it hookdir's, and was it a yes?
 */
#include "net/send_answer.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"

/* What a member that is a string says; false where it says nothing. */
static bool
member_says(struct json_value root, const char *name, struct buf *said)
{
	struct json_value member;

	buf_reset(said);
	return json_member(root, name, &member) &&
	    json_decode_string(member, said) && said->len > 0 && !said->failed;
}

static void
copy(char *to, size_t size, struct span text)
{
	size_t len = text.len < size - 1 ? text.len : size - 1;

	if (len)
		memcpy(to, text.at, len);
	to[len] = '\0';
}

static bool
read_accepted(
    struct send_answer *answer, struct json_value root, struct buf *said)
{
	char status[16];

	if (answer->status != 200 || !member_says(root, "status", said))
		return false;
	copy(status, sizeof(status), buf_span(said));
	if ((strcmp(status, "accepted") != 0 &&
		strcmp(status, "duplicate") != 0) ||
	    !member_says(root, "id", said))
		return false;
	answer->verdict = SEND_ACCEPTED;
	copy(answer->kind, sizeof(answer->kind), span_of(status));
	(void)snprintf(answer->detail, sizeof(answer->detail), "id %.*s",
	    (int)said->len, said->at);
	return true;
}

static bool
read_refused(
    struct send_answer *answer, struct json_value root, struct buf *said)
{
	bool fault = answer->status == 503;
	struct json_value member;
	double status;

	if (!json_member(root, "status", &member) ||
	    !json_number(member, &status) || status != (double)answer->status ||
	    answer->status < 400 || !member_says(root, "rule", said))
		return false;
	answer->verdict = fault ? SEND_FAULT : SEND_REFUSED;
	(void)snprintf(answer->kind, sizeof(answer->kind), "%s: %.*s",
	    fault ? "fault" : "refused", said->len < 40 ? (int)said->len : 40,
	    said->at);
	if (member_says(root, "detail", said))
		copy(answer->detail, sizeof(answer->detail), buf_span(said));
	return true;
}

/* The usual cause of an answer with this status that is not hookdir's. */
static const char *
guess(long status)
{
	switch (status) {
	case 401:
		return "the web server did not let the call in: wrong user, "
		       "password or token";
	case 403:
		return "the web server let no call in here";
	case 404:
		return "the web server has no endpoint of this URL";
	case 413:
		return "the web server has a limit for bodies";
	case 502:
	case 504:
		return "the web server did not reach hookdir";
	}
	if (status >= 200 && status < 300)
		return "another program took the call: it is not stored";
	if (status >= 300 && status < 400)
		return "a redirect, which senders do not follow";
	return "the web server answered in place of hookdir";
}

void
send_answer_read(struct send_answer *answer, long status, struct span body)
{
	struct buf said = BUF_INIT(sizeof(answer->detail));
	struct json_value root;

	*answer = (struct send_answer){ .status = status };
	if (!json_scan(body, &root) || root.type != JSON_TYPE_OBJECT ||
	    (!read_accepted(answer, root, &said) &&
		!read_refused(answer, root, &said))) {
		answer->verdict = SEND_FOREIGN;
		(void)snprintf(answer->kind, sizeof(answer->kind),
		    "not an answer of hookdir: %ld", status);
		copy(answer->detail, sizeof(answer->detail),
		    span_of(guess(status)));
	}
	buf_free(&said);
}

void
send_answer_read_empty(
    struct send_answer *answer, long status, struct span body)
{
	if (body.len || status < 200 || (status >= 300 && status < 400) ||
	    status >= 500) {
		send_answer_read(answer, status, body);
		return;
	}
	*answer = (struct send_answer){ .status = status,
		.verdict = status == 200 ? SEND_ACCEPTED : SEND_REFUSED };
	copy(answer->kind, sizeof(answer->kind),
	    span_of(status == 200 ? "accepted" : "refused"));
	copy(answer->detail, sizeof(answer->detail),
	    span_of("no body, as this sender wants it: the log of hookdir "
		    "says more"));
}

void
send_answer_none(struct send_answer *answer, const char *why)
{
	*answer = (struct send_answer){ .verdict = SEND_NONE };
	(void)snprintf(answer->kind, sizeof(answer->kind), "no answer");
	copy(answer->detail, sizeof(answer->detail), span_of(why));
}
