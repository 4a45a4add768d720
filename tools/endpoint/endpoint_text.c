/* SPDX-License-Identifier: MIT */
/*
 * endpoint_text - the content of an endpoint's file
 *
 * A new file is a shipped sample with other names. A name of the sample that
 * is not in it any more is an error, never a file with the sample's values.
 */
#include "endpoint/endpoint_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BEGIN "# keys: begin"
#define END   "# keys: end"

/* Of one sample: what is replaced, by what. */
#define SWAPS_MAX 12
struct swaps {
	struct {
		char from[80];
		struct span to;
		bool used;
	} all[SWAPS_MAX];
	size_t count;
	struct endpoint_path paths[8];
	size_t path_count;
};

static void
write_one(const struct endpoint *e, const struct buf *key, bool previous,
    struct buf *out)
{
	buf_append_text(out, "    ");
	form_write_key(
	    e->form, e->apache, e->path, buf_span(key), previous, out);
	buf_append_byte(out, '\n');
}

/* From the first mark to the last one, both included. */
static void
write_keys(const struct endpoint *e, struct buf *out)
{
	buf_append_text(out, BEGIN " (\"hookdir rotate\" writes them)\n");
	write_one(e, &e->key, false, out);
	if (e->previous.len) {
		buf_printf(out, "    # previous, since %s\n", e->rotated);
		write_one(e, &e->previous, true, out);
	}
	buf_append_text(out, "    " END);
}

static void swap(struct swaps *s, struct span to, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
swap(struct swaps *s, struct span to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(s->all[s->count].from, sizeof(s->all[0].from), fmt, ap);
	va_end(ap);
	s->all[s->count].used = false;
	s->all[s->count++].to = to;
}

static struct span
keep(struct swaps *s, struct endpoint_path path)
{
	s->paths[s->path_count] = path;
	return span_of(s->paths[s->path_count++].text);
}

/* Those of the first one that begins a longer one come later. */
static void
common_swaps(struct swaps *s, const struct endpoint *e, const char *word,
    struct span keys)
{
	struct endpoint_path sender, unavailable;

	(void)snprintf(sender.text, sizeof(sender.text), "HOOKDIR_SENDER %s",
	    e->form->sender);
	(void)snprintf(unavailable.text, sizeof(unavailable.text),
	    "@hookdir_%s_unavailable", e->name);
	swap(s, span_of(e->path), "/webhook/%s", word);
	swap(s, keep(s, endpoint_spool(e)), "/var/spool/hookdir/%s", word);
	swap(s, keep(s, sender), "HOOKDIR_SENDER %s", word);
	swap(s, keep(s, endpoint_below(e, "/run/hookdir/hookdir.sock")), "%s",
	    "/run/hookdir/hookdir.sock");
	if (e->form->way == FORM_TOKEN) {
		swap(s, keys,
		    e->apache ? "Include /etc/hookdir/%s-bearer.conf"
			      : "include /etc/hookdir/%s-bearer.conf;",
		    word);
		swap(s, keep(s, endpoint_passwords(e)),
		    "/etc/hookdir/%s.htpasswd", word);
	} else {
		swap(s, keys,
		    e->apache ? "Include /etc/hookdir/%s.conf"
			      : "include /etc/hookdir/%s.conf;",
		    word);
	}
	if (e->apache) {
		swap(s,
		    keep(s, endpoint_below(e, "/etc/hookdir/unavailable.asis")),
		    "%s", "/etc/hookdir/unavailable.asis");
		return;
	}
	swap(s, keep(s, endpoint_below(e, "/etc/hookdir/hookdir_params")), "%s",
	    "/etc/hookdir/hookdir_params");
	if (e->form->way == FORM_SIGNED)
		word = "";
	swap(s, keep(s, unavailable),
	    *word ? "@hookdir_%s_unavailable" : "@hookdir%s_unavailable", word);
}

static int
fill(struct swaps *s, struct span sample, struct buf *out, struct error *err)
{
	size_t i;

	while (sample.len) {
		for (i = 0; i < s->count; i++)
			if (span_begins(sample, s->all[i].from))
				break;
		if (i == s->count) {
			buf_append_byte(out, sample.at[0]);
			sample = span_skip(sample, 1);
			continue;
		}
		buf_append_span(out, s->all[i].to);
		s->all[i].used = true;
		sample = span_skip(sample, strlen(s->all[i].from));
	}
	for (i = 0; i < s->count; i++)
		if (!s->all[i].used)
			return error_set(err, ERROR_CONFIGURATION,
			    "the sample has no %s", s->all[i].from);
	return buf_check(out, err);
}

/* One line, and the indentation of the next. */
static void
write_parameter(const struct endpoint *e, const char *name, const char *value,
    struct buf *out)
{
	buf_printf(out,
	    e->apache ? "SetEnv %s %s\n    " : "fastcgi_param %s %s;\n    ",
	    name, value);
}

/* What is above the first empty line of a sample is about the sample. */
static struct span
skip_head(struct span sample)
{
	const char *at = memmem(sample.at, sample.len, "\n\n", 2);

	return at ? span_skip(sample, (size_t)(at - sample.at) + 1) : sample;
}

static void
write_head(const struct endpoint *e, struct buf *out)
{
	buf_printf(out,
	    "# %s.conf - made by \"hookdir add\"; see hookdir-add(1)\n"
	    "#\n"
	    "# server: %s\n"
	    "# sender: %s\n"
	    "# host: %s\n"
	    "# path: %s\n",
	    e->name, e->apache ? "apache" : "nginx", e->form->sender, e->host,
	    e->path);
	if (e->user[0])
		buf_printf(out, "# user: %s\n", e->user);
}

int
endpoint_text_write(
    const struct endpoint *e, struct buf *out, struct error *err)
{
	struct swaps swaps = { .count = 0 };
	struct buf keys = BUF_INIT(FILES_MAX);
	int rc;

	/* One that is lost, as with a disk, must not be made for others. */
	write_parameter(e, "HOOKDIR_CREATE", "no", &keys);
	if (e->form->max_body)
		write_parameter(
		    e, "HOOKDIR_MAX_BODY", e->form->max_body, &keys);
	write_keys(e, &keys);
	rc = buf_check(&keys, err);
	common_swaps(&swaps, e, form_sample_word(e->form), buf_span(&keys));
	write_head(e, out);
	if (rc == 0)
		rc = fill(&swaps,
		    skip_head(sample_text(form_sample(e->form, e->apache))),
		    out, err);
	files_free(&keys);
	return rc;
}

static bool
read_word(struct span line, const char *prefix, char *to, size_t size)
{
	if (!span_begins(line, prefix))
		return false;
	line = span_skip(line, strlen(prefix));
	if (line.len >= size)
		return false;
	if (line.len)
		(void)memcpy(to, line.at, line.len);
	to[line.len] = '\0';
	return true;
}

static struct span
trim(struct span line)
{
	while (line.len && (line.at[0] == ' ' || line.at[0] == '\t'))
		line = span_skip(line, 1);
	return line;
}

static void
read_key_line(struct endpoint *e, struct span line)
{
	struct buf *to = e->key.len ? &e->previous : &e->key;
	struct span key;

	if (read_word(
		line, "# previous, since ", e->rotated, sizeof(e->rotated)))
		return;
	if (!span_begins(line, "#") && form_read_key(e->form, line, &key)) {
		buf_reset(to);
		buf_append_span(to, key);
	}
}

/* Comments above the first line of the web server's. */
static void
read_head(struct endpoint *e, struct span text)
{
	char word[ENDPOINT_WORD_MAX];
	struct span line;

	while (span_cut(&text, '\n', &line) && span_begins(line, "#")) {
		if (read_word(line, "# server: ", word, sizeof(word)))
			e->apache = strcmp(word, "apache") == 0;
		if (read_word(line, "# sender: ", word, sizeof(word)))
			e->form = form_find(word);
		(void)read_word(line, "# host: ", e->host, sizeof(e->host));
		(void)read_word(line, "# path: ", e->path, sizeof(e->path));
		(void)read_word(line, "# user: ", e->user, sizeof(e->user));
	}
}

int
endpoint_text_read(
    struct endpoint *e, struct span text, const char *path, struct error *err)
{
	struct span rest = text, line;
	bool inside = false;

	read_head(e, text);
	if (!e->form || !endpoint_is_host(e->host) ||
	    !endpoint_is_path(e->path))
		return error_set(err, ERROR_CONFIGURATION,
		    "%s was not made by hookdir add", path);
	while (span_cut(&rest, '\n', &line)) {
		line = trim(line);
		if (span_begins(line, BEGIN))
			inside = true;
		else if (span_begins(line, END))
			inside = false;
		else if (inside)
			read_key_line(e, line);
	}
	if (buf_check(&e->key, err) < 0 || buf_check(&e->previous, err) < 0)
		return -1;
	if (e->key.len == 0)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: no key between \"" BEGIN "\" and \"" END "\"", path);
	return 0;
}

int
endpoint_text_replace_keys(const struct endpoint *e, struct span text,
    struct buf *out, const char *path, struct error *err)
{
	const char *begin = memmem(text.at, text.len, BEGIN, strlen(BEGIN));
	const char *end = memmem(text.at, text.len, END, strlen(END));

	if (!begin || !end || end < begin)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: the marks \"" BEGIN "\" and \"" END "\" are missing",
		    path);
	buf_append(out, text.at, (size_t)(begin - text.at));
	write_keys(e, out);
	end += strlen(END);
	buf_append(out, end, text.len - (size_t)(end - text.at));
	return buf_check(out, err);
}
