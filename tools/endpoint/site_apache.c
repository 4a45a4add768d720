/* SPDX-License-Identifier: MIT */
/*
 * site_apache - the virtual hosts of Apache
 */
#include "endpoint/site.h"

#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "endpoint/files.h"
#include "hookdir/conf_list.h"
#include "hookdir/conf_syntax.h"
#include "hookdir/conf_words.h"

#define DEPTH_MAX 16 /* of files that include each other */

struct walk {
	struct site *site;
	struct conf defined; /* by Define */
	char dir[PATH_MAX];  /* ServerRoot */
	bool inside;	     /* a virtual host */
};

struct file {
	const char *path;
	struct span text;
	const char *begin, *end; /* of the directive */
	unsigned depth, line;
};

static int walk_path(
    struct walk *w, const char *path, unsigned depth, struct error *err);

static struct site_server *
current(const struct walk *w)
{
	return w->inside ? &w->site->servers[w->site->server_count - 1] : NULL;
}

/* A word without the ">" of its tag. */
static void
cut_tag(const char *word, char *to, size_t size)
{
	size_t len = strlen(word);

	if (len && word[len - 1] == '>')
		len--;
	(void)snprintf(to, size, "%.*s", (int)len, word);
}

static int
enter(struct walk *w, const struct file *f, const struct conf_words *words,
    struct error *err)
{
	struct site_server *server = site_add_server(w->site, f->path, err);
	char address[80];
	size_t i;

	if (!server)
		return -1;
	server->line = f->line;
	for (i = 1; i < words->count && i < CONF_WORDS_MAX; i++) {
		cut_tag(conf_words_at(words, i), address, sizeof(address));
		if (address[0])
			site_add_listen(server, address, false, false);
	}
	w->inside = true;
	return 0;
}

static int
leave(struct walk *w, const struct file *f, struct error *err)
{
	struct site_server *server = current(w);
	size_t i;

	if (!server || strcmp(server->file, f->path) != 0)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s, line %u: a virtual host ends that did not begin",
		    f->path, f->line);
	server->end = (size_t)(f->begin - f->text.at);
	for (i = 0; i < server->listen_count; i++)
		server->listens[i].tls = server->tls;
	w->inside = false;
	return 0;
}

/* ServerName may be "https://NAME:443". */
static void
read_name(struct walk *w, struct site_server *server, const char *name)
{
	const char *scheme = strstr(name, "://");
	char host[256];

	if (scheme)
		name = scheme + 3;
	(void)snprintf(
	    host, sizeof(host), "%.*s", (int)strcspn(name, ":"), name);
	site_add_name(w->site, server, host);
}

static void
look_at_server(struct walk *w, const struct conf_words *words)
{
	const char *name = conf_words_at(words, 0);
	struct site_server *server = current(w);
	char path[PATH_MAX];
	size_t i;

	if (!server)
		return;
	if (strcasecmp(name, "SSLEngine") == 0)
		server->tls = strcasecmp(conf_words_at(words, 1), "on") == 0;
	if (strcasecmp(name, "ServerName") == 0 ||
	    strcasecmp(name, "ServerAlias") == 0)
		for (i = 1; i < words->count && i < CONF_WORDS_MAX; i++)
			read_name(w, server, conf_words_at(words, i));
	if (strcasecmp(name, "<Location") == 0) {
		cut_tag(conf_words_at(words, 1), path, sizeof(path));
		if (strcmp(path, w->site->wanted.path) == 0)
			server->has_path = true;
	}
}

static int
include(
    struct walk *w, const struct file *f, const char *name, struct error *err)
{
	struct site_server *server = current(w);
	char path[PATH_MAX];
	glob_t found = { 0 };
	size_t i;
	int rc = 0;

	if (strchr(name, CONF_VARIABLE))
		return 0;
	if (!site_join(path, w->dir, name))
		return 0;
	if (server)
		site_add_endpoint(w->site, server, path);
	if (strcmp(path, w->site->wanted.conf) == 0) {
		if (server)
			server->has_line = true;
		return site_add_include(w->site, f->path, f->text,
		    (struct span){ f->begin, (size_t)(f->end - f->begin) },
		    err);
	}
	/* By a pattern: there will be no line to remove. */
	if (server &&
	    fnmatch(path, w->site->wanted.conf, FNM_PATHNAME | FNM_PERIOD) == 0)
		server->has_line = true;
	if (glob(path, 0, NULL, &found) == 0)
		for (i = 0; rc == 0 && i < found.gl_pathc; i++)
			rc = walk_path(w, found.gl_pathv[i], f->depth + 1, err);
	globfree(&found);
	return rc;
}

static int
take(struct walk *w, const struct file *f, const struct conf_words *words,
    struct error *err)
{
	const char *name = conf_words_at(words, 0);
	const char *first = conf_words_at(words, 1);

	if (name[0] == '#')
		return 0;
	if (strcasecmp(name, "<VirtualHost") == 0)
		return enter(w, f, words, err);
	if (strncasecmp(name, "</VirtualHost", 13) == 0)
		return leave(w, f, err);
	if (strcasecmp(name, "Define") == 0 && words->count > 2)
		return conf_list_put(
		    &w->defined, first, conf_words_at(words, 2), err);
	if (strcasecmp(name, "ServerRoot") == 0)
		(void)snprintf(w->dir, sizeof(w->dir), "%s", first);
	if (strcasecmp(name, "Include") == 0 ||
	    strcasecmp(name, "IncludeOptional") == 0)
		return include(w, f, first, err);
	look_at_server(w, words);
	return 0;
}

/* A line, and those that a "\" at its end joins to it. */
static bool
next_line(struct file *f, struct span *rest, struct buf *joined)
{
	struct span line;

	buf_reset(joined);
	if (rest->len == 0)
		return false;
	f->begin = rest->at;
	f->line++;
	while (span_cut(rest, '\n', &line)) {
		f->end = line.at + line.len;
		if (line.len && line.at[line.len - 1] == '\r')
			line.len--;
		if (!line.len || line.at[line.len - 1] != '\\') {
			buf_append_span(joined, line);
			break;
		}
		buf_append(joined, line.at, line.len - 1);
		f->line++;
	}
	return true;
}

static int
walk_text(struct walk *w, struct file *f, struct error *err)
{
	struct conf_words words = { .text = BUF_INIT(2 * FILES_MAX) };
	struct buf joined = BUF_INIT(FILES_MAX);
	struct buf expanded = BUF_INIT(2 * FILES_MAX);
	struct span rest = f->text;
	int rc = 0;

	while (rc == 0 && next_line(f, &rest, &joined)) {
		buf_reset(&expanded);
		conf_words_reset(&words);
		conf_words_expand(&expanded, buf_span(&joined), &w->defined);
		conf_words_apache(&words, buf_span(&expanded));
		rc = buf_check(&expanded, err);
		if (rc == 0)
			rc = buf_check(&words.text, err);
		if (rc == 0)
			rc = take(w, f, &words, err);
	}
	files_free(&words.text);
	files_free(&joined);
	files_free(&expanded);
	return rc;
}

static int
walk_file(struct walk *w, const char *real, unsigned depth, struct error *err)
{
	struct buf text = BUF_INIT(FILES_MAX + 1);
	struct file f = { .path = real, .depth = depth };
	bool inside = w->inside;
	int rc = files_read(real, &text, err);

	f.text = buf_span(&text);
	if (rc == 0)
		rc = walk_text(w, &f, err);
	if (rc == 0 && w->inside != inside)
		rc = error_set(err, ERROR_CONFIGURATION,
		    "%s: a virtual host does not end", real);
	files_free(&text);
	return rc;
}

/* Apache includes all files of a directory, too. */
static int
walk_path(struct walk *w, const char *path, unsigned depth, struct error *err)
{
	char real[PATH_MAX], inside[PATH_MAX + 8];
	glob_t found = { 0 };
	struct stat st;
	size_t i;
	int rc = 0;

	if (depth > DEPTH_MAX)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: too many files include each other", path);
	if (!realpath(path, real) || stat(real, &st) < 0)
		return error_system(err, "cannot open %s", path);
	if (!S_ISDIR(st.st_mode))
		return walk_file(w, real, depth, err);
	(void)snprintf(inside, sizeof(inside), "%s/*", real);
	if (glob(inside, 0, NULL, &found) == 0)
		for (i = 0; rc == 0 && i < found.gl_pathc; i++)
			rc = walk_path(w, found.gl_pathv[i], depth + 1, err);
	globfree(&found);
	return rc;
}

int
site_read_apache(struct site *site, const char *main_file,
    const struct site_wanted *wanted, struct error *err)
{
	struct walk w = { .site = site };
	int rc;

	*site = (struct site){ .wanted = *wanted };
	(void)snprintf(w.dir, sizeof(w.dir), "%s", main_file);
	*strrchr(w.dir, '/') = '\0';
	rc = walk_path(&w, main_file, 0, err);
	conf_free(&w.defined);
	return rc;
}
