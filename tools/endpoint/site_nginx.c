/* SPDX-License-Identifier: MIT */
/*
 * site_nginx - the server blocks of nginx
 *
 * Words are those of conf_words; what is in blocks of Lua code counts as
 * directives that nobody asks for.
 */
#include "endpoint/site.h"

#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint/files.h"
#include "hookdir/conf_words.h"

#define DEPTH_MAX 16 /* of files that include each other */

struct walk {
	struct site *site;
	const char *dir;       /* of the main file */
	unsigned level;	       /* of blocks */
	unsigned server_level; /* of the content of the server; 0: none */
	bool http;
};

struct file {
	const char *path;
	struct span text, rest;
	unsigned depth;
};

static int walk_file(
    struct walk *w, const char *path, unsigned depth, struct error *err);

static unsigned
line_at(struct span text, const char *at)
{
	unsigned line = 1;
	const char *c;

	for (c = text.at; c < at; c++)
		line += *c == '\n';
	return line;
}

static struct site_server *
current(const struct walk *w)
{
	if (w->server_level == 0)
		return NULL;
	return &w->site->servers[w->site->server_count - 1];
}

/* "location = /path {" */
static void
look_at_location(struct walk *w, const struct conf_words *words)
{
	const char *path = conf_words_at(words, words->count - 1);
	const char *modifier = words->count > 2 ? conf_words_at(words, 1) : "";

	if (modifier[0] != '~' && current(w) &&
	    strcmp(path, w->site->wanted.path) == 0)
		current(w)->has_path = true;
}

static int
enter(struct walk *w, const struct file *f, const struct conf_words *words,
    struct error *err)
{
	const char *name = conf_words_at(words, 0);
	struct site_server *server;

	if (w->level == 0)
		w->http = strcmp(name, "http") == 0;
	w->level++;
	if (strcmp(name, "location") == 0)
		look_at_location(w, words);
	if (!w->http || w->level != 2 || strcmp(name, "server") != 0)
		return 0;
	server = site_add_server(w->site, f->path, err);
	if (!server)
		return -1;
	server->line = line_at(f->text, f->rest.at);
	w->server_level = w->level;
	return 0;
}

static int
leave(struct walk *w, const struct file *f, struct error *err)
{
	struct site_server *server = current(w);

	if (w->level == 0)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s, line %u: a block ends that did not begin", f->path,
		    line_at(f->text, f->rest.at));
	if (server && w->level == w->server_level) {
		server->end = (size_t)(f->rest.at - 1 - f->text.at);
		if (server->listen_count == 0)
			site_add_listen(server, "*:80", false, false);
		if (strcmp(server->file, f->path) != 0)
			return error_set(err, ERROR_CONFIGURATION,
			    "%s: a server begins here and ends in %s",
			    server->file, f->path);
		w->server_level = 0;
	}
	w->level--;
	return 0;
}

/* As one form of what is the same for nginx. */
static void
read_listen(struct site_server *server, const struct conf_words *words)
{
	const char *at = conf_words_at(words, 1);
	const char *colon = strrchr(at, ':'), *bracket = strrchr(at, ']');
	bool tls = false, fallback = false;
	char address[80];
	size_t i;

	if (strncmp(at, "unix:", 5) == 0)
		return;
	if (at[strspn(at, "0123456789")] == '\0')
		(void)snprintf(address, sizeof(address), "*:%s", at);
	else if (!colon || colon < bracket)
		(void)snprintf(address, sizeof(address), "%s:80", at);
	else if (strncmp(at, "0.0.0.0:", 8) == 0)
		(void)snprintf(address, sizeof(address), "*%s", colon);
	else
		(void)snprintf(address, sizeof(address), "%s", at);
	for (i = 2; i < words->count; i++) {
		tls |= strcmp(conf_words_at(words, i), "ssl") == 0;
		fallback |=
		    strcmp(conf_words_at(words, i), "default_server") == 0 ||
		    strcmp(conf_words_at(words, i), "default") == 0;
	}
	site_add_listen(server, address, tls, fallback);
}

static void
look_at_server(struct walk *w, const struct conf_words *words)
{
	struct site_server *server = current(w);
	const char *name = conf_words_at(words, 0);
	size_t i;

	if (!server || w->level != w->server_level)
		return;
	if (strcmp(name, "listen") == 0)
		read_listen(server, words);
	if (strcmp(name, "ssl") == 0 &&
	    strcmp(conf_words_at(words, 1), "on") == 0)
		server->tls = true;
	if (strcmp(name, "server_name") == 0)
		for (i = 1; i < words->count && i < CONF_WORDS_MAX; i++)
			site_add_name(w->site, server, conf_words_at(words, i));
}

/* From the word "include" to its end. */
static struct span
directive_before(const struct file *f, const char *begin)
{
	const char *at = f->rest.at;

	while (at > begin && strncmp(at, "include", 7) != 0)
		at--;
	return (struct span){ at, (size_t)(f->rest.at - at) };
}

static int
include(struct walk *w, const struct file *f, const char *begin,
    const char *name, struct error *err)
{
	struct site_server *server = current(w);
	char path[PATH_MAX];
	glob_t found = { 0 };
	size_t i;
	int rc = 0;

	if (!site_join(path, w->dir, name))
		return 0;
	if (server)
		site_add_endpoint(w->site, server, path);
	if (strcmp(path, w->site->wanted.conf) == 0) {
		if (server)
			server->has_line = true;
		return site_add_include(
		    w->site, f->path, f->text, directive_before(f, begin), err);
	}
	/* By a pattern: there will be no line to remove. */
	if (server &&
	    fnmatch(path, w->site->wanted.conf, FNM_PATHNAME | FNM_PERIOD) == 0)
		server->has_line = true;
	if (glob(path, 0, NULL, &found) == 0)
		for (i = 0; rc == 0 && i < found.gl_pathc; i++)
			rc = walk_file(w, found.gl_pathv[i], f->depth + 1, err);
	globfree(&found);
	return rc;
}

static int
next(
    struct walk *w, struct file *f, struct conf_words *words, struct error *err)
{
	const char *begin = f->rest.at;
	char end = conf_words_nginx(words, &f->rest);

	if (buf_check(&words->text, err) < 0)
		return -1;
	if (end == '{')
		return enter(w, f, words, err);
	if (end == '}')
		return leave(w, f, err);
	if (end == '\0' && words->count)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: the last directive has no \";\"", f->path);
	if (strcmp(conf_words_at(words, 0), "include") == 0)
		return include(w, f, begin, conf_words_at(words, 1), err);
	look_at_server(w, words);
	return 0;
}

static int
walk_text(struct walk *w, struct file *f, struct error *err)
{
	struct conf_words words = { .text = BUF_INIT(2 * FILES_MAX) };
	unsigned level = w->level;
	int rc = 0;

	f->rest = f->text;
	while (rc == 0 && f->rest.len) {
		conf_words_reset(&words);
		rc = next(w, f, &words, err);
	}
	if (rc == 0 && w->level != level)
		rc = error_set(err, ERROR_CONFIGURATION,
		    "%s: a block does not end", f->path);
	files_free(&words.text);
	return rc;
}

static int
walk_file(struct walk *w, const char *path, unsigned depth, struct error *err)
{
	struct buf text = BUF_INIT(FILES_MAX + 1);
	struct file f = { .depth = depth };
	char real[PATH_MAX];
	int rc = -1;

	if (depth > DEPTH_MAX)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: too many files include each other", path);
	if (!realpath(path, real))
		return error_system(err, "cannot open %s", path);
	if (files_read(real, &text, err) == 0) {
		f.path = real;
		f.text = buf_span(&text);
		rc = walk_text(w, &f, err);
	}
	files_free(&text);
	return rc;
}

int
site_read_nginx(struct site *site, const char *main_file,
    const struct site_wanted *wanted, struct error *err)
{
	struct walk w = { .site = site };
	char dir[PATH_MAX];

	*site = (struct site){ .wanted = *wanted };
	(void)snprintf(dir, sizeof(dir), "%s", main_file);
	*strrchr(dir, '/') = '\0';
	w.dir = dir;
	return walk_file(&w, main_file, 0, err);
}
