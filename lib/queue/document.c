/* SPDX-License-Identifier: MIT */
/*
 * document - the document of an event, in documents/ of its spool
 *
 * documents/ is opened for each event: it can appear while a consumer runs,
 * and most spools have none.
 */
#include "queue/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "spool/spool.h"

#define FILE_SIZE (NAME_MAX + sizeof(DOCUMENT_ENDING))

/*
 * Find the document of an event. 1: *dir is open, it is the caller's, and
 * file is the name in it. 0: there is none. -1: failed. A file that is not a
 * regular one is no document.
 */
static int
find(int root, const struct spool_name *name, int *dir, char file[FILE_SIZE],
    struct error *err)
{
	struct error missing = ERROR_INIT;
	struct stat st;

	(void)snprintf(file, FILE_SIZE, "%s" DOCUMENT_ENDING, name->base);
	*dir = io_open_dir(root, DOCUMENT_DIRECTORY, &missing);
	if (*dir < 0) {
		if (missing.errnum == ENOENT || missing.errnum == ENOTDIR ||
		    missing.errnum == ELOOP)
			return 0;
		*err = missing;
		return -1;
	}
	if (fstatat(*dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISREG(st.st_mode))
			return 1;
	} else if (errno != ENOENT && errno != ENAMETOOLONG) {
		(void)error_system(err, "cannot look at a document");
		io_discard(dir);
		return -1;
	}
	io_discard(dir);
	return 0;
}

int
document_copy(int root, const struct spool_name *name,
    const struct archive *archive, struct error *err)
{
	struct archive documents = ARCHIVE_INIT;
	char file[FILE_SIZE];
	int dir, rc = find(root, name, &dir, file, err);

	if (rc != 1)
		return rc;
	documents.dir = spool_directory(archive->dir, DOCUMENT_DIRECTORY, err);
	rc = documents.dir < 0 ? -1 : archive_copy(&documents, dir, file, err);
	archive_close(&documents);
	io_discard(&dir);
	return rc;
}

/* 1: it is a copy of that message. */
static int
is_copy(void *context, int dir, const struct dirent *entry, struct error *err)
{
	const char *base = context;
	struct spool_name name;

	(void)dir;
	(void)err;
	return spool_name_parse(entry->d_name, &name) &&
	    strcmp(name.base, base) == 0;
}

/* A directory that cannot be read may hold a copy. */
static bool
holds_copy(int root, const char *state, const char *base)
{
	struct error failed = ERROR_INIT;
	int dir = io_open_dir(root, state, &failed);
	bool found = failed.errnum != ENOENT;

	if (dir >= 0)
		found = io_each(dir, state, is_copy, (void *)(uintptr_t)base,
			    &failed) != 0;
	io_discard(&dir);
	return found;
}

/*
 * An operator can copy a message from one state to another: both files then
 * have one document. new/ can be very large, so there only the name is looked
 * for that a message arrives with.
 */
static bool
has_copy(int root, const char *base)
{
	static const char *const states[] = { "cur", "hold", "failed" };
	static const char *const endings[] = { "", ".json" };
	char path[sizeof("new/.json") + NAME_MAX];
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), "new/%s%s", base, endings[i]);
		if (fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (holds_copy(root, states[i], base))
			return true;
	return false;
}

int
document_remove(
    int root, const struct spool_name *name, int changed, struct error *err)
{
	char file[FILE_SIZE];
	int dir, rc = find(root, name, &dir, file, err);

	if (rc == 1 && has_copy(root, name->base)) {
		io_discard(&dir);
		return 0;
	}
	if (rc != 1)
		return rc;
	if (changed >= 0 && io_fsync(changed, "a directory", err) < 0)
		rc = -1;
	else if (unlinkat(dir, file, 0) < 0)
		rc = errno == ENOENT
		    ? 0
		    : error_system(err, "cannot remove a document");
	io_discard(&dir);
	return rc;
}
