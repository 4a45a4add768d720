/* SPDX-License-Identifier: MIT */
/*
 * spool - a Maildir for webhooks, on stable storage
 *
 * The rules of a delivery:
 *   1. the file is made in tmp/ with O_EXCL and written whole;
 *   2. its bytes are put where no later name can overtake them;
 *   3. it is renamed to new/, never over another file;
 *   4. new/, the file, or both are flushed, and the file system is still
 *      sound: only now do both survive a power cut;
 *   5. whatever fails before the end of 4 removes the file again.
 *
 * flushes.c knows what steps 2 and 4 take on which file system.
 */
#include "spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "spool/room.h"

#define FILE_MODE  0660 /* less the umask */
#define NAME_TRIES 100

void
spool_forget(const struct spool *spool, struct draft *draft)
{
	io_discard(&draft->fd);
	(void)unlinkat(spool->tmp, draft->name, 0);
}

/* Make a file in tmp/; a name that is taken is left to its owner. */
static int
create(const struct spool *spool, struct timespec received,
    char name[SPOOL_NAME_SIZE], struct error *err)
{
	struct error attempt;
	int fd, tries;

	for (tries = 0; tries < NAME_TRIES; tries++) {
		attempt = (struct error)ERROR_INIT;
		spool_name_new(received, "", name);
		fd = io_create(spool->tmp, name, FILE_MODE, &attempt);
		if (fd >= 0)
			return fd;
		if (attempt.errnum != EEXIST)
			break;
	}
	errno = attempt.errnum;
	return error_system(err, "cannot create a file in tmp/");
}

/*
 * Another descriptor, to flush the file by: the first one is closed before the
 * rename, so that who watches new/ sees one event. It has to be there before
 * anything is written, or it would not be told of what failed until then;
 * but for a file that has been flushed since.
 */
static int
hold(const struct spool *spool, struct draft *draft, struct error *err)
{
	struct stat st;

	if (!spool->flushes.file || draft->fd >= 0)
		return 0;
	draft->fd = io_open_file(spool->tmp, draft->name, &st, err);
	return draft->fd < 0 ? -1 : 0;
}

/* Step 2. */
static int
settle(const struct spool *spool, int fd, struct error *err)
{
	return spool->flushes.writes_out
	    ? io_write_out(fd, "a file in tmp/", err)
	    : io_fsync(fd, "a file in tmp/", err);
}

int
spool_write(
    const struct delivery *delivery, struct draft *draft, struct error *err)
{
	const struct spool *spool = delivery->spool;
	struct iovec pieces[SPOOL_PIECES_MAX];
	int fd, count = delivery->count;

	if (count > SPOOL_PIECES_MAX)
		return error_set(
		    err, ERROR_CONFIGURATION, "a message in too many pieces");
	if (count > 0)
		memcpy(pieces, delivery->pieces,
		    (size_t)count * sizeof(pieces[0]));
	fd = create(spool, delivery->received, draft->name, err);
	draft->fd = -1;
	if (fd < 0)
		return -1;
	if (hold(spool, draft, err) < 0 ||
	    io_write_all(fd, pieces, count, "to tmp/", err) < 0 ||
	    settle(spool, fd, err) < 0 ||
	    io_close(&fd, "a file in tmp/", err) < 0) {
		io_discard(&fd);
		spool_forget(spool, draft);
		return -1;
	}
	return 0;
}

size_t
spool_size(const struct delivery *delivery)
{
	size_t size = 0;
	int i;

	for (i = 0; i < delivery->count; i++)
		size += delivery->pieces[i].iov_len;
	return size;
}

/* Step 3. */
static int
move(const struct delivery *delivery, int directory, const char *label,
    struct draft *draft, struct error *err)
{
	const struct spool *spool = delivery->spool;
	char target[SPOOL_NAME_SIZE];
	int tries;

	if (label[0])
		spool_name_new(delivery->received, label, target);
	else
		memcpy(target, draft->name, sizeof(target));
	for (tries = 0; tries < NAME_TRIES; tries++) {
		if (io_rename_new(spool->tmp, draft->name, directory, target) ==
		    0) {
			memcpy(draft->name, target, sizeof(target));
			return 0;
		}
		if (errno != EEXIST)
			break;
		spool_name_new(delivery->received, label, target);
	}
	(void)error_system(err, "cannot move a file out of tmp/");
	spool_forget(spool, draft);
	/* It may have been done all the same; the name is ours alone. */
	if (err->errnum != EEXIST)
		(void)unlinkat(directory, target, 0);
	return -1;
}

int
spool_place(const struct delivery *delivery, int directory, const char *label,
    struct draft *draft, struct error *err)
{
	if (move(delivery, directory, label, draft, err) < 0)
		return -1;
	io_discard(&draft->fd);
	return 0;
}

/* Step 4. */
static int
flush(const struct spool *spool, struct draft *draft, struct error *err)
{
	const struct flushes *need = &spool->flushes;
	/* Our own file: nothing but its file system can refuse us a change. */
	int look_at = draft->fd >= 0 ? draft->fd : spool->new_;

	if (need->directory && io_fsync(spool->new_, "new/", err) < 0)
		return -1;
	if (need->file && io_fsync(draft->fd, "a file in new/", err) < 0)
		return -1;
	if (need->look && io_check_sound(look_at, "a file in new/", err) < 0)
		return -1;
	return draft->fd >= 0 ? io_close(&draft->fd, "a file in new/", err) : 0;
}

int
spool_publish(
    const struct delivery *delivery, struct draft *draft, struct error *err)
{
	const struct spool *spool = delivery->spool;

	if (hold(spool, draft, err) < 0) {
		spool_forget(spool, draft);
		return -1;
	}
	if (move(delivery, spool->new_, "", draft, err) < 0)
		return -1;
	if (flush(spool, draft, err) < 0) {
		io_discard(&draft->fd);
		(void)unlinkat(spool->new_, draft->name, 0);
		return -1;
	}
	return 0;
}

static int
deliver_once(const struct delivery *delivery, char name[SPOOL_NAME_SIZE],
    struct error *err)
{
	struct draft draft = DRAFT_INIT;

	if (spool_write(delivery, &draft, err) < 0 ||
	    spool_publish(delivery, &draft, err) < 0)
		return -1;
	memcpy(name, draft.name, sizeof(draft.name));
	return 0;
}

int
spool_deliver(const struct delivery *delivery, char name[SPOOL_NAME_SIZE],
    struct error *err)
{
	int rc = deliver_once(delivery, name, err), i;

	for (i = 0; rc < 0 && i < ROOM_ATTEMPTS &&
	     room_regain(delivery->spool->root, spool_size(delivery), err);
	     i++)
		rc = deliver_once(delivery, name, err);
	return rc;
}
