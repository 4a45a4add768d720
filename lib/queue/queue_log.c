/* SPDX-License-Identifier: MIT */
/*
 * queue_log - what a command said when it failed, beside the messages
 *
 * One file a message, by its name without what the runner adds to it. A
 * draft is hidden by a dot, and is replaced or removed with the log itself.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "queue/queue.h"
#include "spool/room.h"

struct names {
	char file[NAME_MAX + 16], draft[NAME_MAX + 16];
};

static struct names
names_of(const struct spool_name *name)
{
	struct names names = { "", "" };

	(void)snprintf(names.file, sizeof(names.file), "%s.log", name->base);
	(void)snprintf(names.draft, sizeof(names.draft), ".%s.log", name->base);
	return names;
}

/* Make the draft; a directory that somebody removed is made again. */
static int
create_draft(struct queue *queue, const char *draft, struct error *err)
{
	struct error missing = ERROR_INIT;
	int fd = -1;

	if (queue->log >= 0) {
		(void)unlinkat(queue->log, draft, 0);
		fd = io_create(queue->log, draft, 0660, &missing);
	}
	if (fd >= 0 || (queue->log >= 0 && missing.errnum != ENOENT)) {
		if (fd < 0)
			*err = missing;
		return fd;
	}
	io_discard(&queue->log);
	queue->log = spool_directory(queue->root, "log", err);
	if (queue->log < 0)
		return -1;
	(void)unlinkat(queue->log, draft, 0);
	return io_create(queue->log, draft, 0660, err);
}

/*
 * Whole or not at all, whoever is killed: written beside, and then renamed
 * over the last one. A power cut may leave less of it.
 */
static int
write_log(struct queue *queue, const struct spool_name *name, struct span text,
    struct error *err)
{
	struct iovec piece = { (void *)(uintptr_t)text.at, text.len };
	struct names names = names_of(name);
	int fd = create_draft(queue, names.draft, err);

	if (fd < 0)
		return -1;
	if (io_write_all(fd, &piece, 1, "to log/", err) == 0 &&
	    io_close(&fd, "a file in log/", err) == 0 &&
	    renameat(queue->log, names.draft, queue->log, names.file) == 0)
		return 0;
	(void)error_system(err, "cannot keep what a command said");
	io_discard(&fd);
	(void)unlinkat(queue->log, names.draft, 0);
	return -1;
}

int
queue_log_write(struct queue *queue, const struct spool_name *name,
    struct span text, struct error *err)
{
	int rc = write_log(queue, name, text, err);

	if (rc < 0 && room_regain(queue->root, text.len, err))
		rc = write_log(queue, name, text, err);
	return rc;
}

static int
read_log(int fd, struct buf *out, struct error *err)
{
	char *room = buf_room(out, QUEUE_LOG_MAX);
	size_t got;
	int rc;

	if (!room)
		return buf_check(out, err);
	rc = io_read_at(fd, room, QUEUE_LOG_MAX, 0, &got, "a log", err);
	out->len += got;
	return rc;
}

int
queue_log_read(const struct queue *queue, const struct spool_name *name,
    struct buf *out, struct error *err)
{
	struct error failed = ERROR_INIT;
	struct names names;
	struct stat st;
	int fd, rc;

	if (queue->log < 0)
		return 0;
	names = names_of(name);
	fd = io_open_file(queue->log, names.file, &st, &failed);
	if (fd < 0 && queue_is_none(&failed))
		return 0;
	if (fd < 0) {
		*err = failed;
		return -1;
	}
	rc = read_log(fd, out, err);
	io_discard(&fd);
	return rc;
}

/* Another runner may have made log/ since this queue was opened. */
void
queue_log_remove(const struct queue *queue, const struct spool_name *name)
{
	struct error missing = ERROR_INIT;
	struct names names = names_of(name);
	int ours = -1, log = queue->log;

	if (log < 0)
		log = ours = io_open_dir(queue->root, "log", &missing);
	if (log < 0)
		return;
	(void)unlinkat(log, names.file, 0);
	(void)unlinkat(log, names.draft, 0);
	io_discard(&ours);
}
