/* SPDX-License-Identifier: MIT */
/*
 * send - send what a sender would send: the command line
 */
#include "net/send.h"

#include <string.h>

#include "hookdir/arguments.h"
#include "hookdir/key_file.h"
#include "net/fetch_http.h"
#include "net/send_http.h"
#include "net/send_report.h"
#include "net/send_source.h"
#include "net/send_url.h"
#include "base/secret.h"

#define COUNT_MOST	 1000000
#define RATE_MOST	 100000
#define CONNECTIONS_MOST 1000
#define TIMEOUT_DEFAULT	 30
#define TIMEOUT_MOST	 3600

struct sending {
	const char *url, *message; /* operands; message may be NULL */
	const char *key_file, *from;
	bool sample;
	struct send_load load;
	struct send_peer peer;
	struct send_rule rule;
	struct send_source source;
	struct buf key;
};

static int
read_key(struct sending *s)
{
	struct error err = ERROR_INIT;

	if (!s->key_file)
		return EX_OK;
	if (key_file_read(&s->key, s->key_file, &err) < 0)
		return tool_error(&err);
	s->rule.key = buf_span(&s->key);
	if (s->rule.key.len == 0)
		return tool_fail(
		    EX_CONFIG, "%s: the key is empty", s->key_file);
	/* It may become a part of a header. */
	if (memchr(s->key.at, '\n', s->key.len) ||
	    memchr(s->key.at, '\r', s->key.len) ||
	    memchr(s->key.at, '\0', s->key.len))
		return tool_fail(
		    EX_CONFIG, "%s: more than one line", s->key_file);
	return EX_OK;
}

/* Messages show the URL as it was given, without the key. */
static int
read_url(struct sending *s)
{
	struct error err = ERROR_INIT;

	s->rule.url = s->url;
	s->rule.key_is_in_url = strstr(s->url, SEND_URL_KEY) != NULL;
	if (send_url_read(&s->peer.url, s->url, s->rule.key, &err) < 0)
		return tool_usage("%s: %s", s->url, err.text);
	return EX_OK;
}

static int
check_sender(const struct sending *s)
{
	const struct sender *sender = s->rule.sender;

	if (!sender)
		return tool_usage("which sender? --sender is missing");
	if (sender->scheme != SCHEME_NONE && !s->key_file)
		return tool_usage(
		    "the sender %s signs: --key-file is missing", sender->name);
	return EX_OK;
}

static int
read_message(struct sending *s)
{
	struct send_rule *rule = &s->rule;
	int code;

	if (s->from)
		return send_source_spool(&s->source, s->from, s->message, rule);
	code = check_sender(s);
	if (code == EX_OK && s->message)
		return send_source_file(&s->source, s->message, rule);
	if (code == EX_OK)
		rule->sample = rule->sender->test.body && !s->sample
		    ? &rule->sender->test
		    : &rule->sender->sample;
	return code;
}

static int
send_all(struct sending *s)
{
	struct send_report report;
	struct error err = ERROR_INIT;
	int code;

	if (send_report_init(&report, s->load.count, &err) < 0 ||
	    fetch_http_start(&err) < 0 ||
	    send_http(&s->peer, &s->rule, &s->load, send_report_add, &report,
		&err) < 0)
		code = tool_error(&err);
	else
		code = send_report_print(&report);
	send_report_free(&report);
	fetch_http_stop();
	return code;
}

static int
run(struct sending *s)
{
	int code = read_message(s);

	if (code == EX_OK)
		code = check_sender(s);
	if (code == EX_OK)
		code = read_key(s);
	if (code == EX_OK)
		code = read_url(s);
	return code == EX_OK ? send_all(s) : code;
}

static int
add_header(struct send_rule *rule, const char *text)
{
	if (!send_call_is_header(text))
		return tool_usage("--header: %s is not NAME: VALUE", text);
	if (rule->header_count == SEND_HEADERS_MAX)
		return tool_usage("--header: too many of them");
	rule->headers[rule->header_count++] = text;
	return EX_OK;
}

static int
take_option(struct sending *s, int option)
{
	switch (option) {
	case 's':
		s->rule.sender = sender_find(optarg);
		if (!s->rule.sender)
			return tool_usage("there is no sender %s", optarg);
		return EX_OK;
	case 'k':
		s->key_file = optarg;
		return EX_OK;
	case 'f':
		s->from = optarg;
		return EX_OK;
	case 'S':
		s->sample = true;
		return EX_OK;
	case 'H':
		return add_header(&s->rule, optarg);
	case 'n':
		s->load.count = (unsigned long)tool_read_number(
		    "--count", optarg, 1, COUNT_MOST);
		return EX_OK;
	case 'r':
		s->load.rate =
		    (unsigned)tool_read_number("--rate", optarg, 1, RATE_MOST);
		return EX_OK;
	case 'c':
		s->load.connections = (unsigned)tool_read_number(
		    "--connections", optarg, 1, CONNECTIONS_MOST);
		return EX_OK;
	case 't':
		s->peer.timeout = (long)tool_read_number(
		    "--timeout", optarg, 1, TIMEOUT_MOST);
		return EX_OK;
	case 'i':
		s->peer.insecure = true;
		return EX_OK;
	case 'C':
		s->peer.ca = optarg;
		return EX_OK;
	default:
		return send_url_resolve(&s->peer, optarg);
	}
}

static int
read_options(int argc, char **argv, struct sending *s)
{
	static const struct option options[] = {
		{ "sender", required_argument, NULL, 's' },
		{ "key-file", required_argument, NULL, 'k' },
		{ "from", required_argument, NULL, 'f' },
		{ "sample", no_argument, NULL, 'S' },
		{ "header", required_argument, NULL, 'H' },
		{ "count", required_argument, NULL, 'n' },
		{ "rate", required_argument, NULL, 'r' },
		{ "connections", required_argument, NULL, 'c' },
		{ "timeout", required_argument, NULL, 't' },
		{ "insecure", no_argument, NULL, 'i' },
		{ "cacert", required_argument, NULL, 'C' },
		{ "resolve", required_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int operands = 0, got, code = EX_OK;

	while (code == EX_OK &&
	    (got = arguments_next(argc, argv, options, &operands)) != -1)
		code = take_option(s, got);
	if (code != EX_OK)
		return code;
	if (operands < 1 || operands > 2)
		return tool_usage(
		    operands < 1 ? "to which URL?" : "one message at a time");
	s->url = argv[1];
	s->message = operands == 2 ? argv[2] : NULL;
	if (s->from && !s->message)
		return tool_usage("which message of %s?", s->from);
	if (s->sample && s->message)
		return tool_usage("either --sample or a message");
	return EX_OK;
}

int
net_send(int argc, char **argv)
{
	struct sending s = { .load = { 1, 0, 1 },
		.peer = { .url = FETCH_URL_INIT, .timeout = TIMEOUT_DEFAULT },
		.key = BUF_INIT(KEY_FILE_MAX) };
	int code;

	send_source_init(&s.source);
	code = read_options(argc, argv, &s);
	if (code == EX_OK)
		code = tool_finish(run(&s));
	secret_wipe(s.key.at, s.key.size);
	buf_free(&s.key);
	fetch_url_free(&s.peer.url);
	curl_slist_free_all(s.peer.resolve);
	send_source_free(&s.source);
	return code;
}
