/* SPDX-License-Identifier: MIT */
/*
 * request - one request, whatever the transport
 */
#include "request.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/number.h"

/* Read in pieces of this size, each of which has the time of -w. */
#define PIECE 16384

#define LENGTH_UNKNOWN SIZE_MAX
#define LENGTH_MOST    UINT64_C(999999999999999999)

/* How the reading of a body ended. */
enum ending {
	ENDING_WHOLE, /* with as many bytes as were wanted */
	ENDING_EARLY, /* the peer's end came before */
	ENDING_MORE,  /* as many as were wanted, and one more */
	ENDING_BROKEN,
	ENDING_NO_ROOM, /* in the budget */
	ENDING_NO_MEMORY
};

const char *
request_param(const struct request *rq, const char *name)
{
	size_t len = strlen(name);
	const char *value = NULL;
	char **param;

	for (param = rq->params; *param; param++)
		if (strncmp(*param, name, len) == 0 && (*param)[len] == '=')
			value = *param + len + 1;
	return value;
}

/* RFC 3875 4.1.18: "SMD-User" arrives as HTTP_SMD_USER. */
static bool
is_header(const char *param, const char *name, const char **value)
{
	char c;

	if (strncmp(param, "HTTP_", 5) != 0)
		return false;
	for (param += 5; *name; name++, param++) {
		c = *name == '-' ? '_' : (char)toupper((unsigned char)*name);
		if (*param != c)
			return false;
	}
	*value = param + 1;
	return *param == '=';
}

void
request_header(const struct request *rq, const char *name, struct buf *value)
{
	const char *found;
	bool first = true;
	char **param;

	for (param = rq->params; *param; param++) {
		if (!is_header(*param, name, &found))
			continue;
		if (!first)
			buf_append_text(value, ", ");
		buf_append_text(value, found);
		first = false;
	}
}

void
request_target(const struct request *rq, struct span *path, struct span *query)
{
	const char *uri = request_param(rq, "REQUEST_URI");
	const char *end, *host, *query_string;

	*path = span_of("/");
	*query = span_of("");
	if (!uri || !*uri) {
		/* RFC 3875 has it in parts, decoded. */
		uri = request_param(rq, "SCRIPT_NAME");
		query_string = request_param(rq, "QUERY_STRING");
		if (uri && *uri)
			*path = span_of(uri);
		if (query_string)
			*query = span_of(query_string);
		return;
	}
	/* RFC 9112 3.2.2: a server must understand the absolute form too. */
	host = uri + strcspn(uri, "/?");
	if (host > uri && host[-1] == ':' && strncmp(host, "//", 2) == 0)
		uri = host + 2 + strcspn(host + 2, "/?");
	end = strchr(uri, '?');
	if (end)
		*query = span_of(end + 1);
	/* RFC 3986 6.2.3: no path at all means "/". */
	if (*uri && uri != end)
		*path = (struct span){ uri,
			end ? (size_t)(end - uri) : strlen(uri) };
}

/* CONTENT_LENGTH: absent, empty and Caddy's -1 all mean unknown. */
static int
announced_length(const struct request *rq, size_t *length, struct error *err)
{
	const char *text = request_param(rq, "CONTENT_LENGTH");
	uint64_t read;

	*length = LENGTH_UNKNOWN;
	if (!text || !*text || strcmp(text, "-1") == 0)
		return 0;
	if (!number_read(span_of(text), LENGTH_MOST, &read))
		return error_set(
		    err, ERROR_REQUEST, "the length of the body is no number");
	*length = (size_t)read;
	return 0;
}

/* RFC 9110 8.4: the last coding is the outermost. */
static bool
is_gzip_coded(const char *codings)
{
	const char *last = codings ? strrchr(codings, ',') : NULL;

	if (!codings)
		return false;
	last = last ? last + 1 : codings;
	last += strspn(last, " \t");
	return strcasecmp(last, "gzip") == 0 || strcasecmp(last, "x-gzip") == 0;
}

/*
 * A web server that decodes the body, as Apache does with "SetInputFilter
 * DEFLATE", still announces to a CGI program the length of what was sent.
 * RFC 1952 2.3.1: what is still coded begins with these two bytes.
 */
static bool
was_decoded(const struct buf *body)
{
	return body->len < 2 || memcmp(body->at, "\x1f\x8b", 2) != 0;
}

/* No client can do that: a web server passes on what it announces. */
static int
too_long(struct error *err, size_t length)
{
	return error_set(err, ERROR_CONFIGURATION,
	    "the body is longer than the %zu bytes that the web server "
	    "announced: does a filter there change it?",
	    length);
}

/* Why the budget has no room for more of this body. */
static int
no_room(struct error *err, const struct budget_share *share, size_t arrived)
{
	if (budget_was_cut(share))
		return error_set(err, ERROR_SLOW,
		    "cut off after %zu bytes: memory for large bodies was "
		    "short (-m), and this one had held the most for the "
		    "longest",
		    arrived);
	return error_set(
	    err, ERROR_MEMORY, "too many large bodies at once, see -m");
}

static int
incomplete(const struct request *rq, const struct budget_share *share,
    const struct buf *body, size_t length, struct error *err)
{
	if (budget_was_cut(share))
		return no_room(err, share, body->len);
	if (rq->transport->is_late(rq->connection))
		return error_set(err, ERROR_SLOW,
		    "the body came too slowly: %zu bytes in %.1f s", body->len,
		    (double)(clock_monotonic() - rq->started) / 1e6);
	if (length == LENGTH_UNKNOWN)
		return error_set(err, ERROR_INCOMPLETE,
		    "the body broke off after %zu bytes", body->len);
	return error_set(err, ERROR_INCOMPLETE,
	    "the body has %zu bytes, %zu were announced", body->len, length);
}

static int
too_large(struct error *err, const struct buf *body)
{
	return error_set(err, ERROR_TOO_LARGE,
	    "the body is larger than %zu bytes", body->max);
}

/* Until when the next piece has to be there. */
static int64_t
piece_deadline(const struct request *rq, size_t arrived)
{
	int64_t whole =
	    rq->started + rq->wait + (int64_t)arrived * 1000000 / REQUEST_PACE;
	int64_t piece = clock_monotonic() + rq->wait;

	return piece < whole ? piece : whole;
}

/* Up to wanted bytes, as long as there is memory and budget. */
static enum ending
read_pieces(const struct request *rq, size_t wanted, struct buf *body,
    struct budget_share *share)
{
	ssize_t got;
	size_t piece;
	char *room;

	while (body->len < wanted) {
		piece = wanted - body->len;
		if (piece > PIECE)
			piece = PIECE;
		rq->transport->turn(rq->connection, TURN_OURS, 0);
		if (!budget_take(share, body->len + piece))
			return ENDING_NO_ROOM;
		room = buf_room(body, piece);
		if (!room)
			return ENDING_NO_MEMORY;
		rq->transport->turn(
		    rq->connection, TURN_SENDS, piece_deadline(rq, body->len));
		got = rq->transport->read(rq->connection, room, piece);
		if (got <= 0)
			return got < 0 ? ENDING_BROKEN : ENDING_EARLY;
		body->len += (size_t)got;
	}
	return ENDING_WHOLE;
}

/* Is there more than what was wanted? */
static enum ending
read_on(const struct request *rq)
{
	char byte;
	ssize_t more = rq->transport->read(rq->connection, &byte, 1);

	if (more < 0)
		return ENDING_BROKEN;
	return more ? ENDING_MORE : ENDING_WHOLE;
}

/* Of a body that has come to its end: is it as long as was announced? */
static int
check_length(const struct request *rq, const struct budget_share *share,
    const struct buf *body, size_t length, struct error *err)
{
	if (body->len > length)
		return too_long(err, length);
	if (body->len < length)
		return incomplete(rq, share, body, length, err);
	return 0;
}

int
request_read_body(const struct request *rq, struct buf *body,
    struct budget_share *share, struct error *err)
{
	const bool has_end = rq->transport->has_end;
	enum ending ending;
	size_t length, wanted;
	bool open_ended;

	if (announced_length(rq, &length, err) < 0)
		return -1;
	if (length != LENGTH_UNKNOWN && length > body->max)
		return too_large(err, body);
	open_ended = length == LENGTH_UNKNOWN ||
	    (has_end &&
		is_gzip_coded(request_param(rq, "HTTP_CONTENT_ENCODING")));
	wanted = open_ended ? body->max : length;
	ending = read_pieces(rq, wanted, body, share);
	if (ending == ENDING_WHOLE && (open_ended || has_end))
		ending = read_on(rq);
	rq->transport->turn(rq->connection, TURN_OURS, 0);
	budget_settle(share);
	switch (ending) {
	case ENDING_NO_ROOM:
		return no_room(err, share, body->len);
	case ENDING_NO_MEMORY:
		return buf_check(body, err);
	case ENDING_BROKEN:
		return incomplete(rq, share, body, length, err);
	case ENDING_MORE:
		return open_ended ? too_large(err, body)
				  : too_long(err, length);
	case ENDING_WHOLE:
	case ENDING_EARLY:
		break;
	}
	if (length == LENGTH_UNKNOWN || (open_ended && was_decoded(body)))
		return 0;
	return check_length(rq, share, body, length, err);
}

int
request_check_method(
    const struct request *rq, const char *methods, struct error *err)
{
	const char *method = request_param(rq, "REQUEST_METHOD"), *at;
	size_t len = method ? strlen(method) : 0;

	for (at = methods; *at; at += strspn(at, ", ")) {
		if (strcspn(at, ", ") == len && len &&
		    strncmp(at, method, len) == 0)
			return 0;
		at += strcspn(at, ", ");
	}
	return error_set(err, ERROR_METHOD, "only %s is served here", methods);
}

int
request_write(const struct request *rq, struct span bytes)
{
	rq->transport->turn(
	    rq->connection, TURN_TAKES, clock_monotonic() + rq->wait);
	return rq->transport->write(rq->connection, bytes.at, bytes.len);
}

int
request_finish(const struct request *rq)
{
	return rq->transport->finish(rq->connection);
}
