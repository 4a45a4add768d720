/* SPDX-License-Identifier: MIT */
/*
 * record - the line of an exchange in the history of its spool
 *
 * Calls that were accepted have a line each. All others come from any caller:
 * of each endpoint and rule a few a second reach the file, the rest is added
 * to the count of the next one that does.
 */
#include "record.h"

#include <fcntl.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "spool/history.h"
#include "base/hash.h"
#include "base/io.h"
#include "log.h"
#include "reply.h"
#include "throttle.h"

#define REFUSED_BURST	 100
#define REFUSED_INTERVAL 100000 /* microseconds */

/* A spool whose history fails has one line a minute in the log. */
#define FAILED_INTERVAL 60000000

static struct span
name_of(const struct exchange *x)
{
	static const char ending[] = ".json";
	struct span name = span_of(x->file);

	if (name.len > strlen(ending))
		name.len -= strlen(ending);
	return name;
}

static void
add(const struct exchange *x, int root, const struct history_entry *entry)
{
	static struct throttle failures = THROTTLE_INIT(1, FAILED_INTERVAL);
	struct error err = ERROR_INIT;

	/* A spool that has just been removed needs no history. */
	if (history_add(root, HISTORY_IN, entry, &err) == 0 ||
	    err.errnum == ENOENT ||
	    !throttle_pass(&failures, hash_text(0, x->endpoint.spool), NULL))
		return;
	log_event(LOG_PRIORITY_WARNING, "history-off", err.text);
}

static struct history_entry
describe(const struct exchange *x)
{
	struct history_entry entry = HISTORY_ENTRY_INIT;
	const struct message *m = &x->message;

	entry.time = m->received.tv_sec ? m->received : clock_now();
	entry.name = name_of(x);
	entry.id = m->id;
	entry.sender = m->sender ? m->sender->name : NULL;
	entry.bytes = (int64_t)x->body_length;
	entry.status = x->error.code
	    ? reply_status(x->error.code, x->endpoint.refused_status)
	    : 200;
	return entry;
}

static void
record_accepted(const struct exchange *x)
{
	struct history_entry entry = describe(x);
	const struct message *m = &x->message;

	entry.event = x->duplicate ? "duplicate" : "accepted";
	entry.type = buf_span(&m->type);
	entry.subject = buf_span(&m->subject);
	entry.reference = buf_span(&m->reference);
	entry.version = buf_span(&m->version);
	entry.key = m->key_used;
	add(x, x->spool.root, &entry);
}

static void
write_handshake(const struct exchange *x, int root, unsigned calls)
{
	struct history_entry entry = describe(x);

	if (!history_count_refused(root, entry.time, ERROR_NONE, calls))
		return;
	entry.event = "handshake";
	entry.detail = span_of(x->handshake.name);
	add(x, root, &entry);
}

static void
write_refused(const struct exchange *x, int root, unsigned calls)
{
	struct history_entry entry = describe(x);

	if (!history_count_refused(root, entry.time, x->error.code, calls))
		return;
	entry.event = "refused";
	/* The type and so on of a message that verifies are its sender's. */
	if (x->verified) {
		entry.type = buf_span(&x->message.type);
		entry.subject = buf_span(&x->message.subject);
		entry.reference = buf_span(&x->message.reference);
	}
	entry.key = x->message.key_used;
	entry.rule = error_rule(x->error.code);
	entry.detail = span_of(x->error.text);
	add(x, root, &entry);
}

/*
 * Most are refused before the spool is opened. -1: there is none. "dir/" would
 * follow a link that "dir" does not.
 */
static int
open_spool(const char *called)
{
	struct error none = ERROR_INIT;
	size_t len = strlen(called);
	char path[PATH_MAX];
	struct stat st;
	int root;

	while (len > 1 && called[len - 1] == '/')
		len--;
	if (called[0] != '/' || len >= sizeof(path))
		return -1;
	memcpy(path, called, len);
	path[len] = '\0';
	root = io_open_dir(AT_FDCWD, path, &none);
	if (root >= 0 && fstatat(root, "new", &st, AT_SYMLINK_NOFOLLOW) < 0)
		io_discard(&root);
	return root;
}

static void
record_bounded(const struct exchange *x)
{
	static struct throttle calls =
	    THROTTLE_INIT(REFUSED_BURST, REFUSED_INTERVAL);
	static atomic_uint omitted[THROTTLE_SLOTS];
	uint64_t kind = hash_text(
	    hash_text(0, x->endpoint.spool), error_rule(x->error.code));
	int root = x->spool.root;

	if (!throttle_pass(&calls, kind, NULL)) {
		atomic_fetch_add(&omitted[kind % THROTTLE_SLOTS], 1);
		return;
	}
	if (root < 0)
		root = open_spool(x->endpoint.spool);
	if (root >= 0)
		(x->handshake.name ? write_handshake : write_refused)(x, root,
		    1 + atomic_exchange(&omitted[kind % THROTTLE_SLOTS], 0));
	if (root != x->spool.root)
		io_discard(&root);
}

void
record(const struct exchange *x)
{
	if (x->endpoint.role != ROLE_RECEIVE || !x->endpoint.spool)
		return;
	if (x->error.code == ERROR_NONE && !x->handshake.name)
		record_accepted(x);
	else
		record_bounded(x);
}
