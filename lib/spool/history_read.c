/* SPDX-License-Identifier: MIT */
/*
 * history_read - what happened to messages: lines are read
 *
 * In pieces that are large and end with a line, so that a million lines can
 * be searched as bytes. The file is read, not mapped: it may be cut meanwhile.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/history.h"
#include "base/io.h"

#define PIECE ((size_t)4 << 20)

static const char start[] = "{\"time\":\"";

static int
compare_days(const void *a, const void *b)
{
	return memcmp(a, b, HISTORY_DAY_SIZE);
}

static int
add_day(struct history_days *days, const char *day, struct error *err)
{
	void *more = realloc(days->at, (days->count + 1) * sizeof(days->at[0]));

	if (!more)
		return error_set(err, ERROR_MEMORY, "no memory");
	days->at = more;
	memcpy(days->at[days->count++], day, HISTORY_DAY_SIZE);
	return 0;
}

static void
sort_days(struct history_days *days)
{
	size_t i, kept = 0;

	if (days->count)
		qsort(days->at, days->count, sizeof(days->at[0]), compare_days);
	for (i = 0; i < days->count; i++)
		if (i == 0 || compare_days(days->at[i], days->at[i - 1]) != 0)
			memmove(
			    days->at[kept++], days->at[i], sizeof(days->at[0]));
	days->count = kept;
}

int
history_days(int root, struct history_days *days, struct error *err)
{
	struct error missing = ERROR_INIT;
	int fd = io_open_dir(root, HISTORY_DIRECTORY, &missing), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char day[HISTORY_DAY_SIZE];
	struct dirent *entry;

	*days = (struct history_days){ NULL, 0 };
	if (fd < 0 && missing.errnum == ENOENT)
		return 0;
	if (fd < 0)
		*err = missing;
	if (!dir) {
		io_discard(&fd);
		return error_system(err, "cannot read history/");
	}
	while (rc == 0 && (entry = readdir(dir)) != NULL)
		if (history_is_file(entry->d_name, day))
			rc = add_day(days, day, err);
	(void)closedir(dir);
	sort_days(days);
	return rc;
}

int
history_open(struct history_reader *reader, int root, const char *day,
    enum history_side side, struct error *err)
{
	struct error missing = ERROR_INIT;
	char file[HISTORY_DAY_SIZE + 16];
	struct stat st;
	int dir = io_open_dir(root, HISTORY_DIRECTORY, &missing);

	memset(reader, 0, sizeof(*reader));
	reader->fd = -1;
	reader->piece.max = PIECE;
	(void)snprintf(file, sizeof(file), "%s.%s.jsonl", day,
	    side == HISTORY_IN ? "in" : "out");
	if (dir >= 0)
		reader->fd = io_open_file(dir, file, &st, &missing);
	io_discard(&dir);
	if (reader->fd >= 0 || missing.errnum == ENOENT)
		return 0;
	*err = missing;
	return -1;
}

void
history_close(struct history_reader *reader)
{
	io_discard(&reader->fd);
	buf_free(&reader->piece);
}

/* Keep what of the piece was not given yet, and read more. 1, 0 or -1. */
static int
read_more(struct history_reader *reader, struct error *err)
{
	struct buf *piece = &reader->piece;
	ssize_t got;

	if (reader->done)
		memmove(piece->at, piece->at + reader->done,
		    piece->len - reader->done);
	piece->len -= reader->done;
	reader->done = 0;
	/* One line as long as that is none of this program's. */
	if (piece->len == PIECE)
		piece->len = 0;
	if (!buf_room(piece, PIECE - piece->len))
		return buf_check(piece, err);
	do {
		got = read(
		    reader->fd, piece->at + piece->len, PIECE - piece->len);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_system(err, "cannot read a file of history/");
	piece->len += (size_t)got;
	return got > 0;
}

int
history_piece(
    struct history_reader *reader, struct span *lines, struct error *err)
{
	const char *end = NULL;
	size_t before;
	int rc;

	if (reader->fd < 0)
		return 0;
	while (!end) {
		before = reader->piece.len - reader->done;
		rc = read_more(reader, err);
		if (rc <= 0)
			return rc;
		if (before > reader->piece.len)
			before = 0;
		end = memrchr(reader->piece.at + before, '\n',
		    reader->piece.len - before);
	}
	lines->at = reader->piece.at;
	lines->len = reader->done = (size_t)(end + 1 - reader->piece.at);
	return 1;
}

int
history_next(
    struct history_reader *reader, struct span *line, struct error *err)
{
	int rc;

	do {
		while (span_cut(&reader->next, '\n', line))
			if (history_sound(line))
				return 1;
		rc = history_piece(reader, &reader->next, err);
	} while (rc == 1);
	return rc;
}

bool
history_sound(struct span *line)
{
	const size_t len = sizeof(start) - 1;
	const char *last;

	if (line->len < len + 2 || line->at[line->len - 1] != '}')
		return false;
	/* In a string the quotes would have a backslash before them. */
	for (last = memrchr(line->at, '{', line->len - len);
	     last && memcmp(last, start, len) != 0;
	     last = memrchr(line->at, '{', (size_t)(last - line->at)))
		;
	if (last)
		*line = span_skip(*line, (size_t)(last - line->at));
	return last != NULL;
}

struct span
history_member(struct span line, const char *name)
{
	struct span value = { NULL, 0 };
	size_t len = strlen(name);
	const char *at, *end = line.at + line.len;
	char wanted[32] = ",\"";

	if (len > sizeof(wanted) - 5)
		return value;
	memcpy(wanted + 2, name, len);
	memcpy(wanted + 2 + len, "\":", 2);
	if (strcmp(name, "time") == 0)
		at = line.at + sizeof(start) - 2;
	else if ((at = memmem(line.at, line.len, wanted, len + 4)) != NULL)
		at += len + 4;
	if (!at)
		return value;
	if (*at != '"') {
		value.at = at;
		value.len = strcspn(at, ",}");
		return value;
	}
	for (value.at = ++at; at < end && *at != '"'; at++)
		if (*at == '\\')
			at++;
	value.len = (size_t)(at - value.at);
	return at < end ? value : (struct span){ NULL, 0 };
}
