/* SPDX-License-Identifier: MIT */
/*
 * change - changes of a web server's configuration that can be taken back
 */
#include "endpoint/webserver.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void
change_free(struct change *change)
{
	files_free(&change->before);
	files_free(&change->after);
}

void
change_line(const struct endpoint *e, struct buf *out)
{
	buf_printf(out, e->apache ? "Include %s" : "include %s;",
	    endpoint_conf(e).text);
}

/* Read it, and remember whose it is. */
static int
start(struct change *change, const char *file, struct error *err)
{
	struct stat st;

	(void)snprintf(change->file, sizeof(change->file), "%s", file);
	if (files_read(file, &change->before, err) < 0)
		return -1;
	if (stat(file, &st) < 0)
		return error_system(err, "cannot look at %s", file);
	change->owner =
	    (struct files_owner){ st.st_uid, st.st_gid, st.st_mode & 07777 };
	return 0;
}

/* Where the line of a position begins. */
static size_t
line_begin(struct span text, size_t at)
{
	while (at > 0 && text.at[at - 1] != '\n')
		at--;
	return at;
}

static bool
is_blank(struct span text, size_t from, size_t to)
{
	for (; from < to; from++)
		if (text.at[from] != ' ' && text.at[from] != '\t')
			return false;
	return true;
}

int
change_insert(struct change *change, const struct endpoint *e,
    const struct site_server *server, struct error *err)
{
	struct buf *out = &change->after;
	struct span text;
	size_t begin, at = server->end;
	bool own_line;

	if (start(change, server->file, err) < 0)
		return -1;
	text = buf_span(&change->before);
	if (at > text.len)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s changed while it was read", server->file);
	begin = line_begin(text, at);
	own_line = is_blank(text, begin, at);
	buf_append(out, text.at, at);
	if (own_line)
		buf_append_text(out, "    ");
	change_line(e, out);
	/* A "}" with something in front of it stays in its line. */
	buf_append_byte(out, own_line ? '\n' : ' ');
	if (own_line)
		buf_append(out, text.at + begin, at - begin);
	buf_append(out, text.at + at, text.len - at);
	return buf_check(out, err);
}

int
change_remove(struct change *change, const struct site *site, const char *file,
    struct error *err)
{
	const struct site_include *include = site->includes;
	struct span text;
	size_t from = 0;

	if (start(change, file, err) < 0)
		return -1;
	text = buf_span(&change->before);
	for (; include < site->includes + site->include_count; include++) {
		/* A file may be included, and so be listed, twice. */
		if (strcmp(include->file, file) != 0 || include->begin < from)
			continue;
		if (include->end > text.len)
			return error_set(err, ERROR_CONFIGURATION,
			    "%s changed while it was read", file);
		buf_append(
		    &change->after, text.at + from, include->begin - from);
		from = include->end;
	}
	buf_append(&change->after, text.at + from, text.len - from);
	return buf_check(&change->after, err);
}

/* /var/backups/hookdir/etc_nginx_sites-available_shop.20261201T051500Z-123 */
static int
back_up(
    const struct change *change, const struct endpoint *e, struct error *err)
{
	const struct files_owner dir = { geteuid(), getegid(), 0700 };
	const struct files_owner owner = { geteuid(), getegid(), 0600 };
	struct endpoint_path path = endpoint_below(e, "/var/backups/hookdir");
	char name[NAME_MAX + 1], stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	size_t i;

	if (files_make_dir(path.text, &dir, err) < 0)
		return -1;
	(void)strftime(
	    stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	(void)snprintf(name, sizeof(name), "%.200s.%s-%ld", change->file + 1,
	    stamp, (long)getpid());
	for (i = 0; name[i]; i++)
		if (name[i] == '/')
			name[i] = '_';
	i = strlen(path.text);
	(void)snprintf(path.text + i, sizeof(path.text) - i, "/%s", name);
	return files_write_new(
	    path.text, buf_span(&change->before), &owner, err);
}

int
change_make(struct change *change, const struct endpoint *e, struct error *err)
{
	if (back_up(change, e, err) < 0)
		return -1;
	/* It can fail after the file was replaced. */
	change->made = true;
	return files_write(
	    change->file, buf_span(&change->after), &change->owner, err);
}

static bool
is_as_before(const struct change *change)
{
	struct buf now = BUF_INIT(FILES_MAX + 1);
	struct error ignored = ERROR_INIT;
	bool same = files_read(change->file, &now, &ignored) == 0 &&
	    span_equal(buf_span(&now), buf_span(&change->before));

	files_free(&now);
	return same;
}

int
change_take_back(struct change *change, struct error *err)
{
	if (!change->made || is_as_before(change))
		return 0;
	return files_write(
	    change->file, buf_span(&change->before), &change->owner, err);
}
