/* SPDX-License-Identifier: MIT */
/*
 * reconcile_journal - what earlier runs have delivered
 *
 * A line of the file of ids is
 *	begun|done RESOURCE ID EVENT VERSION TIME
 * with VERSION in microseconds and TIME in seconds, appended by one write. A
 * line that is torn lacks its end, and is none.
 */
#include "net/reconcile_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "net/reconcile_kind.h"
#include "net/reconcile_state.h"
#include "spool/spool.h"

#define LINE_MAX_  256
#define IDS_MAX	   ((size_t)256 << 20)
#define TRIM_ABOVE (1 << 20)		  /* bytes */
#define LIFE	   (366 * INT64_C(86400)) /* seconds */

struct line {
	struct reconcile_begun delivery;
	bool done;
	int64_t time;
};

static bool
read_line(struct span text, struct line *line)
{
	char copy[LINE_MAX_], word[8], resource[16];
	size_t i;

	if (text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.at, text.len);
	copy[text.len] = '\0';
	if (sscanf(copy,
		"%7s %15s %" SCNu64 " %64[0-9a-f] %" SCNd64 " %" SCNd64, word,
		resource, &line->delivery.id, line->delivery.event,
		&line->delivery.version, &line->time) != 6 ||
	    strlen(line->delivery.event) != SHA256_HEX_SIZE - 1)
		return false;
	line->done = strcmp(word, "done") == 0;
	for (i = 0; i < RECONCILE_RESOURCES; i++)
		if (strcmp(resource, reconcile_kinds[i].name) == 0) {
			line->delivery.resource = (enum reconcile_resource)i;
			return line->done || strcmp(word, "begun") == 0;
		}
	return false;
}

static void
write_line(struct buf *out, const struct line *line)
{
	buf_printf(out, "%s %s %" PRIu64 " %s %" PRId64 " %" PRId64 "\n",
	    line->done ? "done" : "begun",
	    reconcile_kinds[line->delivery.resource].name, line->delivery.id,
	    line->delivery.event, line->delivery.version, line->time);
}

/* --- deliveries that are not known to have ended ---------------------------
 */

static size_t
place_of(const struct reconcile_journal *journal,
    enum reconcile_resource resource, uint64_t id)
{
	size_t i;

	for (i = 0; i < journal->count; i++)
		if (journal->begun[i].id == id &&
		    journal->begun[i].resource == resource)
			break;
	return i;
}

const struct reconcile_begun *
reconcile_journal_find(const struct reconcile_journal *journal,
    enum reconcile_resource resource, uint64_t id)
{
	size_t at = place_of(journal, resource, id);

	return at < journal->count ? &journal->begun[at] : NULL;
}

static int
note_begun(struct reconcile_journal *journal,
    const struct reconcile_begun *delivery, struct error *err)
{
	size_t at = place_of(journal, delivery->resource, delivery->id);
	struct reconcile_begun *more;

	if (at == journal->count) {
		more = realloc(journal->begun, (at + 1) * sizeof(*more));
		if (!more)
			return error_set(err, ERROR_MEMORY, "no memory");
		journal->begun = more;
		journal->count++;
	}
	journal->begun[at] = *delivery;
	return 0;
}

static void
note_done(
    struct reconcile_journal *journal, const struct reconcile_begun *delivery)
{
	size_t at = place_of(journal, delivery->resource, delivery->id);

	if (at < journal->count)
		journal->begun[at] = journal->begun[--journal->count];
}

/* --- the file --------------------------------------------------------------
 */

static int
read_all(int fd, struct buf *text, struct error *err)
{
	struct stat st;
	char *room;
	size_t got;

	if (fstat(fd, &st) < 0)
		return error_system(err, "cannot look at " RECONCILE_IDS);
	room = buf_room(text, (size_t)st.st_size + 1);
	if (!room)
		return buf_check(text, err);
	if (io_read_at(
		fd, room, (size_t)st.st_size, 0, &got, RECONCILE_IDS, err) < 0)
		return -1;
	text->len = got;
	return 0;
}

static int
take_lines(struct reconcile_journal *journal, struct span text,
    struct reconcile_known *known, struct error *err)
{
	struct span front;
	struct line line;
	int rc = 0;

	while (rc == 0 && text.len && memchr(text.at, '\n', text.len)) {
		(void)span_cut(&text, '\n', &front);
		if (!read_line(front, &line))
			continue;
		if (!line.done) {
			rc = note_begun(journal, &line.delivery, err);
			continue;
		}
		note_done(journal, &line.delivery);
		rc = reconcile_known_add(known, line.delivery.resource,
		    line.delivery.id, line.delivery.version, err);
	}
	return rc;
}

static int
append(int fd, struct span text, struct error *err)
{
	struct iovec piece = { (void *)(uintptr_t)text.at, text.len };

	return io_write_all(fd, &piece, 1, "to " RECONCILE_IDS, err);
}

static int
load(struct reconcile_journal *journal, bool write,
    struct reconcile_known *known, struct error *err)
{
	struct buf text = BUF_INIT(IDS_MAX);
	int rc = read_all(journal->fd, &text, err);

	if (rc == 0)
		rc = take_lines(journal, buf_span(&text), known, err);
	/* So that the next line is not the end of one that was torn. */
	if (rc == 0 && write && text.len && text.at[text.len - 1] != '\n')
		rc = append(journal->fd, span_of("\n"), err);
	buf_free(&text);
	return rc;
}

static int
open_to_write(struct reconcile_journal *journal, int root, struct error *err)
{
	const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;

	journal->dir = spool_directory(root, RECONCILE_DIRECTORY, err);
	if (journal->dir < 0)
		return -1;
	journal->lock = openat(journal->dir, "lock", flags, 0600);
	if (journal->lock < 0)
		return error_system(err, "cannot open reconcile/lock");
	if (flock(journal->lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK
		    ? 0
		    : error_system(err, "cannot lock reconcile/lock");
	journal->fd =
	    openat(journal->dir, RECONCILE_IDS, flags | O_APPEND, 0600);
	if (journal->fd < 0)
		return error_system(err, "cannot open " RECONCILE_IDS);
	if (io_fsync(journal->dir, "reconcile/", err) < 0)
		return -1;
	return 1;
}

static int
open_to_read(struct reconcile_journal *journal, int root, struct error *err)
{
	struct error failed = ERROR_INIT;
	struct stat st;

	journal->dir = io_open_dir(root, RECONCILE_DIRECTORY, &failed);
	if (journal->dir >= 0)
		journal->fd =
		    io_open_file(journal->dir, RECONCILE_IDS, &st, &failed);
	if (journal->fd < 0 && failed.errnum != ENOENT) {
		*err = failed;
		return -1;
	}
	return 1;
}

int
reconcile_journal_open(struct reconcile_journal *journal, int root, bool write,
    struct reconcile_known *known, struct error *err)
{
	int rc;

	*journal = (struct reconcile_journal)RECONCILE_JOURNAL_INIT;
	rc = write ? open_to_write(journal, root, err)
		   : open_to_read(journal, root, err);
	if (rc == 1 && journal->fd >= 0 && load(journal, write, known, err) < 0)
		rc = -1;
	return rc;
}

void
reconcile_journal_close(struct reconcile_journal *journal)
{
	io_discard(&journal->fd);
	io_discard(&journal->lock);
	io_discard(&journal->dir);
	free(journal->begun);
	*journal = (struct reconcile_journal)RECONCILE_JOURNAL_INIT;
}

static int
add_line(struct reconcile_journal *journal,
    const struct reconcile_begun *delivery, bool done, struct error *err)
{
	struct line line = { *delivery, done, clock_now().tv_sec };
	struct buf text = BUF_INIT(LINE_MAX_);
	int rc = -1;

	write_line(&text, &line);
	if (buf_check(&text, err) == 0)
		rc = append(journal->fd, buf_span(&text), err);
	buf_free(&text);
	return rc;
}

int
reconcile_journal_begin(struct reconcile_journal *journal,
    const struct reconcile_begun *delivery, struct error *err)
{
	if (add_line(journal, delivery, false, err) < 0 ||
	    io_fsync(journal->fd, RECONCILE_IDS, err) < 0)
		return -1;
	return note_begun(journal, delivery, err);
}

int
reconcile_journal_end(struct reconcile_journal *journal,
    const struct reconcile_begun *delivery, struct error *err)
{
	note_done(journal, delivery);
	return add_line(journal, delivery, true, err);
}

int
reconcile_journal_trim(struct reconcile_journal *journal, struct error *err)
{
	struct buf text = BUF_INIT(IDS_MAX), kept = BUF_INIT(IDS_MAX);
	int64_t oldest = clock_now().tv_sec - LIFE;
	struct span rest, front;
	struct line line;
	struct stat st;
	int rc = -1;

	if (fstat(journal->fd, &st) == 0 && st.st_size < TRIM_ABOVE)
		return 0;
	if (read_all(journal->fd, &text, err) < 0)
		goto out;
	rest = buf_span(&text);
	while (rest.len && memchr(rest.at, '\n', rest.len)) {
		(void)span_cut(&rest, '\n', &front);
		/* Of what has ended, the line that tells so is enough. */
		if (read_line(front, &line) && line.done && line.time > oldest)
			write_line(&kept, &line);
	}
	if (buf_check(&kept, err) == 0)
		rc = reconcile_replace(
		    journal->dir, RECONCILE_IDS, buf_span(&kept), err);
out:
	buf_free(&text);
	buf_free(&kept);
	return rc;
}
