/* SPDX-License-Identifier: MIT */
/*
 * spool_open - a spool's directories: made, found again, swept
 *
 * A directory is relied on only after this process has flushed the one it
 * stands in, whoever made it: somebody else's mkdir() may not have reached
 * the disk yet.
 */
#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "spool/room.h"
#include "spool/spool_known.h"

#define DIRECTORY_MODE 0770 /* less the umask; the setgid bit comes on top */

/* What consumers find beside tmp/ and new/ from the first message on. */
static const char *const other_directories[] = { "cur", "failed",
	"quarantine" };

static int
statx_directory(int directory, struct statx *st, struct error *err)
{
	if (statx(directory, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, st) <
	    0)
		return error_system(err, "cannot look at new/");
	return 0;
}

/*
 * mkdir() does not take the setgid bit. Where the parent has handed it down
 * it is left alone: who is not of that group cannot set it again.
 */
static int
set_mode(int directory, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(directory, &st) == 0 &&
	    ((st.st_mode & S_ISGID) ||
		fchmod(directory, (st.st_mode & 0777) | S_ISGID) == 0))
		return 0;
	return error_system(err, "cannot set the mode of %s", path);
}

/*
 * A directory that root makes in a spool belongs to the spool's owner, who
 * could not write there otherwise. Where it cannot be given away it stays
 * root's: that is no reason to fail.
 */
static void
give_to_owner(int spool, int directory)
{
	struct stat st;

	if (geteuid() == 0 && fstat(spool, &st) == 0 && st.st_uid != 0 &&
	    fchown(directory, st.st_uid, (gid_t)-1) < 0)
		errno = 0;
}

/* Open a directory, or make it. *made says which. */
static int
open_or_make(int dir, const char *path, bool *made, struct error *err)
{
	struct error missing = ERROR_INIT;
	int fd = io_open_dir(dir, path, &missing);

	*made = false;
	if (fd >= 0)
		return fd;
	if (missing.errnum != ENOENT) {
		errno = missing.errnum;
		return error_system(err, "cannot open directory %s", path);
	}
	if (mkdirat(dir, path, DIRECTORY_MODE) == 0) {
		*made = true;
	} else if (errno != EEXIST) {
		(void)error_system(err, "cannot make directory %s", path);
		/* It may have been made all the same, and is not finished. */
		(void)unlinkat(dir, path, AT_REMOVEDIR);
		return -1;
	}
	fd = io_open_dir(dir, path, err);
	if (*made && (fd < 0 || set_mode(fd, path, err) < 0)) {
		/* Else the next one would take it for finished. */
		(void)unlinkat(dir, path, AT_REMOVEDIR);
		io_discard(&fd);
	}
	if (*made && fd >= 0 && dir != AT_FDCWD)
		give_to_owner(dir, fd);
	return fd;
}

/* Flush the directory that the spool itself stands in. */
static int
flush_parent(const char *path, bool made, struct error *err)
{
	struct error closed = ERROR_INIT;
	char parent[PATH_MAX];
	char *slash;
	int fd, rc;

	(void)snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	slash[slash == parent ? 1 : 0] = '\0';
	do {
		fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	/* A directory we may not read is one whose owner made the spool. */
	if (fd < 0 && errno == EACCES && !made)
		return 0;
	if (fd < 0)
		return error_system(err, "cannot open directory %s", parent);
	rc = io_fsync(fd, parent, err);
	if (io_close(&fd, parent, rc < 0 ? &closed : err) < 0)
		rc = -1;
	return rc;
}

/* An empty mount point is no spool: its new/ makes it one. */
static int
check_there(int root, const char *path, struct error *err)
{
	struct stat st;

	if (fstatat(root, "new", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return error_system(err, "no spool: no new/ in %s", path);
}

static int
open_root(struct spool *spool, const char *path, bool make, struct error *err)
{
	if (make) {
		spool->root = open_or_make(AT_FDCWD, path, &spool->made, err);
		return spool->root < 0 ? -1 : 0;
	}
	spool->root = io_open_dir(AT_FDCWD, path, err);
	return spool->root < 0 ? -1 : check_there(spool->root, path, err);
}

/* Make what is missing, and see to it that it is found again. */
static int
open_directories(
    struct spool *spool, const char *path, bool make, struct error *err)
{
	struct statx st;
	bool made_root, made_tmp, made_new;
	size_t i;
	int fd;

	if (open_root(spool, path, make, err) < 0)
		return -1;
	made_root = spool->made;
	spool->tmp = open_or_make(spool->root, "tmp", &made_tmp, err);
	if (spool->tmp < 0)
		return -1;
	spool->new_ = open_or_make(spool->root, "new", &made_new, err);
	spool->made |= made_new;
	if (spool->new_ < 0 || statx_directory(spool->new_, &st, err) < 0)
		return -1;
	spool->flushes = flushes_needed(spool->new_, &st);
	if (!spool->made && !made_tmp && spool_is_known(&st))
		return 0;
	for (i = 0; i < sizeof(other_directories) / sizeof(char *); i++) {
		fd = spool_directory(spool->root, other_directories[i], err);
		if (fd < 0)
			return -1;
		io_discard(&fd);
	}
	if (io_fsync(spool->root, "the spool", err) < 0 ||
	    flush_parent(path, made_root, err) < 0)
		return -1;
	spool_remember(&st);
	return 0;
}

static int
open_spool(struct spool *spool, const char *path, bool make, struct error *err)
{
	char trimmed[PATH_MAX];
	size_t len = strlen(path);

	*spool = (struct spool)SPOOL_INIT;
	/* "dir/" would follow a link that "dir" does not. */
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (path[0] != '/' || len < 2 || len >= sizeof(trimmed))
		return error_set(err, ERROR_CONFIGURATION,
		    "the spool's path is not absolute, or too long");
	memcpy(trimmed, path, len);
	trimmed[len] = '\0';
	if (open_directories(spool, trimmed, make, err) < 0) {
		spool_close(spool);
		return -1;
	}
	return 0;
}

int
spool_open(struct spool *spool, const char *path, struct error *err)
{
	return open_spool(spool, path, true, err);
}

int
spool_find(struct spool *spool, const char *path, struct error *err)
{
	return open_spool(spool, path, false, err);
}

void
spool_close(struct spool *spool)
{
	io_discard(&spool->new_);
	io_discard(&spool->tmp);
	io_discard(&spool->root);
}

int
spool_directory(int root, const char *name, struct error *err)
{
	bool made;
	int fd = open_or_make(root, name, &made, err);

	if (fd < 0 && room_regain(root, 0, err))
		fd = open_or_make(root, name, &made, err);
	if (fd >= 0 && made && io_fsync(root, "the spool", err) < 0)
		io_discard(&fd);
	return fd;
}

bool
spool_sweep_is_due(const struct spool *spool, enum spool_sweep sweep)
{
	struct error ignored = ERROR_INIT;
	struct statx st;

	return statx_directory(spool->new_, &st, &ignored) == 0 &&
	    spool_known_sweep(&st, sweep, clock_monotonic());
}

/* By both times: a clock that was set shows in at most one of them. */
static bool
is_stale(const struct stat *st, time_t now)
{
	return !S_ISDIR(st->st_mode) && now - st->st_mtime > SPOOL_STALE &&
	    now - st->st_ctime > SPOOL_STALE;
}

static int
sweep_file(
    void *context, int dir, const struct dirent *entry, struct error *err)
{
	const time_t *now = context;
	struct stat st;

	(void)err;
	if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    is_stale(&st, *now))
		(void)unlinkat(dir, entry->d_name, 0);
	return 0;
}

void
spool_sweep(const struct spool *spool)
{
	struct error ignored = ERROR_INIT;
	time_t now = clock_now().tv_sec;

	if (spool_sweep_is_due(spool, SPOOL_SWEEP_TMP))
		(void)io_each(spool->tmp, "tmp/", sweep_file, &now, &ignored);
}
