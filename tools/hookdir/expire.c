/* SPDX-License-Identifier: MIT */
/*
 * expire - hookdir expire: remove what has been there for too long
 *
 * A message that is being run is never removed: what is in cur/ is not
 * looked at, and what is in new/ is claimed first.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "queue/archive.h"
#include "hookdir/arguments.h"
#include "queue/claim.h"
#include "base/clock.h"
#include "queue/document.h"
#include "hookdir/expire_logs.h"
#include "hookdir/look.h"
#include "spool/history.h"
#include "base/io.h"
#include "hookdir/remember.h"

/* How long history is kept without --history: 90 days */
#define HISTORY_SPAN (UINT64_C(90) * 86400)

#define PRESET (1u << QUEUE_FAILED | 1u << QUEUE_QUARANTINE)

struct expiry {
	struct queue queue;
	unsigned states;
	uint64_t span;	  /* seconds */
	uint64_t history; /* the same, of files in history/ */
	bool has_span, dry_run;
	time_t before; /* what arrived before goes */
	const char *archive_path;
	struct archive archive;
	uint64_t count, bytes;
	int code;
};

/* 1: done. 0: another process has it, or it is gone. */
static int
remove_waiting(struct expiry *expiry, const char *file, struct error *err)
{
	struct claim claim = CLAIM_INIT;
	enum claim_result rc = claim_take(&expiry->queue, file, &claim, err);

	if (rc != CLAIM_TAKEN)
		return rc == CLAIM_FAILED ? -1 : 0;
	return claim_remove(&expiry->queue, &claim, &expiry->archive, err) < 0
	    ? -1
	    : 1;
}

static int
move_to_archive(struct expiry *expiry, int dir, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct error failed = ERROR_INIT;
	struct spool_name plain = *name;
	char target[NAME_MAX + 1];

	spool_name_forget(&plain);
	spool_name_format(&plain, target);
	if (document_copy(expiry->queue.root, name, &expiry->archive, err) < 0)
		return -1;
	if (archive_move(&expiry->archive, dir, file, target, &failed) == 0)
		return 1;
	if (failed.errnum == ENOENT)
		return 0;
	*err = failed;
	return -1;
}

static int
remove_one(struct expiry *expiry, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	int dir = expiry->queue.states[state], rc = 1;
	bool archives = expiry->archive.dir >= 0;

	if (state == QUEUE_NEW)
		return remove_waiting(expiry, file, err);
	if (archives)
		rc = move_to_archive(expiry, dir, file, name, err);
	else if (unlinkat(dir, file, 0) < 0)
		rc = errno == ENOENT
		    ? 0
		    : error_system(err, "cannot remove %s", file);
	if (rc != 1)
		return rc;
	queue_log_remove(&expiry->queue, name);
	return document_remove(expiry->queue.root, name,
		   archives ? expiry->archive.dir : dir, err) < 0
	    ? -1
	    : 1;
}

/* The same, and its line in the history, for which the file is opened first. */
static int
remove_and_note(struct expiry *expiry, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct error gone = ERROR_INIT;
	struct stat st;
	int fd = queue_open_file(&expiry->queue, state, file, &st, &gone);
	int rc = remove_one(expiry, state, file, name, err);
	char detail[64];

	(void)snprintf(detail, sizeof(detail), "%s from %s/",
	    expiry->archive_path ? "archived" : "removed",
	    queue_state_name(state));
	if (rc == 1)
		remember(
		    expiry->queue.root, name, fd, "expired", span_of(detail));
	io_discard(&fd);
	return rc;
}

static void
print_name(enum queue_state state, const struct spool_name *name)
{
	(void)printf("%s/", queue_state_name(state));
	tool_print(stdout, span_of(name->base), SIZE_MAX);
	(void)putchar('\n');
}

static int
expire_message(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct expiry *expiry = context;
	struct error failed = ERROR_INIT;
	struct stat st;
	time_t arrived;
	int rc = 1;

	(void)err;
	if (name->arrived.tv_sec && name->arrived.tv_sec >= expiry->before)
		return 0;
	if (fstatat(expiry->queue.states[state], file, &st,
		AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	arrived = look_arrival(name, &st).tv_sec;
	/* What came while the clock was wrong may have come a moment ago. */
	if (arrived == 0 || arrived >= expiry->before)
		return 0;
	if (expiry->dry_run)
		print_name(state, name);
	else
		rc = remove_and_note(expiry, state, file, name, &failed);
	if (rc == 1) {
		expiry->count++;
		expiry->bytes += (uint64_t)st.st_size;
	}
	/* One that cannot be had stays; the others are not to suffer. */
	if (rc < 0)
		expiry->code = tool_error(&failed);
	return 0;
}

static void
print_summary(const struct expiry *expiry, uint64_t count, const char *what,
    uint64_t bytes)
{
	char size[TOOL_SHORT_SIZE];

	tool_short_size(bytes, size);
	(void)printf("%llu %s%s, %s\n", (unsigned long long)count, what,
	    expiry->dry_run	       ? "to be removed"
		: expiry->archive_path ? "archived"
				       : "removed",
	    size);
}

/* Whole days: the file of a day goes when its last line is old enough. */
static int
expire_history_files(const struct expiry *expiry, struct error *err)
{
	time_t before = clock_now().tv_sec - (time_t)expiry->history;
	char day[HISTORY_DAY_SIZE];
	unsigned count;
	int rc;

	history_day(before, day);
	rc = history_expire(
	    expiry->queue.root, day, expiry->dry_run, &count, err);
	if (count)
		(void)printf("%u file%s of the history %s\n", count,
		    count == 1 ? "" : "s",
		    expiry->dry_run ? "to be removed" : "removed");
	return rc;
}

/* After the messages: what these leave behind goes as well. */
static int
expire_leftovers(struct expiry *expiry, struct error *err)
{
	struct expire_documents documents = { .before = expiry->before,
		.archive = &expiry->archive,
		.dry_run = expiry->dry_run };
	int rc = 0;

	if (!expiry->dry_run)
		rc = expire_logs(&expiry->queue, expiry->before, err);
	if (rc == 0)
		rc = expire_documents(&expiry->queue, &documents, err);
	if (documents.code != EX_OK)
		expiry->code = documents.code;
	print_summary(expiry, expiry->count, "", expiry->bytes);
	if (documents.count)
		print_summary(expiry, documents.count,
		    "documents without an event ", documents.bytes);
	return rc;
}

static int
expire(struct expiry *expiry)
{
	struct error err = ERROR_INIT;
	int i, rc = 0;

	for (i = 0; rc == 0 && i < QUEUE_STATES; i++)
		if (expiry->states & 1u << i)
			rc = queue_each(&expiry->queue, (enum queue_state)i,
			    expire_message, expiry, &err);
	if (rc == 0)
		rc = expire_leftovers(expiry, &err);
	if (rc == 0)
		rc = expire_history_files(expiry, &err);
	return tool_finish(rc < 0 ? tool_error(&err) : expiry->code);
}

static int
check_operands(struct expiry *expiry, int operands)
{
	if (!expiry->has_span)
		return tool_usage("--older-than is missing");
	if (expiry->states & 1u << QUEUE_CUR)
		return tool_usage("--state: messages in cur are being run");
	if (operands != 1)
		return tool_usage(
		    operands ? "one spool at a time" : "which spool?");
	return EX_OK;
}

static void
read_options(int argc, char **argv, struct expiry *expiry, int *operands)
{
	static const struct option options[] = {
		{ "older-than", required_argument, NULL, 'o' },
		{ "state", required_argument, NULL, 's' },
		{ "archive", required_argument, NULL, 'a' },
		{ "history", required_argument, NULL, 'y' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int got;

	while ((got = arguments_next(argc, argv, options, operands)) != -1)
		switch (got) {
		case 'o':
			expiry->span = tool_read_span("--older-than", optarg);
			expiry->has_span = true;
			break;
		case 's':
			expiry->states = tool_read_states("--state", optarg);
			break;
		case 'y':
			expiry->history = tool_read_span("--history", optarg);
			break;
		case 'a':
			expiry->archive_path = optarg;
			break;
		default:
			expiry->dry_run = true;
		}
}

static int
open_archive(struct expiry *expiry)
{
	struct error err = ERROR_INIT;

	if (!expiry->archive_path || expiry->dry_run)
		return EX_OK;
	if (archive_open(&expiry->archive, expiry->archive_path, &err) < 0)
		return tool_error(&err);
	if (queue_owns(&expiry->queue, expiry->archive.dir))
		return tool_usage("--archive: %s is a directory of the spool",
		    expiry->archive_path);
	return EX_OK;
}

int
tool_expire(int argc, char **argv)
{
	struct expiry expiry = { .states = PRESET,
		.history = HISTORY_SPAN,
		.archive = ARCHIVE_INIT };
	int operands = 0, code;

	read_options(argc, argv, &expiry, &operands);
	code = check_operands(&expiry, operands);
	if (code == EX_OK)
		code = tool_open_queue(&expiry.queue, argv[1]);
	if (code != EX_OK)
		return code;
	expiry.before = clock_now().tv_sec - (time_t)expiry.span;
	code = open_archive(&expiry);
	if (code == EX_OK)
		code = expire(&expiry);
	archive_close(&expiry.archive);
	queue_close(&expiry.queue);
	return code;
}
