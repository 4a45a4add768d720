/* SPDX-License-Identifier: MIT */
/*
 * serve - from a request to its answer, its line in the log, and nothing
 * left behind
 *
 * The answer goes out first: neither the log nor the sweep keeps a sender
 * waiting.
 */
#include "serve.h"

#include <stdatomic.h>
#include <string.h>

#include "clock.h"
#include "exchange.h"
#include "log.h"
#include "receive.h"
#include "reply.h"

static void
exchange_init(struct exchange *x, const struct request *rq)
{
	memset(x, 0, sizeof(*x));
	x->request = rq;
	x->spool = (struct spool)SPOOL_INIT;
	message_init(&x->message, 0);
}

static void
exchange_free(struct exchange *x)
{
	envelope_free(&x->envelope);
	message_free(&x->message);
	spool_close(&x->spool);
}

static int
handle(struct exchange *x)
{
	if (x->request->broken)
		return error_set(&x->error, ERROR_REQUEST,
		    "the request broke off before its body");
	if (endpoint_read(&x->endpoint, x->request, &x->error) < 0)
		return -1;
	message_init(&x->message, x->endpoint.max_body);
	return receive(x);
}

/*
 * Once for each spool, or nearly: two whose paths meet in one bit share
 * the warning, which keeps this free of locks and of memory.
 */
static void
warn_of_short_keys(const struct exchange *x)
{
	static _Atomic uint64_t warned[16];
	const struct keyring *keys = &x->endpoint.keys;
	uint64_t hash = 14695981039346656037u, bit;
	struct log_line line;
	const char *c;
	size_t i;

	/* Only an endpoint that was read to its end has all it needs. */
	if (x->error.code == ERROR_CONFIGURATION)
		return;
	for (c = x->endpoint.spool; c && *c; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211u;
	for (i = 0; i < keys->count; i++) {
		if (keys->keys[i].bytes.len >= ENDPOINT_KEY_SHORT)
			continue;
		bit = UINT64_C(1) << ((hash + i) % 64);
		if (atomic_fetch_or(&warned[hash / 64 % 16], bit) & bit)
			continue;
		log_start(&line, LOG_PRIORITY_WARNING);
		log_add_text(&line, "event", "short-key");
		log_add_text(&line, "spool", x->endpoint.spool);
		log_add_text(&line, "key", keys->keys[i].name);
		log_add_number(&line, "bytes", "%zu", keys->keys[i].bytes.len);
		log_add_text(&line, "detail",
		    "a key under 32 bytes can be guessed from one message");
		log_write(&line);
	}
}

static const char *const quarantined_names[] = {
	[QUARANTINE_NOT_MEANT] = "",
	[QUARANTINE_KEPT] = "kept",
	[QUARANTINE_FULL] = "full",
	[QUARANTINE_OFF] = "off",
	[QUARANTINE_FAILED] = "failed",
};

static enum log_priority
priority_of(const struct exchange *x)
{
	switch (error_class(x->error.code)) {
	case CLASS_NONE:
		return x->unanswered ? LOG_PRIORITY_WARNING : LOG_PRIORITY_INFO;
	case CLASS_FAULT:
		return LOG_PRIORITY_ERROR;
	case CLASS_REFUSAL:
		return LOG_PRIORITY_NOTICE;
	default:
		return LOG_PRIORITY_WARNING;
	}
}

static void
log_exchange(const struct exchange *x)
{
	const struct message *m = &x->message;
	bool accepted = x->error.code == ERROR_NONE;
	int64_t taken = clock_monotonic() - x->request->started;
	const char *remote = request_param(x->request, "REMOTE_ADDR");
	struct log_line line;

	log_start(&line, priority_of(x));
	log_add_number(&line, "status", "%d",
	    accepted ? 200 : reply_status(x->error.code));
	log_add_text(
	    &line, "reason", accepted ? "accepted" : error_rule(x->error.code));
	if (m->sender)
		log_add_text(&line, "sender", m->sender->name);
	if (m->type.len && accepted)
		log_add(&line, "type", buf_span(&m->type));
	if (m->id)
		log_add_text(&line, "id", m->id);
	if (x->quarantined != QUARANTINE_NOT_MEANT)
		log_add_text(
		    &line, "quarantine", quarantined_names[x->quarantined]);
	if (x->file[0])
		log_add_text(&line, "file", x->file);
	log_add_number(&line, "bytes", "%zu", m->body.len);
	log_add_number(&line, "ms", "%.3f", (double)taken / 1000);
	log_add_text(&line, "remote", remote ? remote : "");
	/* Not the path: with some senders it is the secret. */
	if (error_class(x->error.code) == CLASS_FAULT && x->endpoint.spool)
		log_add_text(&line, "spool", x->endpoint.spool);
	if (!accepted)
		log_add_text(&line, "detail", x->error.text);
	if (x->keeping_failed.code != ERROR_NONE)
		log_add_text(&line, "keeping", x->keeping_failed.text);
	if (x->unanswered)
		log_add_text(&line, "answer", "unsent");
	log_write(&line);
}

void
serve(const struct request *rq)
{
	struct exchange x;

	exchange_init(&x, rq);
	if (handle(&x) == 0)
		x.unanswered = reply_accept(rq, x.message.id) < 0;
	else
		x.unanswered =
		    reply_refuse(rq, &x.error,
			x.endpoint.sender ? x.endpoint.sender->methods
					  : "POST") < 0;
	if (request_finish(rq) < 0)
		x.unanswered = true;
	warn_of_short_keys(&x);
	log_exchange(&x);
	if (x.spool.tmp >= 0)
		spool_sweep(&x.spool);
	exchange_free(&x);
}
