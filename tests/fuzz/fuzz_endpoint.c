/* SPDX-License-Identifier: MIT */
/*
 * fuzz_endpoint - parameters of a request, and what an endpoint makes of them
 *
 * A byte for the way the body comes, NAME=VALUE with a NUL behind each, an
 * empty one, and the body.
 */
#include "budget.h"
#include "endpoint.h"
#include "fuzz.h"
#include "stream.h"

#define PARAMS_MAX 64

static const char *const known[] = { "ROLE", "SPOOL", "SENDER", "EVENT",
	"SOURCE", "KEY", "KEY_PREVIOUS", "AUTH", "TOKEN_KEY",
	"TOKEN_KEY_PREVIOUS", "CLIENT_ID", "CLIENT_SECRET",
	"CLIENT_SECRET_PREVIOUS", "TOKEN_TTL", "JWKS", "ISSUER", "AUDIENCE",
	"MAX_BODY", "QUARANTINE", "QUARANTINE_FILES", "DEDUP", "HEADERS",
	"SECRET_HEADERS", "CREATE", "SIGNATURE_HEADER", "SIGNATURE_PREFIX",
	"SIGNATURE_SEPARATOR", "SIGNATURE_ALGORITHM", "SIGNED", "TIME",
	"TIME_FORMAT", "KEY_ENCODING", "TOLERANCE", "URL", "ID", "TYPE",
	"SUBJECT", "REFERENCE", "CHALLENGE", "CHALLENGE_TOKEN",
	"REFUSED_STATUS", "ANSWER" };

/* The last one counts, by hand. */
static const char *
find(char **params, const char *prefix, const char *name)
{
	const char *found = NULL, *end;
	struct buf whole = BUF_INIT(256);

	buf_printf(&whole, "%s%s", prefix, name);
	for (; *params; params++) {
		end = strchr(*params, '=');
		if (end &&
		    fuzz_same((struct span){ *params, (size_t)(end - *params) },
			buf_span(&whole)))
			found = end + 1;
	}
	buf_free(&whole);
	return found;
}

static bool
is_known(const char *param)
{
	size_t i, len = strcspn(param, "=");

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (param[len] && strlen(known[i]) == len &&
		    strncmp(param, known[i], len) == 0)
			return true;
	/* A further key has a name in lower case. */
	return strncmp(param, "KEY_", 4) == 0 && len > 4 && param[len] &&
	    strspn(param + 4, "abcdefghijklmnopqrstuvwxyz0123456789_") ==
	    len - 4;
}

static bool
is_number(const char *text, uint64_t got, uint64_t otherwise)
{
	char *end;

	if (!text)
		return got == otherwise;
	return strspn(text, "0123456789") == strlen(text) && *text &&
	    strtoull(text, &end, 10) == got;
}

/* Nothing is ever accepted because something was forgotten. */
static void
check_good(const struct endpoint *ep, char **params)
{
	bool receives = ep->role == ROLE_RECEIVE;
	size_t i;

	for (i = 0; params[i]; i++)
		if (strncmp(params[i], "HOOKDIR_", 8) == 0)
			CHECK(is_known(params[i] + 8));
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const char *text = find(params, "HOOKDIR_", known[i]);

		CHECK(!text || *text);
	}
	CHECK(ep->sender && ep->kept.count <= MESSAGE_HEADERS_MAX &&
	    ep->secret.count <= MESSAGE_HEADERS_MAX);
	CHECK(ep->role == ROLE_TOKEN || (ep->spool && ep->spool[0] == '/'));
	CHECK(ep->role != ROLE_HEALTH ||
	    (!ep->signing.keys.count && !ep->token_keys.count &&
		!ep->client_id));
	CHECK(!receives || ep->auth != AUTH_DEFAULT);
	CHECK(!receives ||
	    (ep->sender->scheme == SCHEME_NONE && !ep->signing.schemes.count) ==
		(ep->signing.keys.count == 0));
	CHECK(!receives || !ep->sender->needs_event || ep->event);
	CHECK(ep->auth != AUTH_SIGNATURE || ep->signing.keys.count);
	CHECK(ep->auth != AUTH_TOKEN ||
	    ((ep->jwks || ep->token_keys.count) && ep->issuer && ep->audience));
	CHECK(ep->role != ROLE_TOKEN ||
	    (ep->client_id && ep->client_secrets.count &&
		ep->token_keys.count && ep->issuer && ep->audience));
	CHECK(is_number(
	    find(params, "HOOKDIR_", "MAX_BODY"), ep->max_body, 16u << 20));
	CHECK(is_number(find(params, "HOOKDIR_", "QUARANTINE"),
	    ep->quarantine.bytes, 64u << 20));
	CHECK(is_number(find(params, "HOOKDIR_", "QUARANTINE_FILES"),
	    ep->quarantine.files, 10000));
	CHECK(is_number(find(params, "HOOKDIR_", "DEDUP"), ep->dedup, 0));
	CHECK(is_number(
	    find(params, "HOOKDIR_", "TOKEN_TTL"), ep->token_ttl, 3600));
	CHECK(ep->max_body >= 1 && ep->max_body <= 1u << 30);
	CHECK(ep->token_ttl >= 1 && ep->dedup <= 366u * 86400);
}

static void
check_target(const struct request *rq)
{
	struct span path, query;
	const char *uri;

	request_target(rq, &path, &query);
	uri = request_param(rq, "REQUEST_URI");
	/* What begins with its query has no path in front of it. */
	CHECK(path.len || (uri && *uri == '?'));
	CHECK(!uri || !*uri || !memchr(path.at, '?', path.len));
}

/* Then the length may be that of what was sent. */
static bool
is_decoded(const struct request *rq)
{
	return rq->transport->has_end &&
	    request_param(rq, "HTTP_CONTENT_ENCODING");
}

static void
check_body(const struct request *rq, struct span body)
{
	const char *length = request_param(rq, "CONTENT_LENGTH");
	const struct stream *s = rq->connection;
	struct buf got = BUF_INIT(4096);
	struct error err = ERROR_INIT;
	bool breaks = s->breaks;
	struct budget_share share;

	budget_join(&share, NULL, NULL);
	if (request_read_body(rq, &got, &share, &err) == 0) {
		CHECK(got.len <= body.len &&
		    (!got.len || memcmp(got.at, body.at, got.len) == 0));
		/* "-1" is from servers that do not know it. */
		if (length && *length && strcmp(length, "-1") != 0)
			CHECK(is_number(length, got.len, 0) || is_decoded(rq));
		else
			CHECK(got.len == body.len && !breaks);
		CHECK(!rq->transport->has_end || got.len == body.len);
	} else {
		CHECK(error_class(err.code) == CLASS_REFUSAL ||
		    (err.code == ERROR_CONFIGURATION &&
			rq->transport->has_end));
	}
	budget_give(&share);
	buf_free(&got);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *params[PARAMS_MAX + 1];
	struct transport transport = { .read = stream_read,
		.turn = stream_turn,
		.is_late = stream_is_late };
	struct stream stream = { .piece = 1 };
	struct request rq = {
		.transport = &transport, .connection = &stream, .params = params
	};
	struct buf header = BUF_INIT(FUZZ_ROOM);
	struct error err = ERROR_INIT;
	struct endpoint ep;
	struct input in;
	size_t count = 0;
	unsigned how;

	input_start(&in, data, size);
	how = input_byte(&in);
	transport.has_end = how & 1;
	stream.breaks = how & 2;
	stream.piece = 1 + (how >> 2) * 37;
	while (count < PARAMS_MAX) {
		params[count] = (char *)(uintptr_t)input_text(&in);
		if (params[count][0] == '\0')
			break;
		count++;
	}
	params[count] = NULL;
	if (endpoint_read(&ep, &rq, &err) == 0)
		check_good(&ep, params);
	else
		CHECK(err.code == ERROR_CONFIGURATION && err.text[0]);
	check_target(&rq);
	request_header(&rq, "SMD-User", &header);
	CHECK(!header.failed);
	buf_free(&header);
	err = (struct error)ERROR_INIT;
	if (request_check_method(&rq, "GET, POST", &err) == 0)
		CHECK(
		    strcmp(request_param(&rq, "REQUEST_METHOD"), "GET") == 0 ||
		    strcmp(request_param(&rq, "REQUEST_METHOD"), "POST") == 0);
	stream.left = input_rest(&in);
	check_body(&rq, stream.left);
	input_end(&in);
	return 0;
}
