/* SPDX-License-Identifier: MIT */
/*
 * check - does hookdir answer at this URL?
 *
 * One call with a method that the sender does not use, GET unless it uses that:
 * hookdir refuses it with 405, and stores nothing. A front page's 200 is not
 * that, nor a 405 in another form.
 */
#include "net/check.h"

#include <string.h>

#include "base/secret.h"
#include "hookdir/arguments.h"
#include "hookdir/key_file.h"
#include "net/fetch_http.h"
#include "net/send_answer.h"
#include "net/send_http.h"
#include "net/send_url.h"
#include "message/sender.h"

#define TIMEOUT	   10
#define ANSWER_MAX 8192
/*
 * For a moment after a reload the web server's workers of before may answer,
 * too: hookdir has to answer so often one after the other.
 */
#define IN_A_ROW 4
#define ATTEMPTS 30
#define PAUSE_NS 100000000L

struct checking {
	const char *url, *key_file, *method;
	const struct sender *sender;
	struct send_peer peer;
	struct buf key, answer;
	struct curl_slist *headers;
};

static size_t
on_answer(char *bytes, size_t one, size_t len, void *context)
{
	struct buf *answer = context;

	(void)one;
	if (answer->len + len <= ANSWER_MAX)
		buf_append(answer, bytes, len);
	return len;
}

/* Where it is in no URL, a bearer token opens the endpoint. */
static int
add_token(struct checking *c)
{
	struct buf header = BUF_INIT(KEY_FILE_MAX + 64);
	int code = EX_OK;

	if (c->key.len == 0 || strstr(c->url, SEND_URL_KEY))
		return EX_OK;
	buf_append_text(&header, "Authorization: Bearer ");
	buf_append_span(&header, buf_span(&c->key));
	buf_append_byte(&header, '\0');
	if (!header.failed)
		c->headers = curl_slist_append(NULL, header.at);
	if (!c->headers)
		code = tool_fail(EX_OSERR, "no memory");
	if (header.at)
		secret_wipe(header.at, header.size);
	buf_free(&header);
	return code;
}

static void
ask(struct checking *c, struct send_answer *answer)
{
	CURL *curl = curl_easy_init();
	CURLcode got = CURLE_FAILED_INIT;
	long status = 0;
	int bad = curl ? send_http_set_peer(curl, &c->peer) : 1;

	buf_reset(&c->answer);
	if (curl) {
		bad |= (int)curl_easy_setopt(
		    curl, CURLOPT_CUSTOMREQUEST, c->method);
		bad |=
		    (int)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, c->headers);
		bad |= (int)curl_easy_setopt(
		    curl, CURLOPT_WRITEFUNCTION, on_answer);
		bad |=
		    (int)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &c->answer);
	}
	if (bad == 0)
		got = curl_easy_perform(curl);
	if (got == CURLE_OK)
		(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (got == CURLE_OK)
		send_answer_read(answer, status, buf_span(&c->answer));
	else
		send_answer_none(answer, curl_easy_strerror(got));
	curl_easy_cleanup(curl);
}

static int
judge(const struct checking *c, const struct send_answer *answer)
{
	switch (answer->verdict) {
	case SEND_REFUSED:
		(void)printf("%s of %s: %ld, by hookdir\n", c->method, c->url,
		    answer->status);
		return EX_OK;
	case SEND_FAULT:
		(void)tool_fail(EX_TEMPFAIL,
		    "%s: 503: %s. Does hookdir.socket run?", c->url,
		    answer->detail);
		return EX_TEMPFAIL;
	case SEND_NONE:
		return tool_fail(EX_UNAVAILABLE, "%s: no answer: %s", c->url,
		    answer->detail);
	default:
		return tool_fail(EX_PROTOCOL, "%s: %s: %s", c->url,
		    answer->kind, answer->detail);
	}
}

static int
check(struct checking *c)
{
	const struct timespec pause = { 0, PAUSE_NS };
	struct send_answer answer;
	int i, good = 0;

	for (i = 0; i < ATTEMPTS && good < IN_A_ROW; i++) {
		if (i > 0)
			(void)nanosleep(&pause, NULL);
		ask(c, &answer);
		if (answer.verdict == SEND_FAULT)
			break;
		good = answer.verdict == SEND_REFUSED ? good + 1 : 0;
	}
	return judge(c, &answer);
}

static int
run(struct checking *c)
{
	struct error err = ERROR_INIT;
	int code = EX_OK;

	if (c->key_file && key_file_read(&c->key, c->key_file, &err) < 0)
		return tool_error(&err);
	if (send_url_read(&c->peer.url, c->url, buf_span(&c->key), &err) < 0)
		return tool_usage("%s: %s", c->url, err.text);
	if (fetch_http_start(&err) < 0)
		return tool_error(&err);
	code = add_token(c);
	if (code == EX_OK)
		code = check(c);
	fetch_http_stop();
	return code;
}

static int
take_option(struct checking *c, int option)
{
	switch (option) {
	case 's':
		c->sender = sender_find(optarg);
		return c->sender ? EX_OK
				 : tool_usage("there is no sender %s", optarg);
	case 'k':
		c->key_file = optarg;
		return EX_OK;
	case 'i':
		c->peer.insecure = true;
		return EX_OK;
	case 'C':
		c->peer.ca = optarg;
		return EX_OK;
	default:
		return send_url_resolve(&c->peer, optarg);
	}
}

static int
read_options(int argc, char **argv, struct checking *c)
{
	static const struct option options[] = {
		{ "sender", required_argument, NULL, 's' },
		{ "key-file", required_argument, NULL, 'k' },
		{ "insecure", no_argument, NULL, 'i' },
		{ "cacert", required_argument, NULL, 'C' },
		{ "resolve", required_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int operands = 0, got, code = EX_OK;

	while (code == EX_OK &&
	    (got = arguments_next(argc, argv, options, &operands)) != -1)
		code = take_option(c, got);
	if (code == EX_OK && operands != 1)
		code =
		    tool_usage(operands ? "one URL at a time" : "which URL?");
	if (code == EX_OK && !c->sender)
		code = tool_usage("which sender? --sender is missing");
	if (code != EX_OK)
		return code;
	c->url = argv[1];
	c->method = strstr(c->sender->methods, "GET") ? "PUT" : "GET";
	return EX_OK;
}

int
net_check(int argc, char **argv)
{
	struct checking c = { .peer = { .url = FETCH_URL_INIT,
				  .timeout = TIMEOUT },
		.key = BUF_INIT(KEY_FILE_MAX),
		.answer = BUF_INIT(ANSWER_MAX) };
	int code = read_options(argc, argv, &c);

	if (code == EX_OK)
		code = tool_finish(run(&c));
	if (c.key.at)
		secret_wipe(c.key.at, c.key.size);
	buf_free(&c.key);
	buf_free(&c.answer);
	fetch_url_free(&c.peer.url);
	curl_slist_free_all(c.headers);
	curl_slist_free_all(c.peer.resolve);
	return code;
}
