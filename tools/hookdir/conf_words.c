/* SPDX-License-Identifier: MIT */
/*
 * conf_words - the words of a directive, as the web servers read them
 *
 * nginx: ngx_conf_read_token(), and ngx_http_script_compile() for variables.
 * Apache: ap_cfg_getline() for lines, ap_resolve_env() for ${NAME} in a
 * line, and then ap_getword_conf().
 */
#include "hookdir/conf_words.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "hookdir/conf_syntax.h"
#include "base/secret.h"

void
conf_words_reset(struct conf_words *words)
{
	if (words->text.len)
		secret_wipe(words->text.at, words->text.len);
	buf_reset(&words->text);
	words->count = 0;
}

const char *
conf_words_at(const struct conf_words *words, size_t i)
{
	return i < words->count && i < CONF_WORDS_MAX
	    ? words->text.at + words->starts[i]
	    : "";
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_space(struct span *rest)
{
	while (rest->len && is_space(rest->at[0]))
		*rest = span_skip(*rest, 1);
}

/* Returns the quote that the word begins with, or NUL. */
static char
begin_word(struct conf_words *words, struct span *rest)
{
	char quote = rest->at[0];

	if (words->count < CONF_WORDS_MAX)
		words->starts[words->count] = words->text.len;
	words->count++;
	if (quote != '"' && quote != '\'')
		return '\0';
	*rest = span_skip(*rest, 1);
	return quote;
}

static void
end_word(struct conf_words *words, struct span *rest, char quote)
{
	if (quote && rest->len)
		*rest = span_skip(*rest, 1);
	buf_append_byte(&words->text, '\0');
}

/* "\" and a character: it ends no word, whatever it is. */
static void
append_escaped(struct buf *out, char c)
{
	static const char letters[] = "\"'\\trn", means[] = "\"'\\\t\r\n";
	const char *found = c ? strchr(letters, c) : NULL;

	if (found) {
		buf_append_byte(out, means[found - letters]);
		return;
	}
	buf_append_byte(out, '\\');
	buf_append_byte(out, c == '$' ? CONF_VARIABLE : c);
}

static void
nginx_word(struct conf_words *words, struct span *rest)
{
	char quote = begin_word(words, rest), c;

	while (rest->len) {
		c = rest->at[0];
		if (quote ? c == quote : is_space(c) || c == ';' || c == '{')
			break;
		if (c == '\\' && rest->len > 1) {
			append_escaped(&words->text, rest->at[1]);
			*rest = span_skip(*rest, 2);
			continue;
		}
		buf_append_byte(&words->text, c == '$' ? CONF_VARIABLE : c);
		*rest = span_skip(*rest, 1);
		/* "${" begins no block. */
		if (c == '$' && rest->len && rest->at[0] == '{')
			*rest = span_skip(*rest, 1);
	}
	end_word(words, rest, quote);
}

char
conf_words_nginx(struct conf_words *words, struct span *rest)
{
	struct span line;
	char c;

	while (skip_space(rest), rest->len) {
		c = rest->at[0];
		if (c == '#') {
			(void)span_cut(rest, '\n', &line);
		} else if (c == ';' || c == '{' || c == '}') {
			*rest = span_skip(*rest, 1);
			return c;
		} else {
			nginx_word(words, rest);
		}
	}
	return '\0';
}

size_t
conf_words_join(char *text, size_t len)
{
	size_t from, to = 0;

	for (from = 0; from < len; from++) {
		text[to++] = text[from];
		if (text[from] != '\n')
			continue;
		if (to >= 2 && text[to - 2] == '\\')
			to -= 2;
		else if (to >= 3 && text[to - 2] == '\r' &&
		    text[to - 3] == '\\')
			to -= 3;
	}
	return to;
}

/* The value of ${NAME}; NULL if Apache has it from elsewhere, or nowhere. */
static const char *
defined_as(struct span name, const struct conf *defined)
{
	size_t i;

	for (i = 0; i < defined->count; i++)
		if (strlen(defined->all[i].name) == name.len &&
		    strncasecmp(defined->all[i].name, name.at, name.len) == 0)
			return defined->all[i].value;
	return NULL;
}

void
conf_words_expand(struct buf *out, struct span line, const struct conf *defined)
{
	struct span name;
	const char *end, *value;

	for (; line.len; line = span_skip(line, 1)) {
		end = line.len > 2 && memcmp(line.at, "${", 2) == 0
		    ? memchr(line.at, '}', line.len)
		    : NULL;
		if (!end) {
			buf_append_byte(out, line.at[0]);
			continue;
		}
		name.at = line.at + 2;
		name.len = (size_t)(end - name.at);
		value = defined_as(name, defined);
		if (value)
			buf_append_text(out, value);
		else
			buf_append_byte(out, CONF_VARIABLE);
		line = span_skip(line, name.len + 2);
	}
}

static void
apache_word(struct conf_words *words, struct span *rest)
{
	char quote = begin_word(words, rest), c;

	while (rest->len) {
		c = rest->at[0];
		if (quote ? c == quote : is_space(c))
			break;
		if (c == '\\' && rest->len > 1 &&
		    (rest->at[1] == '\\' || (quote && rest->at[1] == quote)))
			*rest = span_skip(*rest, 1);
		buf_append_byte(&words->text, rest->at[0]);
		*rest = span_skip(*rest, 1);
	}
	end_word(words, rest, quote);
}

void
conf_words_apache(struct conf_words *words, struct span line)
{
	/* Space at the end is no part even of a word without its quote. */
	while (line.len && is_space(line.at[line.len - 1]))
		line.len--;
	while (skip_space(&line), line.len)
		apache_word(words, &line);
}

static bool
is_apache_word(const char *word)
{
	static const char *const names[] = { "SetEnv", "UnsetEnv", "PassEnv",
		"Define", "UnDefine", "IncludeOptional" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(names[i], word) == 0)
			return true;
	return word[0] == '<';
}

/* Names of nginx are in lower case; Apache's directives end without ";". */
bool
conf_words_are_nginx(struct conf_words *words, struct span text)
{
	char end;
	size_t i;

	conf_words_reset(words);
	end = conf_words_nginx(words, &text);
	if (words->text.failed ||
	    isupper((unsigned char)conf_words_at(words, 0)[0]))
		return false;
	for (i = 0; i < words->count; i++)
		if (is_apache_word(conf_words_at(words, i)))
			return false;
	return end != '\0';
}
