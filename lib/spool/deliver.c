/* SPDX-License-Identifier: MIT */
/*
 * deliver - put the event of a message into its spool, once if wanted
 */
#include "spool/deliver.h"

#include "spool/seen.h"

int
deliver_message(const struct spool *spool, const struct message *m,
    const struct envelope *envelope, unsigned window,
    char name[SPOOL_NAME_SIZE], struct error *off, struct error *err)
{
	const struct delivery delivery = { spool, m->received, envelope->pieces,
		envelope->count };
	struct seen seen = { .window = window, .off = ERROR_INIT };
	struct buf source = BUF_INIT(MESSAGE_TEXT_MAX);
	int rc = -1;

	if (window == 0) {
		rc = spool_deliver(&delivery, name, err);
		return rc < 0 ? -1 : 1;
	}
	envelope_source(m, &source);
	if (buf_check(&source, err) == 0 &&
	    seen_repeat_key(buf_span(&source), m->id, m->content_sha256,
		seen.key, err) == 0)
		rc = seen_deliver(&delivery, &seen, name, err);
	buf_free(&source);
	if (rc == 1)
		*off = seen.off;
	return rc;
}
