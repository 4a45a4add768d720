/* SPDX-License-Identifier: MIT */
/*
 * fuzz_event - files of a spool, ours or anybody's
 *
 * Looking at the front and reading the whole agree on what stands in front
 * of the data.
 */
#include "message/event.h"
#include "fuzz.h"
#include "base/utf8.h"

static const char *const names[EVENT_ATTRIBUTES] = {
	[EVENT_ID] = "id",
	[EVENT_SOURCE] = "source",
	[EVENT_TYPE] = "type",
	[EVENT_SUBJECT] = "subject",
	[EVENT_TIME] = "time",
	[EVENT_DATACONTENTTYPE] = "datacontenttype",
	[EVENT_SENDER] = "sender",
	[EVENT_REASON] = "reason",
	[EVENT_REFERENCE] = "reference",
	[EVENT_KEYUSED] = "keyused",
};

/* Does a member of that name come after the data? */
static bool
is_behind(const struct event *event, const char *name)
{
	struct json_value at, value;
	struct json_walk walk;
	bool behind = false, found = false;

	CHECK(json_walk_start(buf_span(&event->text), &walk));
	while (json_walk_name(&walk, &at) && json_walk_value(&walk, &value)) {
		found |= behind && json_string_is(at, name);
		behind |= json_string_is(at, "data") ||
		    json_string_is(at, "data_base64");
	}
	CHECK(walk.closed);
	return found;
}

static void
check_attributes(const struct event *event)
{
	struct json_value member;
	struct buf said = BUF_INIT(FUZZ_ROOM);
	struct span got;
	int i;

	for (i = 0; i < EVENT_ATTRIBUTES; i++) {
		got = event_get(event, (enum event_attribute)i);
		CHECK(utf8_valid(got));
		buf_reset(&said);
		if (json_member(event->root, names[i], &member))
			(void)json_decode_string(member, &said);
		CHECK(fuzz_same(got, buf_span(&said)));
	}
	buf_free(&said);
}

static void
check_payload(const struct event *event)
{
	struct buf payload = BUF_INIT(FUZZ_ROOM);
	struct error err = ERROR_INIT;
	struct json_value data;

	if (event_payload(event, &payload, &err) < 0)
		CHECK(err.code == ERROR_FORM);
	else if (!json_member(event->root, "data_base64", &data) &&
	    !json_member(event->root, "data", &data))
		CHECK(payload.len == 0);
	buf_free(&payload);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error front = ERROR_INIT, whole = ERROR_INIT;
	struct event peeked, read;
	struct input in;
	int fd, i, rc;

	input_start(&in, data, size);
	fd = fuzz_file(input_rest(&in));
	event_init(&peeked);
	event_init(&read);
	rc = event_peek(&peeked, fd, &front);
	CHECK(rc == 0 || front.code == ERROR_FORM);
	if (event_read(&read, fd, &whole) == 0) {
		CHECK(rc == 0);
		check_attributes(&read);
		check_payload(&read);
		for (i = 0; i < EVENT_ATTRIBUTES; i++)
			if (!is_behind(&read, names[i]))
				CHECK(fuzz_same(
				    event_get(&peeked, (enum event_attribute)i),
				    event_get(&read, (enum event_attribute)i)));
	} else {
		CHECK(whole.code == ERROR_FORM);
	}
	event_free(&peeked);
	event_free(&read);
	input_end(&in);
	return 0;
}
