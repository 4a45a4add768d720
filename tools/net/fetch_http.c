/* SPDX-License-Identifier: MIT */
/*
 * fetch_http - one request, one answer, with limits
 *
 * Each request has a handle of its own: a connection that was made under
 * one rule is never used again under another.
 */
#include "net/fetch_http.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"
#include "base/secret.h"

#define CONNECT_SECONDS 10L
/* Slower than this for so long is a peer that has gone away. */
#define SLOW_BYTES   100L
#define SLOW_SECONDS 15L

/* One request on its way. */
struct exchange {
	const struct fetch_request *request;
	CURL *curl;
	uint64_t got;
	unsigned tried, refused; /* addresses */
	int errnum;		 /* why there was no socket, or 0 */
	bool left;		 /* the body is not wanted */
	struct error *err;
};

static volatile sig_atomic_t stopped; /* the signal's number */

static void
on_signal(int number)
{
	stopped = number;
}

int
fetch_http_signal(void)
{
	return stopped;
}

void
fetch_answer_init(struct fetch_answer *answer)
{
	const struct buf empty = BUF_INIT(FETCH_HEADER_MAX);

	answer->status = 0;
	answer->reached = answer->untrusted = false;
	answer->location = answer->type = empty;
	answer->authorization = answer->refresh = empty;
	answer->date = answer->retry_after = empty;
	answer->total = answer->pages = empty;
}

void
fetch_answer_free(struct fetch_answer *answer)
{
	secret_wipe(answer->authorization.at, answer->authorization.size);
	secret_wipe(answer->refresh.at, answer->refresh.size);
	buf_free(&answer->authorization);
	buf_free(&answer->refresh);
	buf_free(&answer->date);
	buf_free(&answer->retry_after);
	buf_free(&answer->total);
	buf_free(&answer->pages);
	buf_free(&answer->location);
	buf_free(&answer->type);
}

/*
 * The one place where a connection can begin, whatever led here: a name, an
 * address in any spelling, or a redirect.
 */
static curl_socket_t
open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct exchange *exchange = context;
	int fd;

	if (purpose != CURLSOCKTYPE_IPCXN)
		return CURL_SOCKET_BAD;
	if (!exchange->request->anywhere &&
	    !address_is_public(&to->addr, to->addrlen)) {
		exchange->refused++;
		return CURL_SOCKET_BAD;
	}
	exchange->tried++;
	fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	if (fd < 0 && errno != EAFNOSUPPORT)
		exchange->errnum = errno;
	return fd;
}

/* Is there, or will there be, more than is wanted? */
static bool
is_too_large(struct exchange *exchange)
{
	curl_off_t announced = 0;

	(void)curl_easy_getinfo(
	    exchange->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	return exchange->got > exchange->request->max_size ||
	    (announced > 0 &&
		(uint64_t)announced > exchange->request->max_size);
}

static size_t
on_body(char *bytes, size_t one, size_t len, void *context)
{
	struct exchange *exchange = context;
	long status = 0;

	(void)one;
	(void)curl_easy_getinfo(
	    exchange->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200 && !exchange->request->any_status) {
		exchange->left = true;
		return 0;
	}
	exchange->got += len;
	if (is_too_large(exchange)) {
		(void)error_set(exchange->err, ERROR_TOO_LARGE,
		    "larger than %llu bytes",
		    (unsigned long long)exchange->request->max_size);
		return 0;
	}
	if (exchange->request->take(exchange->request->context,
		(struct span){ bytes, len }, exchange->err) < 0)
		return 0;
	return len;
}

/* libcurl calls this once a second or more often. */
static int
on_progress(void *context, curl_off_t down_all, curl_off_t down,
    curl_off_t up_all, curl_off_t up)
{
	(void)context;
	(void)down_all;
	(void)down;
	(void)up_all;
	(void)up;
	return stopped != 0;
}

/* What must hold for every request. Answers 0 when all of it was taken. */
static int
set_rules(CURL *curl, struct exchange *exchange)
{
	const struct fetch_request *request = exchange->request;
	int bad = 0;

	bad |= (int)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	bad |= (int)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	bad |= (int)curl_easy_setopt(
	    curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	bad |= (int)curl_easy_setopt(
	    curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, exchange);
	bad |= (int)curl_easy_setopt(
	    curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	if (request->ca[0] != '\0') {
		bad |= (int)curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca);
		bad |= (int)curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	return bad;
}

static int
set_request(CURL *curl, struct exchange *exchange)
{
	const struct fetch_request *request = exchange->request;
	long timeout = request->timeout;
	int bad = 0;

	bad |= (int)curl_easy_setopt(curl, CURLOPT_CURLU, request->url->parts);
	bad |= (int)curl_easy_setopt(
	    curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	bad |= (int)curl_easy_setopt(
	    curl, CURLOPT_USERAGENT, "hookdir/" HOOKDIR_VERSION);
	bad |=
	    (int)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, request->headers);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	bad |=
	    (int)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
	    timeout < CONNECT_SECONDS ? timeout : CONNECT_SECONDS);
	if (request->post.at) {
		bad |= (int)curl_easy_setopt(
		    curl, CURLOPT_POSTFIELDS, request->post.at);
		bad |= (int)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)request->post.len);
	}
	bad |= (int)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
	bad |=
	    (int)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SLOW_SECONDS);
	return bad;
}

/* A header of the last answer; one that is too long is none. */
static void
take_header(CURL *curl, const char *name, struct buf *out)
{
	struct curl_header *header = NULL;

	buf_reset(out);
	if (curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &header) ==
		CURLHE_OK &&
	    strlen(header->value) <= FETCH_HEADER_MAX)
		buf_append_text(out, header->value);
}

/*
 * RFC 9112 6.3: without a length and without chunks the end of the connection
 * is the end of the body, and a connection that broke looks the same.
 */
static bool
is_whole(CURL *curl)
{
	struct curl_header *header = NULL;
	curl_off_t length = -1;
	long status = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(
	    curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	return status != 200 || length >= 0 ||
	    (curl_easy_header(curl, "Transfer-Encoding", 0, CURLH_HEADER, -1,
		 &header) == CURLHE_OK &&
		strcasecmp(header->value, "chunked") == 0);
}

static int
take_answer(CURL *curl, struct fetch_answer *answer, struct error *err)
{
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
	take_header(curl, "Location", &answer->location);
	take_header(curl, "Content-Type", &answer->type);
	take_header(curl, "Set-Authorization", &answer->authorization);
	take_header(curl, "Set-Refresh-Token", &answer->refresh);
	take_header(curl, "Date", &answer->date);
	take_header(curl, "Retry-After", &answer->retry_after);
	take_header(curl, "X-Total-Count", &answer->total);
	take_header(curl, "X-Total-Pages", &answer->pages);
	if (answer->date.failed || answer->retry_after.failed ||
	    answer->total.failed || answer->pages.failed)
		return error_set(err, ERROR_MEMORY, "no memory");
	if (buf_check(&answer->location, err) < 0 ||
	    buf_check(&answer->type, err) < 0 ||
	    buf_check(&answer->authorization, err) < 0)
		return -1;
	return buf_check(&answer->refresh, err);
}

/* Why there is no answer. The texts of libcurl hold nothing from outside. */
static int
explain(const struct exchange *exchange, CURLcode code, struct error *err)
{
	const char *host = exchange->request->url->host;

	if (code == CURLE_OUT_OF_MEMORY)
		return error_set(err, ERROR_MEMORY, "no memory");
	if (stopped)
		return error_set(err, ERROR_INCOMPLETE, "stopped by a signal");
	if (exchange->refused && !exchange->tried)
		return error_set(
		    err, ERROR_FORM, "%.100s has no public address", host);
	if (exchange->errnum) {
		errno = exchange->errnum;
		return error_system(err, "%.100s: cannot open a socket", host);
	}
	if (code == CURLE_SSL_CACERT_BADFILE)
		return error_set(err, ERROR_CONFIGURATION,
		    "%.100s: no certificates to verify servers with: install "
		    "ca-certificates, or set ca",
		    host);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return error_set(err, ERROR_INCOMPLETE,
		    "%.100s: its certificate does not verify: expired, for "
		    "another name, or of an unknown authority",
		    host);
	return error_set(err, ERROR_INCOMPLETE, "%.100s: %s", host,
	    curl_easy_strerror(code));
}

static void
note_connection(CURL *curl, CURLcode code, struct fetch_answer *answer)
{
	curl_off_t connected = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connected);
	answer->reached = code != CURLE_COULDNT_RESOLVE_HOST &&
	    code != CURLE_COULDNT_CONNECT &&
	    (code != CURLE_OPERATION_TIMEDOUT || connected > 0);
	answer->untrusted = code == CURLE_PEER_FAILED_VERIFICATION ||
	    code == CURLE_SSL_ISSUER_ERROR;
}

int
fetch_http(const struct fetch_request *request, struct fetch_answer *answer,
    struct error *err)
{
	struct exchange exchange = { .request = request, .err = err };
	CURLcode code;
	int rc = -1;

	exchange.curl = curl_easy_init();
	if (!exchange.curl)
		return error_set(err, ERROR_MEMORY, "no memory");
	if (set_rules(exchange.curl, &exchange) != 0 ||
	    set_request(exchange.curl, &exchange) != 0) {
		(void)error_set(err, ERROR_MEMORY, "libcurl takes no orders");
		goto out;
	}
	code = curl_easy_perform(exchange.curl);
	note_connection(exchange.curl, code, answer);
	if (err->code == ERROR_NONE && code != CURLE_OK && !exchange.left)
		(void)explain(&exchange, code, err);
	if (err->code == ERROR_NONE && !exchange.left && !request->any_end &&
	    !is_whole(exchange.curl))
		(void)error_set(err, ERROR_INCOMPLETE,
		    "%.100s: neither a length nor chunks tell where the "
		    "answer ends",
		    request->url->host);
	if (err->code == ERROR_NONE)
		rc = take_answer(exchange.curl, answer, err);
out:
	curl_easy_cleanup(exchange.curl);
	return rc;
}

bool
fetch_http_reaches(const struct fetch_url *url)
{
	CURL *curl = curl_easy_init();
	struct fetch_answer answer = { 0 };

	if (!curl)
		return false;
	if (curl_easy_setopt(curl, CURLOPT_CURLU, url->parts) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS) ==
		CURLE_OK)
		note_connection(curl, curl_easy_perform(curl), &answer);
	curl_easy_cleanup(curl);
	return answer.reached;
}

int
fetch_http_start(struct error *err)
{
	struct sigaction action = { .sa_handler = on_signal };

	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
	/* libcurl was told to leave signals alone, and so leaves us this. */
	(void)signal(SIGPIPE, SIG_IGN);
	/* It would write down the keys of every connection. */
	(void)unsetenv("SSLKEYLOGFILE");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(err, ERROR_MEMORY, "libcurl does not start");
	return 0;
}

void
fetch_http_stop(void)
{
	curl_global_cleanup();
}
