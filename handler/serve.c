/* SPDX-License-Identifier: MIT */
/*
 * serve - from a request to its answer, its line in the log, and nothing
 * left behind
 *
 * The answer goes out first: neither the log nor the sweep keeps a sender
 * waiting.
 */
#include "serve.h"

#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "budget.h"
#include "health.h"
#include "issue.h"
#include "receive.h"
#include "record.h"
#include "reply.h"
#include "base/secret.h"
#include "spool/seen.h"

static void
exchange_init(struct exchange *x, const struct request *rq)
{
	memset(x, 0, sizeof(*x));
	x->request = rq;
	x->spool = (struct spool)SPOOL_INIT;
	message_init(&x->message, 0);
	x->handshake.value = (struct buf)BUF_INIT(MESSAGE_TEXT_MAX);
	budget_join(&x->body_share, rq->transport->cut, rq->connection);
}

static void
exchange_free(struct exchange *x)
{
	envelope_free(&x->envelope);
	message_free(&x->message);
	secret_wipe(x->handshake.value.at, x->handshake.value.size);
	buf_free(&x->handshake.value);
	spool_close(&x->spool);
	if (x->answer)
		secret_wipe(x->answer, strlen(x->answer));
	free(x->answer);
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
	switch (x->endpoint.role) {
	case ROLE_RECEIVE:
		return receive(x);
	case ROLE_TOKEN:
		return issue(x);
	case ROLE_HEALTH:
		return health(x);
	}
	return error_set(&x->error, ERROR_CONFIGURATION, "no such role");
}

/*
 * What is large goes before the answer: whoever has it may send the next
 * large body at once.
 */
static void
let_body_go(struct exchange *x)
{
	x->body_length = x->message.body.len;
	envelope_free(&x->envelope);
	message_free_body(&x->message);
	budget_give(&x->body_share);
}

static const char *
methods_of(const struct endpoint *ep)
{
	if (ep->role == ROLE_HEALTH)
		return HEALTH_METHODS;
	return ep->sender && ep->role == ROLE_RECEIVE ? ep->sender->methods
						      : "POST";
}

static int
answer(const struct exchange *x)
{
	const struct reply_manner manner = { x->endpoint.refused_status,
		x->endpoint.empty_answers };

	if (x->error.code != ERROR_NONE)
		return reply_refuse(x->request, &manner, &x->error,
		    methods_of(&x->endpoint), x->admission.challenge);
	if (x->endpoint.role == ROLE_HEALTH)
		return reply_healthy(x->request);
	if (x->answer)
		return reply_token(x->request, x->answer, x->oauth_error);
	if (x->handshake.name)
		return reply_handshake(x->request, &x->handshake);
	return reply_accept(x->request, &manner, x->message.id, x->duplicate);
}

/* What nobody waits for. */
static void
clean_up(const struct exchange *x)
{
	if (x->spool.tmp < 0)
		return;
	spool_sweep(&x->spool);
	if (x->endpoint.dedup &&
	    spool_sweep_is_due(&x->spool, SPOOL_SWEEP_SEEN))
		seen_sweep(&x->spool, (unsigned)x->endpoint.dedup);
}

void
serve(const struct request *rq)
{
	struct exchange x;

	exchange_init(&x, rq);
	/* A step that fails says why; should one not, it is no 200. */
	if (handle(&x) < 0)
		(void)error_set(
		    &x.error, ERROR_SYSTEM, "failed without a reason");
	let_body_go(&x);
	x.unanswered = answer(&x) < 0;
	if (request_finish(rq) < 0)
		x.unanswered = true;
	account_for(&x);
	record(&x);
	clean_up(&x);
	exchange_free(&x);
}
