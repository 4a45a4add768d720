/* SPDX-License-Identifier: MIT */
/*
 * expire_logs - what stays behind of messages that are gone
 *
 * Whose message is gone cannot be told from a log's name alone, since the
 * runner adds to a message's. So logs are taken in batches, and one look at
 * each directory tells which of a batch still have a message.
 */
#include "hookdir/expire_logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/document.h"
#include "base/io.h"
#include "hookdir/names.h"
#include "hookdir/tool.h"

#define BATCH  10000
#define ENDING ".log"

struct old {
	const struct queue *queue;
	int dir;
	time_t before;
	struct names names;
	struct expire_documents *documents; /* NULL for logs */
};

/* A regular file with that ending, last written or changed before then. */
static bool
is_old(int dir, const char *file, time_t before, bool by_change)
{
	struct stat st;

	return fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) &&
	    (by_change ? st.st_ctime : st.st_mtime) < before;
}

static int
visit_message(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct names *names = context;
	struct name *found = names_find(names, name->base);

	(void)state;
	(void)file;
	(void)err;
	if (found)
		found->found = true;
	return 0;
}

static void
remove_log(const struct old *old, const char *base)
{
	char file[NAME_MAX + 1];

	(void)snprintf(file, sizeof(file), "%s" ENDING, base);
	(void)unlinkat(old->dir, file, 0);
}

static int
remove_or_archive(
    const struct old *old, const struct spool_name *name, struct error *err)
{
	const struct archive *archive = old->documents->archive;

	if (archive->dir >= 0 &&
	    document_copy(old->queue->root, name, archive, err) < 0)
		return -1;
	return document_remove(old->queue->root, name, -1, err);
}

static void
print_document(const char *file)
{
	(void)printf(DOCUMENT_DIRECTORY "/");
	tool_print(stdout, span_of(file), SIZE_MAX);
	(void)putchar('\n');
}

static void
remove_document(const struct old *old, const char *base)
{
	struct expire_documents *documents = old->documents;
	char file[NAME_MAX + sizeof(DOCUMENT_ENDING)];
	struct error err = ERROR_INIT;
	struct spool_name name;
	struct stat st;
	int rc = 1;

	(void)snprintf(file, sizeof(file), "%s" DOCUMENT_ENDING, base);
	if (!spool_name_parse(base, &name) ||
	    fstatat(old->dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (documents->dry_run)
		print_document(file);
	else
		rc = remove_or_archive(old, &name, &err);
	if (rc == 1) {
		documents->count++;
		documents->bytes += (uint64_t)st.st_size;
	} else if (rc < 0) {
		documents->code = tool_error(&err);
	}
}

/*
 * Those of the batch that have no message any more go. Where a message moves
 * from a directory that has yet to be read to one that has been read, it is
 * found there when that is read once more.
 */
static int
remove_batch(struct old *old, struct error *err)
{
	static const enum queue_state states[] = { QUEUE_NEW, QUEUE_CUR,
		QUEUE_HOLD, QUEUE_FAILED, QUEUE_NEW, QUEUE_CUR, QUEUE_HOLD };
	int rc = 0;
	size_t i;

	names_sort(&old->names);
	for (i = 0; rc == 0 && i < sizeof(states) / sizeof(states[0]); i++)
		rc = queue_each(
		    old->queue, states[i], visit_message, &old->names, err);
	for (i = 0; rc == 0 && i < old->names.count; i++) {
		if (old->names.all[i].found)
			continue;
		if (old->documents)
			remove_document(old, old->names.all[i].base);
		else
			remove_log(old, old->names.all[i].base);
	}
	names_free(&old->names);
	return rc;
}

static int
take_log(void *context, int dir, const struct dirent *entry, struct error *err)
{
	struct old *old = context;
	const char *file = entry->d_name;
	size_t len = strlen(file), ending = strlen(ENDING);
	char base[NAME_MAX + 1];

	if (len <= ending || strcmp(file + len - ending, ENDING) != 0 ||
	    !is_old(dir, file, old->before, false))
		return 0;
	/* A draft, of a runner that was killed: it is written in a moment. */
	if (file[0] == '.') {
		(void)unlinkat(dir, file, 0);
		return 0;
	}
	(void)snprintf(base, sizeof(base), "%.*s", (int)(len - ending), file);
	if (names_add(&old->names, base, err) < 0)
		return -1;
	return old->names.count < BATCH ? 0 : remove_batch(old, err);
}

/* Other files than hookdir fetch stores there are left alone. */
static int
take_document(
    void *context, int dir, const struct dirent *entry, struct error *err)
{
	struct old *old = context;
	const char *file = entry->d_name;
	size_t len = strlen(file), ending = strlen(DOCUMENT_ENDING);
	char base[NAME_MAX + 1];
	struct spool_name name;

	if (len <= ending || strcmp(file + len - ending, DOCUMENT_ENDING) != 0)
		return 0;
	(void)snprintf(base, sizeof(base), "%.*s", (int)(len - ending), file);
	if (!spool_name_parse(base, &name) || strcmp(name.base, base) != 0 ||
	    !is_old(dir, file, old->before, false))
		return 0;
	if (names_add(&old->names, base, err) < 0)
		return -1;
	return old->names.count < BATCH ? 0 : remove_batch(old, err);
}

static int
take_mark(void *context, int dir, const struct dirent *entry, struct error *err)
{
	const struct old *old = context;

	(void)err;
	if (is_old(dir, entry->d_name, old->before, true))
		(void)unlinkat(dir, entry->d_name, 0);
	return 0;
}

/* Each name of a directory of the spool; none where it is missing. */
static int
each_file(
    struct old *old, const char *directory, io_visit *take, struct error *err)
{
	struct error missing = ERROR_INIT;
	int rc;

	old->dir = io_open_dir(old->queue->root, directory, &missing);
	if (old->dir < 0 && missing.errnum == ENOENT)
		return 0;
	if (old->dir < 0) {
		*err = missing;
		return -1;
	}
	rc = io_each(old->dir, directory, take, old, err);
	if (rc == 0 && old->names.count)
		rc = remove_batch(old, err);
	io_discard(&old->dir);
	return rc;
}

int
expire_logs(const struct queue *queue, time_t before, struct error *err)
{
	struct old old = { queue, -1, before, NAMES_INIT, NULL };
	int rc = each_file(&old, "log", take_log, err);

	if (rc == 0)
		rc = each_file(&old, "latest", take_mark, err);
	names_free(&old.names);
	return rc;
}

int
expire_documents(const struct queue *queue, struct expire_documents *documents,
    struct error *err)
{
	time_t stale = clock_now().tv_sec - SPOOL_STALE;
	struct old old = { queue, -1,
		documents->before < stale ? documents->before : stale,
		NAMES_INIT, documents };
	int rc = each_file(&old, DOCUMENT_DIRECTORY, take_document, err);

	names_free(&old.names);
	return rc;
}
