/* SPDX-License-Identifier: MIT */
/*
 * queue - a spool as its consumers see it
 *
 * A directory may be missing, and come and go: the handler makes some when
 * it needs them, we make those that we move to.
 */
#include "queue/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "spool/room.h"

static const char *const names[QUEUE_STATES] = {
	[QUEUE_NEW] = "new",
	[QUEUE_CUR] = "cur",
	[QUEUE_HOLD] = "hold",
	[QUEUE_FAILED] = "failed",
	[QUEUE_QUARANTINE] = "quarantine",
};

const char *
queue_state_name(enum queue_state state)
{
	return names[state];
}

bool
queue_find_state(const char *name, enum queue_state *state)
{
	int i;

	for (i = 0; i < QUEUE_STATES; i++)
		if (strcmp(names[i], name) == 0) {
			*state = (enum queue_state)i;
			return true;
		}
	return false;
}

/* A directory that may be missing: then *fd is -1, and that is no error. */
static int
open_if_there(int root, const char *name, int *fd, struct error *err)
{
	struct error missing = ERROR_INIT;

	*fd = io_open_dir(root, name, &missing);
	if (*fd >= 0 || missing.errnum == ENOENT)
		return 0;
	*err = missing;
	return -1;
}

static int
open_states(struct queue *queue, struct error *err)
{
	int i;

	for (i = 0; i < QUEUE_STATES; i++)
		if (open_if_there(
			queue->root, names[i], &queue->states[i], err) < 0)
			return -1;
	if (queue->states[QUEUE_NEW] < 0) {
		errno = ENOENT;
		return error_system(
		    err, "no spool: no new/ in %s", queue->path);
	}
	return open_if_there(queue->root, "log", &queue->log, err);
}

int
queue_open(struct queue *queue, const char *path, struct error *err)
{
	int i;

	queue->root = queue->log = -1;
	for (i = 0; i < QUEUE_STATES; i++)
		queue->states[i] = -1;
	if (!realpath(path, queue->path))
		return error_system(err, "%s %s",
		    errno == ENOENT ? "no spool at" : "cannot open spool",
		    path);
	queue->root = io_open_dir(AT_FDCWD, queue->path, err);
	if (queue->root < 0)
		return -1;
	if (open_states(queue, err) < 0) {
		queue_close(queue);
		return -1;
	}
	return 0;
}

void
queue_close(struct queue *queue)
{
	int i;

	for (i = 0; i < QUEUE_STATES; i++)
		io_discard(&queue->states[i]);
	io_discard(&queue->log);
	io_discard(&queue->root);
}

int
queue_directory(struct queue *queue, enum queue_state state, struct error *err)
{
	int *fd = &queue->states[state];

	if (*fd < 0)
		*fd = spool_directory(queue->root, names[state], err);
	return *fd;
}

/* All that ever stands in a spool, also before it is there. */
static const char *const own[] = { ".", "tmp", "new", "cur", "hold", "failed",
	"quarantine", "log", "seen", "latest", "documents", "fetch" };

bool
queue_owns(const struct queue *queue, int directory)
{
	struct stat theirs, ours;
	size_t i;

	if (fstat(directory, &theirs) < 0)
		return false;
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (fstatat(queue->root, own[i], &ours, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    ours.st_dev == theirs.st_dev &&
		    ours.st_ino == theirs.st_ino)
			return true;
	return false;
}

/* The type where the file system tells it, else what fstatat() says. */
static bool
is_file(int directory, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_REG;
	return fstatat(directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
	    0 &&
	    S_ISREG(st.st_mode);
}

struct visitor {
	enum queue_state state;
	queue_visit *visit;
	void *context;
};

static int
visit_entry(
    void *context, int dir, const struct dirent *entry, struct error *err)
{
	const struct visitor *visitor = context;
	struct spool_name name;

	if (!is_file(dir, entry) || !spool_name_parse(entry->d_name, &name))
		return 0;
	return visitor->visit(
	    visitor->context, visitor->state, entry->d_name, &name, err);
}

int
queue_each(const struct queue *queue, enum queue_state state,
    queue_visit *visit, void *context, struct error *err)
{
	struct visitor visitor = { state, visit, context };

	if (queue->states[state] < 0)
		return 0;
	return io_each(
	    queue->states[state], names[state], visit_entry, &visitor, err);
}

struct wanted {
	const char *base;
	char *file;
};

static int
visit_wanted(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct wanted *wanted = context;

	(void)state;
	(void)err;
	if (strcmp(name->base, wanted->base) != 0)
		return 0;
	(void)snprintf(wanted->file, NAME_MAX + 1, "%s", file);
	return 1;
}

int
queue_find(const struct queue *queue, const char *called, unsigned states,
    enum queue_state *state, char file[NAME_MAX + 1], struct error *err)
{
	const char *slash = strrchr(called, '/');
	struct spool_name name;
	struct wanted wanted = { name.base, file };
	int i, rc = 0;

	if (!spool_name_parse(slash ? slash + 1 : called, &name))
		return 0;
	for (i = 0; rc == 0 && i < QUEUE_STATES; i++) {
		if (!(states & 1u << i))
			continue;
		*state = (enum queue_state)i;
		rc = queue_each(queue, *state, visit_wanted, &wanted, err);
	}
	return rc;
}

int
queue_open_file(const struct queue *queue, enum queue_state state,
    const char *file, struct stat *st, struct error *err)
{
	if (queue->states[state] < 0) {
		errno = ENOENT;
		return error_system(err, "cannot open %s/", names[state]);
	}
	return io_open_file(queue->states[state], file, st, err);
}

/* Gone, a link, a FIFO or a directory, a socket. */
bool
queue_is_none(const struct error *err)
{
	return err->errnum == ENOENT || err->errnum == ELOOP ||
	    err->errnum == EINVAL || err->errnum == ENXIO;
}

/* As rename(2). A directory that somebody removed is made again. */
static int
rename_into(struct queue *queue, int from, const char *file,
    enum queue_state to, const char *target, struct error *err)
{
	struct stat st;
	int rc = io_rename_new(from, file, queue->states[to], target);

	if (rc == 0 || errno != ENOENT ||
	    fstatat(from, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return rc;
	io_discard(&queue->states[to]);
	if (queue_directory(queue, to, err) < 0)
		return -1;
	return io_rename_new(from, file, queue->states[to], target);
}

static int
move(struct queue *queue, enum queue_state from, const char *file,
    enum queue_state to, const char *target, struct error *err)
{
	if (queue_directory(queue, to, err) < 0)
		return -1;
	if (rename_into(queue, queue->states[from], file, to, target, err) == 0)
		return 1;
	if (errno == ENOENT || errno == EEXIST)
		return 0;
	return error_system(err, "cannot move a message from %s/ to %s/",
	    names[from], names[to]);
}

int
queue_move(struct queue *queue, enum queue_state from, const char *file,
    enum queue_state to, const char *target, struct error *err)
{
	int rc, i;

	if (queue->states[from] < 0) {
		errno = ENOENT;
		return 0;
	}
	rc = move(queue, from, file, to, target, err);
	/* A rename takes room as well. */
	for (i = 0;
	     rc < 0 && i < ROOM_ATTEMPTS && room_regain(queue->root, 0, err);
	     i++)
		rc = move(queue, from, file, to, target, err);
	return rc;
}
