/* SPDX-License-Identifier: MIT */
/*
 * conf_syntax - the directives of a web server's configuration that matter
 * here, one after another
 */
#include "hookdir/conf_syntax.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "hookdir/conf_list.h"
#include "hookdir/conf_words.h"
#include "base/io.h"
#include "base/secret.h"

#define FILE_MAX     ((size_t)1 << 20)
#define INCLUDES_MAX 16

/* What all files have in common. */
struct session {
	conf_take *take;
	void *context;
	struct conf defined; /* by Apache's Define */
	bool nginx;
};

struct source {
	const char *path;
	struct session *session;
	struct span rest;
	int depth;
};

static int read_path(
    struct session *session, const char *path, int depth, struct error *err);

static int
begin_or_end(struct source *s, bool begin, struct error *err)
{
	struct conf_directive directive = { begin ? CONF_BEGIN : CONF_END, NULL,
		NULL, s->session->nginx };

	return s->session->take(s->session->context, &directive, err);
}

static int
set(struct source *s, const char *name, const char *value, struct error *err)
{
	struct conf_directive directive = { CONF_SET, name, value,
		s->session->nginx };

	return s->session->take(s->session->context, &directive, err);
}

/* UnsetEnv and PassEnv take several names. */
static int
set_each(struct source *s, const struct conf_words *words, const char *value,
    struct error *err)
{
	size_t i;
	int rc = 0;

	for (i = 1; rc == 0 && i < words->count; i++)
		rc = set(s, conf_words_at(words, i), value, err);
	return rc;
}

/* The same file name in the directory of path, or in the one above it. */
static int
place(struct buf *out, const char *path, const char *name, int above)
{
	size_t len = strlen(path);

	buf_reset(out);
	for (; above >= 0; above--) {
		while (len && path[len - 1] != '/')
			len--;
		len -= above > 0 && len > 0;
	}
	if (name[0] != '/')
		buf_append(out, path, len);
	buf_append(out, name, strlen(name) + 1);
	return out->failed ? -1 : 0;
}

static int
include(struct source *s, const char *name, bool optional, struct error *err)
{
	struct buf path = BUF_INIT(PATH_MAX);
	glob_t found = { 0 };
	int above, got = GLOB_NOMATCH, rc = 0;
	size_t i;

	if (strchr(name, CONF_VARIABLE) || !*name)
		return 0;
	for (above = 0; got == GLOB_NOMATCH && above < 2; above++)
		if (place(&path, s->path, name, above) == 0) {
			globfree(&found);
			got = glob(path.at, 0, NULL, &found);
		}
	/* One that is named and not there says what is wrong itself. */
	if (got == GLOB_NOMATCH && name[0] == '/' && !strpbrk(name, "*?[") &&
	    !optional)
		rc = read_path(s->session, name, s->depth + 1, err);
	for (i = 0; got == 0 && rc == 0 && i < found.gl_pathc; i++)
		rc =
		    read_path(s->session, found.gl_pathv[i], s->depth + 1, err);
	globfree(&found);
	buf_free(&path);
	return rc;
}

static int
nginx_param(struct source *s, const struct conf_words *words, struct error *err)
{
	const char *name = conf_words_at(words, 1);
	const char *value = conf_words_at(words, 2);

	/* It is not passed, but is a parameter of this block. */
	if (!*value && strcmp(conf_words_at(words, 3), "if_not_empty") == 0)
		name = "";
	return set(s, name, value, err);
}

/* A directive of nginx, or a "}". */
static int
next_nginx(struct source *s, struct conf_words *words, struct error *err)
{
	char end = conf_words_nginx(words, &s->rest);
	const char *name;

	if (buf_check(&words->text, err) < 0)
		return -1;
	name = conf_words_at(words, 0);
	if (end == '{' || end == '}')
		return begin_or_end(s, end == '{', err);
	if (end == '\0' && words->count)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: the last directive has no \";\"", s->path);
	if (strcmp(name, "fastcgi_param") == 0)
		return nginx_param(s, words, err);
	if (strcmp(name, "include") == 0)
		return include(s, conf_words_at(words, 1), false, err);
	return 0;
}

/* Blocks that are no place: what is in them belongs to the one around. */
static bool
is_condition(const char *name)
{
	return strncasecmp(name, "If", 2) == 0;
}

static int
take_apache(struct source *s, const struct conf_words *words, struct error *err)
{
	static const char variable[] = { CONF_VARIABLE, '\0' };
	const char *name = conf_words_at(words, 0);
	const char *first = conf_words_at(words, 1);
	const char *second = conf_words_at(words, 2);

	if (name[0] == '<' && name[1] == '/')
		return is_condition(name + 2) ? 0 : begin_or_end(s, false, err);
	if (name[0] == '<')
		return is_condition(name + 1) ? 0 : begin_or_end(s, true, err);
	if (strcasecmp(name, "SetEnv") == 0)
		return set(s, first, second, err);
	if (strcasecmp(name, "UnsetEnv") == 0)
		return set_each(s, words, NULL, err);
	if (strcasecmp(name, "PassEnv") == 0)
		return set_each(s, words, variable, err);
	if (strcasecmp(name, "Define") == 0 && words->count > 2)
		return conf_list_put(&s->session->defined, first, second, err);
	if (strcasecmp(name, "UnDefine") == 0)
		return conf_list_put(&s->session->defined, first, NULL, err);
	if (strcasecmp(name, "Include") == 0)
		return include(s, first, false, err);
	if (strcasecmp(name, "IncludeOptional") == 0)
		return include(s, first, true, err);
	return 0;
}

static int
next_apache(struct source *s, struct conf_words *words, struct error *err)
{
	struct buf expanded = BUF_INIT(FILE_MAX);
	struct span line;
	int rc;

	(void)span_cut(&s->rest, '\n', &line);
	conf_words_expand(&expanded, line, &s->session->defined);
	conf_words_apache(words, buf_span(&expanded));
	rc = buf_check(&expanded, err);
	if (rc == 0)
		rc = buf_check(&words->text, err);
	if (rc == 0 && conf_words_at(words, 0)[0] != '#')
		rc = take_apache(s, words, err);
	secret_wipe(expanded.at, expanded.size);
	buf_free(&expanded);
	return rc;
}

static int
read_text(struct source *s, char *text, size_t len, struct error *err)
{
	struct conf_words words = { .text = BUF_INIT(
					2 * FILE_MAX + CONF_WORDS_MAX) };
	struct session *session = s->session;
	int rc = 0;

	s->rest = (struct span){ text, len };
	if (s->depth == 0)
		session->nginx = conf_words_are_nginx(&words, s->rest);
	if (!session->nginx)
		s->rest.len = conf_words_join(text, len);
	while (rc == 0 && s->rest.len) {
		conf_words_reset(&words);
		rc = session->nginx ? next_nginx(s, &words, err)
				    : next_apache(s, &words, err);
	}
	secret_wipe(words.text.at, words.text.size);
	buf_free(&words.text);
	return rc;
}

static int
read_file(
    struct session *session, const char *path, int depth, struct error *err)
{
	struct source s = { .path = path, .session = session, .depth = depth };
	struct buf text = BUF_INIT(FILE_MAX + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = -1;
	char *room;
	size_t got;

	if (fd < 0)
		return error_system(err, "cannot open %s", path);
	/* At once: what grows would leave copies behind. */
	room = buf_room(&text, FILE_MAX + 1);
	if (!room)
		(void)buf_check(&text, err);
	else if (io_read_at(fd, room, FILE_MAX + 1, 0, &got, path, err) < 0)
		;
	else if (got > FILE_MAX)
		(void)error_set(err, ERROR_CONFIGURATION,
		    "%s: too large for a configuration", path);
	else
		rc = read_text(&s, room, got, err);
	io_discard(&fd);
	secret_wipe(text.at, text.size);
	buf_free(&text);
	return rc;
}

static int
is_entry(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 &&
	    strcmp(entry->d_name, "..") != 0;
}

static int
read_directory(
    struct session *session, const char *path, int depth, struct error *err)
{
	struct buf name = BUF_INIT(PATH_MAX);
	struct dirent **entries;
	int count = scandir(path, &entries, is_entry, alphasort), i, rc = 0;

	if (count < 0)
		return error_system(err, "cannot open %s", path);
	for (i = 0; i < count; i++) {
		buf_reset(&name);
		buf_printf(&name, "%s/%s", path, entries[i]->d_name);
		buf_append_byte(&name, '\0');
		if (rc == 0)
			rc = buf_check(&name, err);
		if (rc == 0)
			rc = read_path(session, name.at, depth + 1, err);
		free(entries[i]);
	}
	free(entries);
	buf_free(&name);
	return rc;
}

/* Apache includes directories, too. */
static int
read_path(
    struct session *session, const char *path, int depth, struct error *err)
{
	struct stat st;

	if (depth > INCLUDES_MAX)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: too many files include each other", path);
	if (depth > 0 && !session->nginx && stat(path, &st) == 0 &&
	    S_ISDIR(st.st_mode))
		return read_directory(session, path, depth, err);
	return read_file(session, path, depth, err);
}

int
conf_syntax_read(
    const char *path, conf_take *take, void *context, struct error *err)
{
	struct session session = { .take = take, .context = context };
	int rc = read_path(&session, path, 0, err);

	conf_free(&session.defined);
	return rc;
}
