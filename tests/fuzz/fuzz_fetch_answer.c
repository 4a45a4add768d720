/* SPDX-License-Identifier: MIT */
/*
 * fuzz_fetch_answer - what an API, or anybody, answers to fetch
 *
 * A byte says who is asked: the API, an address that the API has named, or
 * one that somebody else has. Then the address or path, the session's file,
 * and for each answer its status, Location, Content-Type, the two headers
 * with tokens, and the body, a NUL behind each.
 *
 * Nothing is sent: fetch_http() is replaced when this is linked, see fuzz.mk.
 * What would be sent is looked at.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <strings.h>

#include "net/fetch_download.h"

#define BASE "https://api.example/v2"

enum asked {
	ASK_API,
	ASK_PRESIGNED,
	ASK_NAMED
};

/* fuzz.mk has the linker give us these calls. */
int __wrap_fetch_http(const struct fetch_request *request,
    struct fetch_answer *answer, struct error *err);
int __wrap_fetch_state_pace(int dir, struct error *err);

static struct input in;
static enum asked asked;
static unsigned requests;
static struct buf last;

static void
check_headers(const struct fetch_request *request)
{
	const struct curl_slist *header = request->headers;
	const char *c;

	if (asked != ASK_API) {
		/* Whoever is asked for a document is told no secret. */
		CHECK(!header);
		return;
	}
	CHECK(header && !header->next);
	CHECK(strncmp(header->data, "Authorization: ", 15) == 0 ||
	    strncmp(header->data, "Refresh-Token: ", 15) == 0);
	for (c = header->data; *c; c++)
		CHECK(*c >= ' ' && *c <= '~');
}

static void
check_address(const struct fetch_request *request)
{
	const struct fetch_url *url = request->url;
	char *scheme = NULL;

	CHECK(curl_url_get(url->parts, CURLUPART_SCHEME, &scheme, 0) ==
		CURLUE_OK &&
	    strcasecmp(scheme, "https") == 0);
	curl_free(scheme);
	if (asked == ASK_API || request->anywhere)
		CHECK(strcasecmp(url->host, "api.example") == 0 &&
		    url->port == 443);
	if (asked == ASK_NAMED)
		CHECK(!request->anywhere &&
		    ((strcasecmp(url->host, "files.example") == 0 &&
			 url->port == 443) ||
			(strlen(url->host) > 12 &&
			    strcasecmp(url->host + strlen(url->host) - 12,
				".cdn.example") == 0 &&
			    url->port == 8443)));
	if (asked == ASK_PRESIGNED)
		CHECK(url->port == 443 || url->port == 8443);
}

int
__wrap_fetch_http(const struct fetch_request *request,
    struct fetch_answer *answer, struct error *err)
{
	struct span body;

	CHECK(++requests <= 6);
	check_headers(request);
	check_address(request);
	if (!in.rest.len)
		return error_set(err, ERROR_INCOMPLETE, "no answer");
	answer->status = strtol(input_text(&in), NULL, 10);
	buf_append_text(&answer->location, input_text(&in));
	buf_append_text(&answer->type, input_text(&in));
	buf_append_text(&answer->authorization, input_text(&in));
	buf_append_text(&answer->refresh, input_text(&in));
	body = input_field(&in);
	if (answer->status != 200)
		return 0;
	if (body.len > request->max_size)
		return error_set(err, ERROR_TOO_LARGE, "too large");
	buf_reset(&last);
	buf_append_span(&last, body);
	return request->take(request->context, body, err);
}

int
__wrap_fetch_state_pace(int dir, struct error *err)
{
	(void)err;
	CHECK(dir >= 0);
	return 0;
}

static void
ask_api(struct fetch_api *api, const char *path)
{
	struct buf out = BUF_INIT(4096);
	struct error err = ERROR_INIT;

	if (fetch_api_get(api, path, &out, &err) == 0) {
		CHECK(fuzz_same(buf_span(&out), buf_span(&last)));
		CHECK(fetch_state_is_token(span_of(api->session.access)));
	} else {
		CHECK(err.code != ERROR_NONE);
	}
	CHECK(!api->session.access[0] ||
	    fetch_state_is_token(span_of(api->session.access)));
	CHECK(!api->session.refresh[0] ||
	    fetch_state_is_token(span_of(api->session.refresh)));
	buf_free(&out);
}

static void
download(struct fetch_job *job, const char *address)
{
	struct error err = ERROR_INIT;
	struct fetch_download d;

	CHECK(fetch_download_init(
		  &d, fuzz_file((struct span){ NULL, 0 }), &err) == 0);
	if (fetch_download(
		job, asked == ASK_PRESIGNED, span_of(address), &d, &err) == 0) {
		CHECK(d.status == 200 && strlen(d.sha256) == 64);
		CHECK(d.size == last.len);
	} else {
		CHECK(err.code == ERROR_FORM || err.code == ERROR_TOO_LARGE ||
		    err.code == ERROR_INCOMPLETE);
	}
	CHECK(requests <= 4);
	fetch_download_free(&d);
}

/* A folder of our own, gone but for its descriptor's sake at the end. */
static char place[128];
static int dir = -1;

static void
leave(void)
{
	(void)unlinkat(dir, "session", 0);
	(void)rmdir(place);
}

static void
start(void)
{
	const char *top = getenv("TMPDIR");

	(void)snprintf(place, sizeof(place), "%.80s/hookdir-fuzz-XXXXXX",
	    top && *top == '/' ? top : "/tmp");
	CHECK(mkdtemp(place));
	dir = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(dir >= 0 && atexit(leave) == 0);
}

static void
write_session(struct span text)
{
	int fd = openat(
	    dir, "session", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK(write(fd, text.at, text.len) == (ssize_t)text.len);
	CHECK(close(fd) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *hosts[] = { "files.example", "*.cdn.example:8443" };
	static const struct fetch_config config = {
		.base = BASE, .username = "shop", .password = "password"
	};
	const struct fetch_options options = {
		.hosts = hosts, .host_count = 2, .max_size = 4096, .timeout = 1
	};
	struct error err = ERROR_INIT;
	struct fetch_job job;
	const char *address;

	if (dir < 0)
		start();
	input_start(&in, data, size);
	memset(&job, 0, sizeof(job));
	last = (struct buf)BUF_INIT(FUZZ_ROOM);
	requests = 0;
	asked = (enum asked)(input_byte(&in) % 3);
	address = input_text(&in);
	write_session(input_field(&in));
	job.options = &options;
	job.config = job.api.config = &config;
	job.api.timeout = 1;
	job.api.dir = dir;
	CHECK(fetch_url_read(&job.api.base, span_of(BASE), &err) == 0);
	if (asked == ASK_API)
		ask_api(&job.api, address);
	else
		download(&job, address);
	fetch_url_free(&job.api.base);
	buf_free(&last);
	input_end(&in);
	return 0;
}
