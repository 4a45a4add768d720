/* SPDX-License-Identifier: MIT */
/*
 * files - configuration files: read whole, written so that a reader finds the
 * old or the new one; and the users they are for
 */
#ifndef ENDPOINT_FILES_H
#define ENDPOINT_FILES_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"

#define FILES_MAX ((size_t)1 << 20) /* bytes of a configuration */

/* Who a file belongs to. */
struct files_owner {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/*
 * Set text, an empty buffer that may hold FILES_MAX bytes and one, to the
 * content. The caller wipes and frees it, also on -1.
 */
int files_read(const char *path, struct buf *text, struct error *err);

/*
 * Write to a temporary file, flush it, and rename it to path. On -1 what was
 * at path is there unchanged.
 */
int files_write(const char *path, struct span bytes,
    const struct files_owner *owner, struct error *err);

/* The same, unless there is such a file. */
int files_write_new(const char *path, struct span bytes,
    const struct files_owner *owner, struct error *err);

/*
 * Make a directory, and those above it, which are 0755. One that is there
 * already keeps its owner and mode.
 */
int files_make_dir(
    const char *path, const struct files_owner *owner, struct error *err);

/* The same for directories in one that is there, and flush that once. */
int files_make_dirs(const char *path, const char *const names[], size_t count,
    const struct files_owner *owner, struct error *err);

/* Remove a file; one that is not there is fine. */
int files_remove(const char *path, struct error *err);

bool files_exist(const char *path);

/* Wipe and free what had secrets in it. */
void files_free(struct buf *text);

/*
 * The user of that name in the passwd file below root, and the group that has
 * the user's name; else the user's own group.
 */
int files_find_user(const char *root, const char *name,
    struct files_owner *owner, struct error *err);

#endif
