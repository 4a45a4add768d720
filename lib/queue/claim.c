/* SPDX-License-Identifier: MIT */
/*
 * claim - take a message, so that nobody else has it
 *
 * Locked first, renamed then: what is in cur/ without a lock was left there
 * by a runner that died. All steps are renames of one name that only the
 * holder of the lock makes. If we lock a file that its owner has just moved,
 * our rename fails with ENOENT.
 */
#include "queue/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "queue/document.h"
#include "base/io.h"
#include "spool/room.h"

/* Names tried where one is taken. */
#define NAME_TRIES 100

/* Unlocked for all who share the descriptor, children of ours included. */
static void
let_go(struct claim *claim)
{
	if (claim->fd >= 0)
		(void)flock(claim->fd, LOCK_UN);
	io_discard(&claim->fd);
}

enum claim_result
claim_lock(const struct queue *queue, enum queue_state state, const char *file,
    int *fd, struct stat *st, struct error *err)
{
	struct error failed = ERROR_INIT;
	int rc;

	*fd = queue_open_file(queue, state, file, st, &failed);
	if (*fd < 0 && queue_is_none(&failed))
		return CLAIM_GONE;
	if (*fd < 0) {
		*err = failed;
		return CLAIM_FAILED;
	}
	rc = io_lock(fd, queue->states[state], file, err);
	if (rc == 1)
		return CLAIM_TAKEN;
	io_discard(fd);
	return rc < 0 ? CLAIM_FAILED : CLAIM_HELD;
}

static enum claim_result
lock_message(const struct queue *queue, enum queue_state state,
    const char *file, struct claim *claim, struct error *err)
{
	struct stat st;
	enum claim_result rc =
	    claim_lock(queue, state, file, &claim->fd, &st, err);

	if (rc == CLAIM_TAKEN)
		claim->size = st.st_size;
	return rc;
}

/*
 * Is what we have locked the file of our name? Another process may have put
 * another file in its place, or moved it on: then the message is gone.
 */
enum claim_result
claim_check(const struct queue *queue, enum queue_state state, const char *file,
    int fd, struct error *err)
{
	struct stat held, named;

	if (fstat(fd, &held) == 0 &&
	    fstatat(queue->states[state], file, &named, AT_SYMLINK_NOFOLLOW) ==
		0)
		return held.st_dev == named.st_dev &&
			held.st_ino == named.st_ino
		    ? CLAIM_TAKEN
		    : CLAIM_GONE;
	if (errno == ENOENT)
		return CLAIM_GONE;
	(void)error_system(err, "cannot look at %s", file);
	return CLAIM_FAILED;
}

/*
 * Rename it to cur/. Where the file system has no room for that, the message
 * stays in new/: it is locked, and removing it will make room.
 */
static enum claim_result
rename_to_cur(struct queue *queue, const char *file, struct claim *claim,
    const struct spool_name *name, struct error *err)
{
	struct error failed = ERROR_INIT;
	int rc;

	claim->state = QUEUE_CUR;
	spool_name_format(name, claim->file);
	rc =
	    queue_move(queue, QUEUE_NEW, file, QUEUE_CUR, claim->file, &failed);
	if (rc < 0 && room_is_short(&failed)) {
		claim->state = QUEUE_NEW;
		(void)snprintf(claim->file, sizeof(claim->file), "%s", file);
		return CLAIM_TAKEN;
	}
	if (rc < 0)
		*err = failed;
	return rc < 0 ? CLAIM_FAILED : rc ? CLAIM_TAKEN : CLAIM_GONE;
}

enum claim_result
claim_take(struct queue *queue, const char *file, struct claim *claim,
    struct error *err)
{
	struct error ignored = ERROR_INIT;
	struct spool_name spare;
	enum claim_result rc;

	if (!spool_name_parse(file, &claim->before))
		return CLAIM_GONE;
	rc = lock_message(queue, QUEUE_NEW, file, claim, err);
	if (rc != CLAIM_TAKEN)
		return rc;
	claim->name = claim->before;
	spool_name_shorten(&claim->name);
	claim->name.next = 0;
	claim->name.missed = 0;
	spare = claim->name;
	if (claim->name.tries < SPOOL_TRIES_MAX && !claim->name.end)
		claim->name.tries++;
	rc = rename_to_cur(
	    queue, file, claim, claim->uncounted ? &spare : &claim->name, err);
	if (rc == CLAIM_TAKEN) {
		rc = claim_check(
		    queue, claim->state, claim->file, claim->fd, err);
		if (rc != CLAIM_TAKEN && claim->state == QUEUE_CUR)
			(void)queue_move(queue, QUEUE_CUR, claim->file,
			    QUEUE_NEW, file, &ignored);
	}
	if (rc != CLAIM_TAKEN)
		let_go(claim);
	return rc;
}

enum claim_result
claim_take_over(struct queue *queue, const char *file, struct claim *claim,
    struct error *err)
{
	enum claim_result rc;

	if (!spool_name_parse(file, &claim->name))
		return CLAIM_GONE;
	rc = lock_message(queue, QUEUE_CUR, file, claim, err);
	if (rc != CLAIM_TAKEN)
		return rc;
	claim->state = QUEUE_CUR;
	(void)snprintf(claim->file, sizeof(claim->file), "%s", file);
	claim->before = claim->name;
	claim->before.next = 0;
	spool_name_shorten(&claim->name);
	claim->before.end = SPOOL_END_NONE;
	/* Zero: claimed by hand, or by a run whose death does not count. */
	if (claim->before.tries > 0)
		claim->before.tries--;
	rc = claim_check(queue, claim->state, claim->file, claim->fd, err);
	if (rc != CLAIM_TAKEN)
		let_go(claim);
	return rc;
}

/* Is it to stay where it is, under the name that it has? */
static bool
stays(const struct claim *claim, enum queue_state to)
{
	char target[NAME_MAX + 1];

	spool_name_format(&claim->name, target);
	return claim->state == to && strcmp(claim->file, target) == 0;
}

/* To another state. */
static int
move(struct queue *queue, struct claim *claim, enum queue_state to,
    struct error *err)
{
	char target[NAME_MAX + 1];
	int rc, tries = 0;

	if (stays(claim, to))
		return 0;
	do {
		spool_name_format(&claim->name, target);
		rc = queue_move(
		    queue, claim->state, claim->file, to, target, err);
		/* Somebody has put a copy there: it stays, and so do we. */
	} while (rc == 0 && errno == EEXIST && tries++ < NAME_TRIES &&
	    ++claim->name.later);
	if (rc == 0)
		(void)error_set(err, ERROR_CONFIGURATION,
		    "a claimed message is not in %s/ any more, or one of its "
		    "name is in %s/",
		    queue_state_name(claim->state), queue_state_name(to));
	return rc == 1 ? 0 : -1;
}

/* The same, and the claim ends. */
static int
put(struct queue *queue, struct claim *claim, enum queue_state to,
    struct error *err)
{
	int rc = move(queue, claim, to, err);

	let_go(claim);
	return rc;
}

void
claim_leave(struct claim *claim)
{
	let_go(claim);
}

int
claim_return(struct queue *queue, struct claim *claim, struct error *err)
{
	claim->name = claim->before;
	return put(queue, claim, QUEUE_NEW, err);
}

int
claim_defer(struct queue *queue, struct claim *claim, time_t next, bool counted,
    struct error *err)
{
	if (!counted) {
		claim->name = claim->before;
		spool_name_shorten(&claim->name);
		if (claim->name.later < SPOOL_TRIES_MAX)
			claim->name.later++;
	}
	claim->name.next = next;
	return put(queue, claim, QUEUE_NEW, err);
}

/*
 * There is no room where it belongs: what became of it is kept in its name,
 * and it stays where it was claimed.
 */
static void
keep(struct queue *queue, struct claim *claim, enum spool_end end)
{
	struct error ignored = ERROR_INIT;
	char target[NAME_MAX + 1];

	claim->name.next = 0;
	claim->name.end = end;
	spool_name_format(&claim->name, target);
	(void)queue_move(
	    queue, claim->state, claim->file, claim->state, target, &ignored);
	let_go(claim);
}

/* Like an archive, where failed/ is on another file system or quota. */
static int
copy_to_failed(struct queue *queue, struct claim *claim, struct error *err)
{
	struct archive failed = { queue->states[QUEUE_FAILED] };
	char target[NAME_MAX + 1];

	spool_name_format(&claim->name, target);
	return archive_move(
	    &failed, queue->states[claim->state], claim->file, target, err);
}

int
claim_bury(struct queue *queue, struct claim *claim, struct error *err)
{
	struct error failed = ERROR_INIT;
	int rc;

	claim->name.next = 0;
	claim->name.end = SPOOL_END_NONE;
	rc = move(queue, claim, QUEUE_FAILED, &failed);
	if (rc < 0 && failed.errnum == EXDEV) {
		failed = (struct error)ERROR_INIT;
		rc = copy_to_failed(queue, claim, &failed);
	}
	if (rc == 0) {
		let_go(claim);
		return 0;
	}
	*err = failed;
	keep(queue, claim, SPOOL_END_FAILED);
	return -1;
}

/*
 * The log before the message: a process that is killed in between leaves no
 * log without a message. The document after it, and only if it was removed
 * here: a command that has moved its event elsewhere may need the document.
 * A document that cannot be removed does not change what became of its event.
 */
static int
discard(const struct queue *queue, const struct claim *claim, struct error *err)
{
	struct error ignored = ERROR_INIT;
	int dir = queue->states[claim->state];

	queue_log_remove(queue, &claim->name);
	if (unlinkat(dir, claim->file, 0) == 0) {
		(void)document_remove(queue->root, &claim->name, dir, &ignored);
		return 0;
	}
	if (errno == ENOENT)
		return 0;
	return error_system(err, "cannot remove a message from %s/",
	    queue_state_name(claim->state));
}

static int
move_to(const struct queue *queue, const struct claim *claim,
    const struct archive *archive, const char *target, struct error *err)
{
	if (document_copy(queue->root, &claim->name, archive, err) < 0)
		return -1;
	return archive_move(
	    archive, queue->states[claim->state], claim->file, target, err);
}

static int
to_archive(const struct queue *queue, const struct claim *claim,
    const struct archive *archive, const char *target, struct error *err)
{
	int rc = move_to(queue, claim, archive, target, err);

	if (rc < 0 && room_regain(queue->root, 0, err))
		rc = move_to(queue, claim, archive, target, err);
	return rc;
}

static int
store(const struct queue *queue, const struct claim *claim,
    const struct archive *archive, struct error *err)
{
	struct error ignored = ERROR_INIT;
	struct spool_name plain = claim->name;
	char target[NAME_MAX + 1];

	spool_name_forget(&plain);
	spool_name_format(&plain, target);
	if (to_archive(queue, claim, archive, target, err) < 0)
		return -1;
	queue_log_remove(queue, &claim->name);
	(void)document_remove(
	    queue->root, &claim->name, archive->dir, &ignored);
	return 0;
}

static int
end_it(const struct queue *queue, const struct claim *claim,
    const struct archive *archive, struct error *err)
{
	return archive->dir >= 0 ? store(queue, claim, archive, err)
				 : discard(queue, claim, err);
}

int
claim_finish(struct queue *queue, struct claim *claim,
    const struct archive *archive, struct error *err)
{
	int rc = end_it(queue, claim, archive, err);

	if (rc < 0)
		keep(queue, claim,
		    archive->dir >= 0 ? SPOOL_END_ARCHIVE : SPOOL_END_DONE);
	else
		let_go(claim);
	return rc;
}

int
claim_remove(struct queue *queue, struct claim *claim,
    const struct archive *archive, struct error *err)
{
	struct error ignored = ERROR_INIT;
	int rc = end_it(queue, claim, archive, err);

	if (rc < 0)
		(void)claim_return(queue, claim, &ignored);
	else
		let_go(claim);
	return rc;
}
