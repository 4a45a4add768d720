/* SPDX-License-Identifier: MIT */
/*
 * seen - deliver a message once, however often it comes
 *
 * seen/ holds a hard link to each message of the last while, named by a
 * seen_repeat_key(); see hookdir-spool(5). It is a help against
 * repeats and no promise: what it does not know is stored.
 */
#ifndef HOOKDIR_SEEN_H
#define HOOKDIR_SEEN_H

#include "base/hmac.h"
#include "spool/spool.h"

/* A digest of source and id, as SHA256_HEX_SIZE text. */
int seen_key(struct span source, struct span id, char key[SHA256_HEX_SIZE],
    struct error *err);

/* What a message is known by, and what became of that. */
struct seen {
	char key[SHA256_HEX_SIZE]; /* of seen_key() */
	unsigned window;	   /* seconds */
	struct error off; /* delivered, but its repeats will be stored: why */
};

/*
 * The same of what makes a repeat: source, id and content, a SHA-256 in
 * hexadecimal. Some senders give one id to two messages.
 */
int seen_repeat_key(struct span source, struct span id, const char *content,
    char key[SHA256_HEX_SIZE], struct error *err);

/*
 * Deliver as spool_deliver() does, unless a message of that key was
 * delivered within the last window seconds. 1: delivered. 0: a repeat of
 * one that is on stable storage, not stored; name is undefined. -1:
 * neither.
 *
 * A repeat that comes while the first is being delivered waits for it, a
 * second or two; if that takes longer, or fails, it is delivered too.
 */
int seen_deliver(const struct delivery *delivery, struct seen *wanted,
    char name[SPOOL_NAME_SIZE], struct error *err);

/* Remove links that are older than window seconds. */
void seen_sweep(const struct spool *spool, unsigned window);

#endif
