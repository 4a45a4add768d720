/* SPDX-License-Identifier: MIT */
/*
 * files - configuration files: read whole, written so that a reader finds the
 * old or the new one; and the users they are for
 */
#include "endpoint/files.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/secret.h"

int
files_read(const char *path, struct buf *text, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = -1;
	size_t got = 0;
	char *room;

	if (fd < 0)
		return error_system(err, "cannot open %s", path);
	/* At once: what grows would leave copies behind. */
	room = buf_room(text, FILES_MAX + 1);
	if (!room)
		(void)buf_check(text, err);
	else if (io_read_at(fd, room, FILES_MAX + 1, 0, &got, path, err) < 0)
		;
	else if (got > FILES_MAX)
		(void)error_set(err, ERROR_CONFIGURATION,
		    "%s: too large for a configuration", path);
	else
		rc = 0;
	text->len = got;
	io_discard(&fd);
	return rc;
}

void
files_free(struct buf *text)
{
	if (text->at)
		secret_wipe(text->at, text->size);
	buf_free(text);
}

/* The directory that a path is in. */
static void
parent_of(const char *path, char parent[PATH_MAX])
{
	char *slash;

	(void)snprintf(parent, PATH_MAX, "%s", path);
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent ? 1 : 0] = '\0';
	else
		(void)snprintf(parent, PATH_MAX, ".");
}

static int
flush_parent(const char *path, struct error *err)
{
	char parent[PATH_MAX];
	int fd, rc;

	parent_of(path, parent);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_system(err, "cannot open %s", parent);
	rc = io_fsync(fd, parent, err);
	io_discard(&fd);
	return rc;
}

static int
fill(int *fd, const char *path, struct span bytes,
    const struct files_owner *owner, struct error *err)
{
	struct iovec iov = { (void *)(uintptr_t)bytes.at, bytes.len };

	if (fchown(*fd, owner->uid, owner->gid) < 0 ||
	    fchmod(*fd, owner->mode) < 0)
		return error_system(err, "cannot set the owner of %s", path);
	if (io_write_all(*fd, &iov, 1, path, err) < 0 ||
	    io_fsync(*fd, path, err) < 0)
		return -1;
	return io_close(fd, path, err);
}

/*
 * The temporary name begins with a dot, so the "*" of a web server's include
 * does not match it.
 */
int
files_write(const char *path, struct span bytes,
    const struct files_owner *owner, struct error *err)
{
	char parent[PATH_MAX], temporary[PATH_MAX + 32];
	int fd, rc;

	parent_of(path, parent);
	(void)snprintf(temporary, sizeof(temporary), "%s/.hookdir-%ld.new",
	    parent, (long)getpid());
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_system(err, "cannot write in %s", parent);
	rc = fill(&fd, path, bytes, owner, err);
	if (rc == 0 && rename(temporary, path) < 0)
		rc = error_system(err, "cannot write %s", path);
	io_discard(&fd);
	if (rc < 0)
		(void)unlink(temporary);
	return rc < 0 ? -1 : flush_parent(path, err);
}

bool
files_exist(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

int
files_write_new(const char *path, struct span bytes,
    const struct files_owner *owner, struct error *err)
{
	return files_exist(path) ? 0 : files_write(path, bytes, owner, err);
}

static int
make_parents(const char *path, struct error *err)
{
	char part[PATH_MAX];
	char *slash = part;

	(void)snprintf(part, sizeof(part), "%s", path);
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return error_system(err, "cannot make %s", part);
		*slash = '/';
	}
	return 0;
}

/* 1: made, 0: it is there. */
static int
make_dir(const char *path, const struct files_owner *owner, struct error *err)
{
	int fd, rc = 1;

	if (mkdir(path, 0700) < 0)
		return errno == EEXIST
		    ? 0
		    : error_system(err, "cannot make %s", path);
	fd = io_open_dir(AT_FDCWD, path, err);
	if (fd < 0)
		return -1;
	if (fchown(fd, owner->uid, owner->gid) < 0 ||
	    fchmod(fd, owner->mode) < 0)
		rc = error_system(err, "cannot set the owner of %s", path);
	io_discard(&fd);
	return rc;
}

int
files_make_dir(
    const char *path, const struct files_owner *owner, struct error *err)
{
	int made;

	if (make_parents(path, err) < 0)
		return -1;
	made = make_dir(path, owner, err);
	return made > 0 ? flush_parent(path, err) : made;
}

int
files_make_dirs(const char *path, const char *const names[], size_t count,
    const struct files_owner *owner, struct error *err)
{
	char inside[PATH_MAX + 32] = "";
	bool any = false;
	int made;
	size_t i;

	for (i = 0; i < count; i++) {
		(void)snprintf(inside, sizeof(inside), "%s/%s", path, names[i]);
		made = make_dir(inside, owner, err);
		if (made < 0)
			return -1;
		any |= made > 0;
	}
	return any ? flush_parent(inside, err) : 0;
}

int
files_remove(const char *path, struct error *err)
{
	if (unlink(path) == 0)
		return flush_parent(path, err);
	return errno == ENOENT ? 0
			       : error_system(err, "cannot remove %s", path);
}

/* Those of the machine, with what NSS adds; or of the file below root. */
static const struct passwd *
find_passwd(const char *root, const char *name)
{
	const struct passwd *found = NULL;
	char path[PATH_MAX];
	FILE *file;

	if (!*root)
		return getpwnam(name);
	(void)snprintf(path, sizeof(path), "%s/etc/passwd", root);
	file = fopen(path, "re");
	while (file && (found = fgetpwent(file)))
		if (strcmp(found->pw_name, name) == 0)
			break;
	if (file)
		(void)fclose(file);
	return found;
}

static const struct group *
find_group(const char *root, const char *name)
{
	const struct group *found = NULL;
	char path[PATH_MAX];
	FILE *file;

	if (!*root)
		return getgrnam(name);
	(void)snprintf(path, sizeof(path), "%s/etc/group", root);
	file = fopen(path, "re");
	while (file && (found = fgetgrent(file)))
		if (strcmp(found->gr_name, name) == 0)
			break;
	if (file)
		(void)fclose(file);
	return found;
}

int
files_find_user(const char *root, const char *name, struct files_owner *owner,
    struct error *err)
{
	const struct passwd *user = find_passwd(root, name);
	const struct group *group = find_group(root, name);

	if (!user)
		return error_set(
		    err, ERROR_CONFIGURATION, "there is no user %s", name);
	owner->uid = user->pw_uid;
	owner->gid = group ? group->gr_gid : user->pw_gid;
	return 0;
}
