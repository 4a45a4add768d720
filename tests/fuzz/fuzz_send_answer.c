/* SPDX-License-Identifier: MIT */
/*
 * fuzz_send_answer - what an answer means
 *
 * A byte for the status, and the body. An answer is taken for hookdir's yes
 * only if it is one: jansson reads it once more.
 */
#include "net/send_answer.h"

#include <string.h>

#include <jansson.h>

#include "fuzz.h"

/* A 200 with "status" and "id". jansson is stricter in what is JSON. */
static bool
may_be_accepted(struct span body)
{
	json_error_t error;
	json_t *root = json_loadb(body.at ? body.at : "", body.len,
	    JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
	const char *status = json_string_value(json_object_get(root, "status"));
	bool may = !root ||
	    (status && json_string_length(json_object_get(root, "id")) > 0 &&
		(strcmp(status, "accepted") == 0 ||
		    strcmp(status, "duplicate") == 0));

	json_decref(root);
	return may;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long statuses[] = { 200, 201, 302, 400, 401, 403, 404, 405,
		413, 500, 502, 503 };
	struct send_answer answer;
	struct input in;
	struct span body;
	long status;

	input_start(&in, data, size);
	status = statuses[input_byte(&in) %
	    (sizeof(statuses) / sizeof(statuses[0]))];
	body = input_rest(&in);
	send_answer_read(&answer, status, body);
	CHECK(answer.status == status && answer.verdict != SEND_NONE);
	CHECK(strnlen(answer.kind, sizeof(answer.kind)) < sizeof(answer.kind));
	CHECK(strnlen(answer.detail, sizeof(answer.detail)) <
	    sizeof(answer.detail));
	if (answer.verdict == SEND_ACCEPTED)
		CHECK(status == 200 && may_be_accepted(body));
	if (answer.verdict == SEND_REFUSED)
		CHECK(status >= 400 && status != 503);
	if (answer.verdict == SEND_FAULT)
		CHECK(status == 503);
	input_end(&in);
	return 0;
}
