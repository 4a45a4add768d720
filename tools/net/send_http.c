/* SPDX-License-Identifier: MIT */
/*
 * send_http - many calls to one address, some at a time, at some rate
 *
 * One thread; libcurl's multi interface has the connections. The n-th call is
 * due n/rate after the start, whatever became of those before.
 */
#include "net/send_http.h"

#include <stdlib.h>

#include "base/clock.h"
#include "net/fetch_http.h"

#define CONNECT_SECONDS 10L
#define ANSWER_MAX	8192 /* bytes that are looked at */
#define WAIT_MS		200

/* One call on its way. */
struct slot {
	CURL *curl;
	struct send_call call;
	char answer[ANSWER_MAX];
	size_t len;
	bool busy;
};

struct sending {
	const struct send_peer *peer;
	const struct send_rule *rule;
	const struct send_load *load;
	send_done *done;
	void *context;
	CURLM *multi;
	struct slot *slots;
	unsigned long started, finished;
	double begun;
};

static double
seconds_now(void)
{
	return (double)clock_monotonic() / 1e6;
}

/* Keeps the first ANSWER_MAX bytes. */
static size_t
on_answer(char *bytes, size_t one, size_t len, void *context)
{
	struct slot *slot = context;
	size_t i;

	(void)one;
	for (i = 0; i < len && slot->len < ANSWER_MAX; i++)
		slot->answer[slot->len++] = bytes[i];
	return len;
}

int
send_http_set_peer(CURL *curl, const struct send_peer *peer)
{
	long verify = peer->insecure ? 0L : 1L;
	int bad = 0;

	bad |= (int)curl_easy_setopt(curl, CURLOPT_CURLU, peer->url.parts);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	bad |= (int)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	bad |= (int)curl_easy_setopt(
	    curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	bad |= (int)curl_easy_setopt(
	    curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2 * verify);
	if (peer->ca) {
		bad |= (int)curl_easy_setopt(curl, CURLOPT_CAINFO, peer->ca);
		bad |= (int)curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	bad |= (int)curl_easy_setopt(curl, CURLOPT_RESOLVE, peer->resolve);
	bad |= (int)curl_easy_setopt(
	    curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	bad |= (int)curl_easy_setopt(
	    curl, CURLOPT_USERAGENT, "hookdir/" HOOKDIR_VERSION);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_TIMEOUT, peer->timeout);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
	    peer->timeout < CONNECT_SECONDS ? peer->timeout : CONNECT_SECONDS);
	return bad;
}

static int
set_call(struct slot *slot)
{
	CURL *curl = slot->curl;
	const struct buf *body = &slot->call.body;
	int bad = 0;

	bad |= (int)curl_easy_setopt(
	    curl, CURLOPT_POSTFIELDS, body->at ? body->at : "");
	bad |= (int)curl_easy_setopt(
	    curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
	bad |=
	    (int)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, slot->call.headers);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_WRITEDATA, slot);
	bad |= (int)curl_easy_setopt(curl, CURLOPT_PRIVATE, slot);
	return bad;
}

static int
start_call(struct sending *s, struct slot *slot, struct error *err)
{
	if (!slot->curl) {
		slot->curl = curl_easy_init();
		if (!slot->curl || send_http_set_peer(slot->curl, s->peer) != 0)
			return error_set(err, ERROR_MEMORY, "no memory");
	}
	slot->len = 0;
	if (send_call_make(s->rule, &slot->call, err) < 0)
		return -1;
	if (set_call(slot) != 0 ||
	    curl_multi_add_handle(s->multi, slot->curl) != CURLM_OK)
		return error_set(err, ERROR_MEMORY, "no memory");
	slot->busy = true;
	s->started++;
	return 0;
}

/* Milliseconds until the next call is due; 0: now. */
static int
wait_for_due(const struct sending *s)
{
	double due = s->begun, now = seconds_now();

	if (s->load->rate)
		due += (double)s->started / (double)s->load->rate;
	if (due <= now)
		return 0;
	return due - now > WAIT_MS / 1e3 ? WAIT_MS
					 : (int)((due - now) * 1e3) + 1;
}

/* Start what is due. Sets *wait to how long there is nothing to start. */
static int
start_due(struct sending *s, int *wait, struct error *err)
{
	unsigned i;

	*wait = WAIT_MS;
	for (i = 0; i < s->load->connections; i++) {
		if (s->slots[i].busy)
			continue;
		if (s->started == s->load->count)
			return 0;
		*wait = wait_for_due(s);
		if (*wait > 0)
			return 0;
		if (start_call(s, &s->slots[i], err) < 0)
			return -1;
		*wait = WAIT_MS;
	}
	return 0;
}

static void
finish_call(struct sending *s, struct slot *slot, CURLcode code)
{
	struct send_answer answer = { .status = 0 };
	curl_off_t microseconds = 0;
	long status = 0;

	(void)curl_easy_getinfo(slot->curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(
	    slot->curl, CURLINFO_TOTAL_TIME_T, &microseconds);
	if (code == CURLE_OK)
		(s->rule->sender->empty_answers ? send_answer_read_empty
						: send_answer_read)(
		    &answer, status, (struct span){ slot->answer, slot->len });
	else
		send_answer_none(&answer, curl_easy_strerror(code));
	answer.seconds = (double)microseconds / 1e6;
	(void)curl_multi_remove_handle(s->multi, slot->curl);
	send_call_free(&slot->call);
	slot->busy = false;
	s->finished++;
	s->done(s->context, &answer);
}

/* Returns true if there was one. */
static bool
finish_calls(struct sending *s)
{
	unsigned long before = s->finished;
	struct slot *slot = NULL;
	CURLMsg *message;
	CURLcode code;
	int left;

	while ((message = curl_multi_info_read(s->multi, &left))) {
		code = message->data.result;
		(void)curl_easy_getinfo(
		    message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
		finish_call(s, slot, code);
	}
	return s->finished > before;
}

static int
loop(struct sending *s, struct error *err)
{
	int running, wait;

	while (s->finished < s->load->count && !fetch_http_signal()) {
		if (start_due(s, &wait, err) < 0)
			return -1;
		if (curl_multi_perform(s->multi, &running) != CURLM_OK)
			return error_set(err, ERROR_MEMORY, "no memory");
		/* The next one may be due at once. */
		if (!finish_calls(s))
			(void)curl_multi_poll(s->multi, NULL, 0, wait, NULL);
	}
	return 0;
}

static void
close_slots(struct sending *s)
{
	unsigned i;

	for (i = 0; s->slots && i < s->load->connections; i++) {
		if (s->slots[i].busy)
			(void)curl_multi_remove_handle(
			    s->multi, s->slots[i].curl);
		curl_easy_cleanup(s->slots[i].curl);
		send_call_free(&s->slots[i].call);
	}
	free(s->slots);
	if (s->multi)
		(void)curl_multi_cleanup(s->multi);
}

int
send_http(const struct send_peer *peer, const struct send_rule *rule,
    const struct send_load *load, send_done *done, void *context,
    struct error *err)
{
	struct sending s = { peer, rule, load, done, context, NULL, NULL, 0, 0,
		seconds_now() };
	unsigned i;
	int rc = -1;

	s.multi = curl_multi_init();
	s.slots = calloc(load->connections, sizeof(*s.slots));
	if (!s.multi || !s.slots ||
	    curl_multi_setopt(s.multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
		(long)load->connections) != CURLM_OK) {
		(void)error_set(err, ERROR_MEMORY, "no memory");
		goto out;
	}
	for (i = 0; i < load->connections; i++)
		s.slots[i].call = (struct send_call)SEND_CALL_INIT;
	rc = loop(&s, err);
out:
	close_slots(&s);
	return rc;
}
