/* SPDX-License-Identifier: MIT */
/*
 * conf_syntax - the directives of a web server's configuration that matter
 * here, one after another
 *
 * nginx: words that end with ";" or are followed by "{"; quotes of both
 * kinds, "\" before a quote or itself, and "$" for variables. Apache: a
 * directive a line, "\" at its end goes on with the next; the same quotes,
 * and "${NAME}".
 */
#include "conf_syntax.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "io.h"
#include "secret.h"

#define FILE_MAX     ((size_t)1 << 20)
#define INCLUDES_MAX 8
#define WORDS_MAX    4 /* of a directive; those behind are skipped */
#define PREFIX	     "HOOKDIR_"

struct source {
	const char *path;
	const char *at, *end;
	conf_take *take;
	void *context;
	int depth;
	bool nginx;
};

/* The words of one directive, each with a NUL behind it. */
struct words {
	struct buf text;
	size_t starts[WORDS_MAX];
	size_t count; /* of those behind WORDS_MAX too */
};

static int read_file(const char *path, conf_take *take, void *context,
    int depth, struct error *err);

static const char *
word(const struct words *words, size_t i)
{
	return i < words->count ? words->text.at + words->starts[i] : "";
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_space(struct source *s)
{
	while (s->at < s->end && is_space(*s->at))
		s->at++;
}

static void
skip_line(struct source *s)
{
	while (s->at < s->end && *s->at != '\n')
		s->at++;
}

/* Does a word end here, outside of quotes? */
static bool
is_end(const struct source *s)
{
	if (s->at == s->end || is_space(*s->at))
		return true;
	return s->nginx
	    ? *s->at == ';' || *s->at == '{'
	    : *s->at == '\\' && s->at + 1 < s->end && s->at[1] == '\n';
}

/* "$name" of nginx, "${name}" of both: the length of its beginning, or 0 */
static size_t
variable(const struct source *s)
{
	if (*s->at != '$')
		return 0;
	if (s->at + 1 < s->end && s->at[1] == '{')
		return 2;
	return s->nginx ? 1 : 0;
}

/* nginx: ngx_conf_read_token(); Apache: ap_getword_conf() */
static void
read_word(struct source *s, struct words *words)
{
	char quote = *s->at == '"' || *s->at == '\'' ? *s->at : '\0';
	size_t skipped;

	if (words->count < WORDS_MAX)
		words->starts[words->count] = words->text.len;
	words->count++;
	s->at += quote != '\0';
	while (s->at < s->end && (quote ? *s->at != quote : !is_end(s))) {
		if (*s->at == '\\' && s->at + 1 < s->end &&
		    (s->at[1] == '\\' || (quote && s->at[1] == quote) ||
			(s->nginx && strchr("\"'", s->at[1]))))
			s->at++;
		skipped = variable(s);
		s->at += skipped;
		if (skipped)
			buf_append_byte(&words->text, CONF_VARIABLE);
		else
			buf_append_byte(&words->text, *s->at++);
	}
	if (quote && s->at < s->end)
		s->at++;
	buf_append_byte(&words->text, '\0');
}

static int
begin_or_end(struct source *s, bool begin, struct error *err)
{
	struct conf_directive directive = { begin ? CONF_BEGIN : CONF_END, NULL,
		NULL };

	return s->take(s->context, &directive, err);
}

static int
set(struct source *s, const struct words *words, struct error *err)
{
	struct conf_directive directive = { CONF_SET, word(words, 1),
		word(words, 2) };

	if (strncmp(directive.name, PREFIX, strlen(PREFIX)) != 0)
		return 0;
	return s->take(s->context, &directive, err);
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
include(struct source *s, const char *name, struct error *err)
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
	if (got == GLOB_NOMATCH && name[0] == '/' && !strpbrk(name, "*?["))
		rc = read_file(name, s->take, s->context, s->depth + 1, err);
	for (i = 0; got == 0 && rc == 0 && i < found.gl_pathc; i++)
		rc = read_file(
		    found.gl_pathv[i], s->take, s->context, s->depth + 1, err);
	globfree(&found);
	buf_free(&path);
	return rc;
}

/* A directive of nginx, or a "}". 0 at the end too. */
static int
next_nginx(struct source *s, struct words *words, struct error *err)
{
	while (skip_space(s),
	    s->at < s->end && *s->at != ';' && *s->at != '{' && *s->at != '}')
		if (*s->at == '#')
			skip_line(s);
		else
			read_word(s, words);
	if (s->at == s->end)
		return 0;
	switch (*s->at++) {
	case '{':
		return begin_or_end(s, true, err);
	case '}':
		return begin_or_end(s, false, err);
	default:
		break;
	}
	if (buf_check(&words->text, err) < 0)
		return -1;
	if (strcmp(word(words, 0), "fastcgi_param") == 0)
		return set(s, words, err);
	if (strcmp(word(words, 0), "include") == 0)
		return include(s, word(words, 1), err);
	return 0;
}

/* Blocks that are no place: what is in them belongs to the one around. */
static bool
is_condition(const char *name)
{
	return strncasecmp(name, "If", 2) == 0;
}

/* Words up to the end of the line. */
static void
read_line(struct source *s, struct words *words)
{
	while (s->at < s->end && *s->at != '\n') {
		if (*s->at == '\\' && s->at + 1 < s->end && s->at[1] == '\n')
			s->at += 2;
		else if (is_space(*s->at))
			s->at++;
		else
			read_word(s, words);
	}
}

static int
next_apache(struct source *s, struct words *words, struct error *err)
{
	const char *name;

	skip_space(s);
	if (s->at < s->end && *s->at == '#') {
		skip_line(s);
		return 0;
	}
	read_line(s, words);
	if (buf_check(&words->text, err) < 0)
		return -1;
	name = word(words, 0);
	if (name[0] == '<' && name[1] == '/')
		return is_condition(name + 2) ? 0 : begin_or_end(s, false, err);
	if (name[0] == '<')
		return is_condition(name + 1) ? 0 : begin_or_end(s, true, err);
	if (strcasecmp(name, "SetEnv") == 0)
		return set(s, words, err);
	if (strcasecmp(name, "Include") == 0 ||
	    strcasecmp(name, "IncludeOptional") == 0)
		return include(s, word(words, 1), err);
	return 0;
}

static bool
begins(struct span line, const char *name)
{
	return line.len > strlen(name) &&
	    strncasecmp(line.at, name, strlen(name)) == 0;
}

static bool
is_nginx(struct span text)
{
	bool semicolon = false;
	struct span line;

	while (span_cut(&text, '\n', &line)) {
		while (line.len && is_space(line.at[0])) {
			line.at++;
			line.len--;
		}
		while (line.len && is_space(line.at[line.len - 1]))
			line.len--;
		if (!line.len || line.at[0] == '#')
			continue;
		if (line.at[0] == '<' || begins(line, "SetEnv"))
			return false;
		if (begins(line, "fastcgi_param"))
			return true;
		semicolon |= line.at[line.len - 1] == ';';
	}
	return semicolon;
}

static int
read_directives(struct source *s, struct error *err)
{
	struct words words = { .text = BUF_INIT(FILE_MAX + WORDS_MAX) };
	int rc = 0;

	while (rc == 0 && s->at < s->end) {
		if (words.text.len)
			secret_wipe(words.text.at, words.text.len);
		buf_reset(&words.text);
		words.count = 0;
		rc = s->nginx ? next_nginx(s, &words, err)
			      : next_apache(s, &words, err);
	}
	secret_wipe(words.text.at, words.text.size);
	buf_free(&words.text);
	return rc;
}

static int
read_file(const char *path, conf_take *take, void *context, int depth,
    struct error *err)
{
	struct buf text = BUF_INIT(FILE_MAX + 1);
	struct source s = {
		.path = path, .take = take, .context = context, .depth = depth
	};
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = -1;
	char *room;
	size_t got;

	if (fd < 0)
		return error_system(err, "cannot open %s", path);
	/* At once: what grows would leave copies behind. */
	room = buf_room(&text, FILE_MAX + 1);
	if (!room)
		(void)buf_check(&text, err);
	else if (depth > INCLUDES_MAX)
		(void)error_set(err, ERROR_CONFIGURATION,
		    "%s: too many files include each other", path);
	else if (io_read_at(fd, room, FILE_MAX + 1, 0, &got, path, err) < 0)
		;
	else if (got > FILE_MAX)
		(void)error_set(err, ERROR_CONFIGURATION,
		    "%s: too large for a configuration", path);
	else {
		s.at = room;
		s.end = room + got;
		s.nginx = is_nginx((struct span){ room, got });
		rc = read_directives(&s, err);
	}
	io_discard(&fd);
	secret_wipe(text.at, text.size);
	buf_free(&text);
	return rc;
}

int
conf_syntax_read(
    const char *path, conf_take *take, void *context, struct error *err)
{
	return read_file(path, take, context, 0, err);
}
