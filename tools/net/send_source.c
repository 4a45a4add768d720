/* SPDX-License-Identifier: MIT */
/*
 * send_source - the message that is sent: from a file, or out of a spool
 */
#include "net/send_source.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "message/envelope.h"
#include "message/event.h"
#include "base/io.h"
#include "hookdir/tool.h"

#define ANY_STATE  ((1u << QUEUE_STATES) - 1)
#define PART	   65536
#define HEADER_MAX 65536

void
send_source_init(struct send_source *source)
{
	size_t i;

	source->payload = (struct buf)BUF_INIT(SEND_BODY_MAX + PART);
	source->line_count = 0;
	for (i = 0; i < SEND_HEADERS_MAX; i++)
		source->lines[i] = (struct buf)BUF_INIT(HEADER_MAX);
}

void
send_source_free(struct send_source *source)
{
	size_t i;

	buf_free(&source->payload);
	for (i = 0; i < SEND_HEADERS_MAX; i++)
		buf_free(&source->lines[i]);
}

static int
read_all(struct buf *out, int fd, const char *what, struct error *err)
{
	size_t got = 1;
	char *room;

	while (got > 0 && out->len <= SEND_BODY_MAX) {
		room = buf_room(out, PART);
		if (!room)
			return buf_check(out, err);
		if (io_read_at(
			fd, room, PART, (off_t)out->len, &got, what, err) < 0)
			return -1;
		out->len += got;
	}
	if (out->len > SEND_BODY_MAX)
		return error_set(err, ERROR_FORM, "%s: too large", what);
	return 0;
}

int
send_source_file(
    struct send_source *source, const char *path, struct send_rule *rule)
{
	struct error err = ERROR_INIT;
	int fd = STDIN_FILENO, rc;

	if (strcmp(path, "-") != 0) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			(void)error_system(&err, "cannot open %s", path);
			return tool_error(&err);
		}
	}
	rc = read_all(&source->payload, fd, path, &err);
	if (fd != STDIN_FILENO)
		io_discard(&fd);
	rule->payload = buf_span(&source->payload);
	return rc < 0 ? tool_error(&err) : EX_OK;
}

/* Is it one of these, with spaces between? */
static bool
is_among(const char *words, const char *name)
{
	struct span rest = span_of(words ? words : ""), word;

	while (span_cut(&rest, ' ', &word))
		if (word.len == strlen(name) &&
		    strncasecmp(word.at, name, word.len) == 0)
			return true;
	return false;
}

/* Those that are made anew for each call. */
static bool
is_signature(const struct sender *sender, const char *name)
{
	const struct scheme_text *text;
	size_t i;

	for (i = 0; i < SCHEME_SET_MAX; i++) {
		text = &sender->signature[i];
		if (is_among(text->item[SCHEME_HEADER], name) ||
		    is_among(text->item[SCHEME_TIME], name))
			return true;
	}
	return false;
}

static int
add_header(struct send_source *source, const char *name, struct json_value said,
    struct send_rule *rule, struct error *err)
{
	struct buf *line = &source->lines[source->line_count];

	if (rule->header_count == SEND_HEADERS_MAX)
		return error_set(err, ERROR_FORM, "too many headers");
	buf_append_text(line, name);
	buf_append_text(line, ": ");
	if (!json_decode_string(said, line))
		return error_set(err, ERROR_FORM, "%s is no text", name);
	buf_append_byte(line, '\0');
	if (buf_check(line, err) < 0)
		return -1;
	if (!send_call_is_header(line->at) || strlen(line->at) + 1 != line->len)
		return error_set(err, ERROR_FORM, "%s fits no header", name);
	rule->headers[rule->header_count++] = line->at;
	source->line_count++;
	return 0;
}

/* A header in the sender's other spelling is sent in the first. */
static void
respell(const struct sender *sender, const char *name, char *out, size_t size)
{
	const char *const *spell = sender->spellings;
	size_t len = spell[0] ? strlen(spell[1]) : 0;

	if (len && strncasecmp(name, spell[1], len) == 0)
		(void)snprintf(out, size, "%s%s", spell[0], name + len);
	else
		(void)snprintf(out, size, "%s", name);
}

static int
add_headers(struct send_source *source, const struct event *event,
    struct send_rule *rule, struct error *err)
{
	const struct sender *sender = rule->sender;
	char attribute[ENVELOPE_NAME_SIZE], name[128];
	struct json_value said;
	size_t i;

	for (i = 0; i < SENDER_HEADERS_MAX && sender->headers[i]; i++) {
		respell(sender, sender->headers[i], name, sizeof(name));
		if (is_signature(sender, name) ||
		    !envelope_attribute(sender->headers[i], attribute) ||
		    !json_member(event->root, attribute, &said))
			continue;
		if (add_header(source, name, said, rule, err) < 0)
			return -1;
	}
	if (json_member(event->root, "datacontenttype", &said))
		return add_header(source, "Content-Type", said, rule, err);
	return 0;
}

static int
take_event(struct send_source *source, const struct event *event,
    struct send_rule *rule, struct error *err)
{
	struct span said = event_get(event, EVENT_SENDER);
	char name[64];

	if (event_get(event, EVENT_REASON).len)
		return error_set(err, ERROR_FORM,
		    "this call did not verify, so it is no message: see "
		    "hookdir reverify");
	if (!rule->sender && said.len < sizeof(name)) {
		(void)snprintf(
		    name, sizeof(name), "%.*s", (int)said.len, said.at);
		rule->sender = said.len ? sender_find(name) : NULL;
	}
	if (!rule->sender)
		return error_set(err, ERROR_FORM,
		    "the message names no known sender; say --sender");
	if (event_payload(event, &source->payload, err) < 0)
		return -1;
	if (source->payload.len == 0)
		return error_set(err, ERROR_FORM,
		    "the message has no data that could be sent");
	rule->payload = buf_span(&source->payload);
	return add_headers(source, event, rule, err);
}

/* A descriptor; -2 if there is no such message. */
static int
open_message(const struct queue *queue, const char *name, struct error *err)
{
	char file[NAME_MAX + 1];
	enum queue_state state;
	struct stat st;
	int rc = queue_find(queue, name, ANY_STATE, &state, file, err);

	if (rc != 1)
		return rc < 0 ? -1 : -2;
	return queue_open_file(queue, state, file, &st, err);
}

int
send_source_spool(struct send_source *source, const char *spool,
    const char *name, struct send_rule *rule)
{
	struct error err = ERROR_INIT;
	struct queue queue;
	struct event event;
	int code = tool_open_queue(&queue, spool), fd;

	if (code != EX_OK)
		return code;
	event_init(&event);
	fd = open_message(&queue, name, &err);
	if (fd == -2)
		code = tool_fail(
		    EX_NOINPUT, "no message %s in %s", name, queue.path);
	else if (fd < 0 || event_read(&event, fd, &err) < 0 ||
	    take_event(source, &event, rule, &err) < 0)
		code = tool_error(&err);
	if (fd >= 0)
		io_discard(&fd);
	event_free(&event);
	queue_close(&queue);
	return code;
}
