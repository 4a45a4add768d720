/* SPDX-License-Identifier: MIT */
/*
 * history - what happened to messages: lines are written
 *
 * A file has the mode and the owner that its directory says, whichever user
 * makes it: an operator as root must not lock out the consumer. Text from
 * outside is cut, made printable, and escaped.
 */
#include "spool/history.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "json/json.h"
#include "spool/spool.h"
#include "base/utf8.h"

#define TEXT_MAX 256 /* bytes of a value, before it is escaped */

/* The count of a rule: ten digits, a space, the rule, spaces, a newline. */
#define COUNT_LINE   40
#define COUNT_DIGITS 10
#define COUNT_MAX    9999999999u

static const char *const endings[] = { ".in.jsonl", ".out.jsonl" };

void
history_day(time_t when, char day[HISTORY_DAY_SIZE])
{
	const struct timespec time = { when, 0 };
	char text[CLOCK_RFC3339_SIZE];

	clock_rfc3339(time, text);
	(void)snprintf(
	    day, HISTORY_DAY_SIZE, "%.*s", HISTORY_DAY_SIZE - 1, text);
}

bool
history_is_file(const char *file, char day[HISTORY_DAY_SIZE])
{
	static const char form[] = "dddd-dd-dd.";
	size_t i;

	for (i = 0; form[i]; i++)
		if (form[i] == 'd' ? !isdigit((unsigned char)file[i])
				   : file[i] != form[i])
			return false;
	(void)snprintf(
	    day, HISTORY_DAY_SIZE, "%.*s", HISTORY_DAY_SIZE - 1, file);
	return strcmp(file + 10, endings[HISTORY_IN]) == 0 ||
	    strcmp(file + 10, endings[HISTORY_OUT]) == 0 ||
	    strcmp(file + 10, ".refused") == 0;
}

/* As if the directory's owner had made it, with the directory's rights. */
static void
give(int dir, int fd)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return;
	if (geteuid() == 0 && st.st_uid != 0 &&
	    fchown(fd, st.st_uid, (gid_t)-1) < 0)
		errno = 0;
	if (fchmod(fd, st.st_mode & 0660) < 0)
		errno = 0;
}

/* A descriptor, or -1 and errno. Made where it is missing. */
static int
open_in(int dir, const char *file, int flags)
{
	int fd, tries;

	flags |= O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	for (tries = 0; tries < 2; tries++) {
		fd = openat(dir, file, flags);
		if (fd >= 0 || errno != ENOENT)
			return fd;
		fd = openat(dir, file, flags | O_CREAT | O_EXCL, 0660);
		if (fd >= 0)
			give(dir, fd);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return fd;
}

/* The same, in history/, which is made where it is missing. */
static int
open_file(int root, const char *file, int flags, struct error *err)
{
	struct error missing = ERROR_INIT;
	int dir = io_open_dir(root, HISTORY_DIRECTORY, &missing), fd;

	if (dir < 0 && missing.errnum == ENOENT)
		dir = spool_directory(root, HISTORY_DIRECTORY, err);
	else if (dir < 0)
		*err = missing;
	if (dir < 0)
		return -1;
	fd = open_in(dir, file, flags);
	if (fd < 0)
		(void)error_system(err, "cannot open history/%s", file);
	io_discard(&dir);
	return fd;
}

/* Is it text that JSON has as it is? Most is. */
static bool
is_plain(struct span text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.at[i] < ' ' || text.at[i] == 0x7f ||
		    text.at[i] == '"' || text.at[i] == '\\')
			return false;
	return true;
}

static void
add_escaped(struct buf *out, struct span text)
{
	struct buf printable = BUF_INIT(4 * TEXT_MAX);

	utf8_append_printable(&printable, text);
	json_append_string(out, buf_span(&printable));
	out->failed |= printable.failed;
	buf_free(&printable);
}

static void
add_text(struct buf *out, const char *name, struct span text)
{
	bool cut = text.len > TEXT_MAX;

	if (text.len == 0)
		return;
	if (cut && utf8_valid(text))
		text = utf8_cut(text, TEXT_MAX);
	else if (cut)
		text.len = TEXT_MAX;
	buf_append_text(out, ",\"");
	buf_append_text(out, name);
	buf_append_text(out, "\":");
	if (!is_plain(text)) {
		add_escaped(out, text);
		return;
	}
	buf_append_byte(out, '"');
	buf_append_span(out, text);
	buf_append_byte(out, '"');
}

static void
add_word(struct buf *out, const char *name, const char *word)
{
	if (word)
		add_text(out, name, span_of(word));
}

static void
add_number(struct buf *out, const char *name, int64_t number)
{
	if (number >= 0)
		buf_printf(out, ",\"%s\":%lld", name, (long long)number);
}

/* history_sound() and history_member() know how a line begins. */
static void
write_line(const struct history_entry *entry, struct buf *out)
{
	char time[CLOCK_RFC3339_SIZE];

	clock_rfc3339(entry->time, time);
	buf_append_text(out, "{\"time\":\"");
	buf_append_text(out, time);
	buf_append_byte(out, '"');
	add_word(out, "event", entry->event);
	add_text(out, "name", entry->name);
	add_text(out, "id", entry->id);
	add_text(out, "type", entry->type);
	add_text(out, "subject", entry->subject);
	add_text(out, "reference", entry->reference);
	add_text(out, "version", entry->version);
	add_word(out, "sender", entry->sender);
	add_word(out, "key", entry->key);
	add_number(out, "bytes", entry->bytes);
	add_number(out, "status", entry->status);
	add_word(out, "rule", entry->rule);
	add_text(out, "detail", entry->detail);
	add_number(out, "by", entry->by);
	buf_append_text(out, "}\n");
}

int
history_add(int root, enum history_side side, const struct history_entry *entry,
    struct error *err)
{
	char file[HISTORY_DAY_SIZE + 16], day[HISTORY_DAY_SIZE];
	struct buf line = BUF_INIT(HISTORY_LINE_MAX);
	int fd = -1, rc = -1;
	ssize_t written;

	history_day(entry->time.tv_sec, day);
	(void)snprintf(file, sizeof(file), "%s%s", day, endings[side]);
	if (!buf_room(&line, 1024))
		return buf_check(&line, err);
	write_line(entry, &line);
	if (buf_check(&line, err) == 0)
		fd = open_file(root, file, O_WRONLY | O_APPEND, err);
	if (fd >= 0) {
		/* Once: the rest of a line that was cut would be no line. */
		written = write(fd, line.at, line.len);
		if (written >= 0 && (size_t)written < line.len)
			errno = ENOSPC;
		rc = written == (ssize_t)line.len
		    ? 0
		    : error_system(err, "cannot write to history/%s", file);
	}
	io_discard(&fd);
	buf_free(&line);
	return rc;
}

static int
open_counts(int root, const char *day, int flags)
{
	struct error ignored = ERROR_INIT;
	char file[HISTORY_DAY_SIZE + 16];
	int dir, fd;

	(void)snprintf(file, sizeof(file), "%s.refused", day);
	if (flags != O_RDONLY)
		return open_file(root, file, flags, &ignored);
	dir = io_open_dir(root, HISTORY_DIRECTORY, &ignored);
	fd = dir < 0
	    ? -1
	    : openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	io_discard(&dir);
	return fd;
}

static uint64_t
read_count(int fd, enum error_code code)
{
	char line[COUNT_DIGITS];
	uint64_t count = 0;
	size_t i;

	if (pread(fd, line, sizeof(line), (off_t)code * COUNT_LINE) !=
	    (ssize_t)sizeof(line))
		return 0;
	for (i = 0; i < sizeof(line) && isdigit((unsigned char)line[i]); i++)
		count = count * 10 + (uint64_t)(line[i] - '0');
	return count;
}

bool
history_count_refused(
    int root, struct timespec when, enum error_code code, unsigned calls)
{
	char line[COUNT_LINE + 1], day[HISTORY_DAY_SIZE];
	ssize_t ignored;
	uint64_t count;
	int fd;

	history_day(when.tv_sec, day);
	fd = open_counts(root, day, O_RDWR);
	if (fd < 0)
		return false;
	count = read_count(fd, code) + calls;
	if (count > COUNT_MAX)
		count = COUNT_MAX;
	(void)snprintf(line, sizeof(line), "%0*llu %-28.28s\n", COUNT_DIGITS,
	    (unsigned long long)count, error_rule(code));
	ignored = pwrite(fd, line, COUNT_LINE, (off_t)code * COUNT_LINE);
	(void)ignored;
	io_discard(&fd);
	return count <= HISTORY_REFUSED_MAX;
}

uint64_t
history_refused(int root, const char *day, enum error_code code)
{
	int fd = open_counts(root, day, O_RDONLY);
	uint64_t count = fd < 0 ? 0 : read_count(fd, code);

	io_discard(&fd);
	return count;
}

int
history_expire(
    int root, const char *day, bool dry_run, unsigned *count, struct error *err)
{
	struct error missing = ERROR_INIT;
	int fd = io_open_dir(root, HISTORY_DIRECTORY, &missing), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char of[HISTORY_DAY_SIZE];
	struct dirent *entry;

	*count = 0;
	if (fd < 0 && missing.errnum == ENOENT)
		return 0;
	if (!dir) {
		io_discard(&fd);
		return error_system(err, "cannot read history/");
	}
	while ((entry = readdir(dir)) != NULL) {
		if (!history_is_file(entry->d_name, of) || strcmp(of, day) >= 0)
			continue;
		if (dry_run || unlinkat(fd, entry->d_name, 0) == 0)
			++*count;
		else if (errno != ENOENT)
			rc = error_system(
			    err, "cannot remove history/%s", entry->d_name);
	}
	(void)closedir(dir);
	return rc;
}
