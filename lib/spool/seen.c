/* SPDX-License-Identifier: MIT */
/*
 * seen - deliver a message once, however often it comes
 *
 * Two names for each key, both made with link() or rename() and so by one
 * process alone:
 *   KEY.claim  somebody is delivering it;
 *   KEY        it is complete and on stable storage.
 * KEY is only ever made from KEY.claim, after the message's own name has
 * been flushed: whoever finds it may answer for the first one. A claim
 * whose process died is waited for and passed by, and taken over when it is
 * old.
 */
#include "spool/seen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "spool/room.h"

#define NAME_SIZE  (SHA256_HEX_SIZE + 8)
#define WAIT_STEP  10000000L /* nanoseconds */
#define WAIT_STEPS 150	     /* 1.5 s: senders give up after 3 */

/* Seconds after which a claim is that of a process that died. */
#define CLAIM_LIFE 60

enum claim {
	CLAIM_OURS,
	CLAIM_NONE,	/* without one: stored, and repeats are stored too */
	CLAIM_DELIVERED /* somebody else has delivered it */
};

int
seen_key(struct span source, struct span id, char key[SHA256_HEX_SIZE],
    struct error *err)
{
	struct buf text = BUF_INIT(source.len + id.len + 32);
	int rc = -1;

	/* The length in front: no two pairs make the same text. */
	buf_printf(&text, "%zu:", source.len);
	buf_append_span(&text, source);
	buf_append_span(&text, id);
	if (buf_check(&text, err) == 0)
		rc = sha256_hex(buf_span(&text), key, err);
	buf_free(&text);
	return rc;
}

int
seen_repeat_key(struct span source, struct span id, const char *content,
    char key[SHA256_HEX_SIZE], struct error *err)
{
	struct buf text = BUF_INIT(id.len + SHA256_HEX_SIZE);
	int rc = -1;

	/* The content is of one length: no two pairs make the same text. */
	buf_append_span(&text, id);
	buf_append_text(&text, content);
	if (buf_check(&text, err) == 0)
		rc = seen_key(source, buf_span(&text), key, err);
	buf_free(&text);
	return rc;
}

/* Is there one of this name that is not older than the window? */
static bool
is_recent(int seen, const char *name, unsigned window, bool *exists)
{
	time_t now = clock_now().tv_sec;
	struct stat st;

	*exists = fstatat(seen, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	/* From the future, by more than that: the clock was wrong then. */
	return *exists && S_ISREG(st.st_mode) &&
	    now - st.st_mtime < (time_t)window &&
	    st.st_mtime - now < (time_t)window;
}

/* Wait while somebody else has the claim. True: it was let go. */
static bool
wait_for_claim(int seen, const char *claim)
{
	const struct timespec step = { 0, WAIT_STEP };
	bool exists;
	int i;

	for (i = 0; i < WAIT_STEPS; i++) {
		if (!is_recent(seen, claim, CLAIM_LIFE, &exists)) {
			/* An old one is nobody's any more. */
			if (exists)
				(void)unlinkat(seen, claim, 0);
			return true;
		}
		(void)nanosleep(&step, NULL);
	}
	return false;
}

/* 0, or -1; *off says why, unless another process has the claim. */
static int
link_claim(const struct spool *spool, int seen, const char *file,
    const char *claim, struct error *off)
{
	static const char what[] = "cannot link a message to seen/";
	struct error failed = ERROR_INIT;
	int rc = linkat(spool->tmp, file, seen, claim, 0);

	if (rc == 0 || errno == EEXIST)
		return rc;
	(void)error_system(&failed, "%s", what);
	if (room_regain(spool->root, 0, &failed)) {
		rc = linkat(spool->tmp, file, seen, claim, 0);
		if (rc < 0 && errno != EEXIST)
			(void)error_system(&failed, "%s", what);
	}
	*off = failed;
	return rc;
}

/* Claim the key for a file in tmp/. CLAIM_NONE: *off says why. */
static enum claim
make_claim(const struct spool *spool, int seen, const char *file,
    const char *claim, const struct seen *wanted, struct error *off)
{
	bool exists;
	int tries;

	for (tries = 0; tries < 3; tries++) {
		if (link_claim(spool, seen, file, claim, off) == 0) {
			/* Delivered between our look and our claim? */
			if (!is_recent(
				seen, wanted->key, wanted->window, &exists))
				return CLAIM_OURS;
			(void)unlinkat(seen, claim, 0);
			return CLAIM_DELIVERED;
		}
		if (off->code != ERROR_NONE)
			return CLAIM_NONE;
		if (!wait_for_claim(seen, claim))
			break;
		if (is_recent(seen, wanted->key, wanted->window, &exists))
			return CLAIM_DELIVERED;
	}
	(void)error_set(off, ERROR_SYSTEM,
	    "another delivery of this message takes too long");
	return CLAIM_NONE;
}

/* The message is in new/: from here on repeats of it are recognized. */
static void
confirm(const struct spool *spool, int seen, const char *claim, const char *key,
    struct error *off)
{
	static const char what[] = "cannot rename a link in seen/";
	struct error failed = ERROR_INIT;
	int rc = renameat(seen, claim, seen, key);

	if (rc < 0)
		(void)error_system(&failed, "%s", what);
	if (rc < 0 && room_regain(spool->root, 0, &failed)) {
		rc = renameat(seen, claim, seen, key);
		if (rc < 0)
			(void)error_system(&failed, "%s", what);
	}
	if (rc < 0)
		(void)unlinkat(seen, claim, 0);
	*off = failed;
}

/* With the file in tmp/: claim, deliver, and confirm. */
static int
deliver_claimed(const struct delivery *delivery, int seen, struct seen *wanted,
    struct draft *draft, struct error *err)
{
	const struct spool *spool = delivery->spool;
	char claim[NAME_SIZE];
	enum claim got;

	(void)snprintf(claim, sizeof(claim), "%s.claim", wanted->key);
	got = make_claim(spool, seen, draft->name, claim, wanted, &wanted->off);
	if (got == CLAIM_DELIVERED) {
		spool_forget(spool, draft);
		return 0;
	}
	if (spool_publish(delivery, draft, err) < 0) {
		if (got == CLAIM_OURS)
			(void)unlinkat(seen, claim, 0);
		return -1;
	}
	if (got == CLAIM_OURS)
		confirm(spool, seen, claim, wanted->key, &wanted->off);
	return 1;
}

static int
deliver_unseen(const struct delivery *delivery, struct seen *wanted,
    char name[SPOOL_NAME_SIZE], struct error *err)
{
	int seen = spool_directory(delivery->spool->root, "seen", err);
	int rc = -1;
	struct draft draft = DRAFT_INIT;
	bool exists;

	wanted->off = (struct error)ERROR_INIT;
	if (seen < 0)
		return -1;
	if (is_recent(seen, wanted->key, wanted->window, &exists))
		rc = 0;
	else if (spool_write(delivery, &draft, err) == 0)
		rc = deliver_claimed(delivery, seen, wanted, &draft, err);
	if (rc == 1)
		memcpy(name, draft.name, sizeof(draft.name));
	io_discard(&seen);
	return rc;
}

int
seen_deliver(const struct delivery *delivery, struct seen *wanted,
    char name[SPOOL_NAME_SIZE], struct error *err)
{
	int rc = deliver_unseen(delivery, wanted, name, err), i;

	for (i = 0; rc < 0 && i < ROOM_ATTEMPTS &&
	     room_regain(delivery->spool->root, spool_size(delivery), err);
	     i++)
		rc = deliver_unseen(delivery, wanted, name, err);
	return rc;
}

static int
sweep_key(void *context, int dir, const struct dirent *entry, struct error *err)
{
	const unsigned *window = context;
	bool exists;

	(void)err;
	if (!is_recent(dir, entry->d_name, *window, &exists) && exists &&
	    entry->d_name[0] != '.')
		(void)unlinkat(dir, entry->d_name, 0);
	return 0;
}

void
seen_sweep(const struct spool *spool, unsigned window)
{
	struct error ignored = ERROR_INIT;
	int seen = io_open_dir(spool->root, "seen", &ignored);

	if (seen >= 0)
		(void)io_each(seen, "seen/", sweep_key, &window, &ignored);
	io_discard(&seen);
}
