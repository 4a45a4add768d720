/* SPDX-License-Identifier: MIT */
/*
 * send_source - the message that is sent: from a file, or out of a spool
 */
#ifndef HOOKDIR_SEND_SOURCE_H
#define HOOKDIR_SEND_SOURCE_H

#include "net/send_call.h"

struct send_source {
	struct buf payload;		    /* owned */
	struct buf lines[SEND_HEADERS_MAX]; /* owned: "Name: value" */
	size_t line_count;
};

void send_source_init(struct send_source *source);
void send_source_free(struct send_source *source);

/*
 * Each sets rule->payload and adds what headers the message came with to
 * rule->headers; the rule then has views of *source. Both return EX_OK, or
 * the code to exit with after a line on standard error.
 *
 * file: "-" is standard input. spool: what queue_find() takes for a name; the
 * sender is that of the event unless rule->sender is set.
 */
int send_source_file(
    struct send_source *source, const char *path, struct send_rule *rule);
int send_source_spool(struct send_source *source, const char *spool,
    const char *name, struct send_rule *rule);

#endif
