/* SPDX-License-Identifier: MIT */
/*
 * endpoint - one endpoint: its name, its file below /etc/hookdir, its keys
 */
#include "endpoint/endpoint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "endpoint/endpoint_text.h"

static struct endpoint_path below(const struct endpoint *e, const char *fmt,
    ...) __attribute__((format(printf, 2, 3)));

/* One that is too long becomes "", which no call accepts. */
static struct endpoint_path
below(const struct endpoint *e, const char *fmt, ...)
{
	struct endpoint_path path;
	size_t len = strlen(e->root), size = sizeof(path.text);
	va_list ap;
	int got = -1;

	va_start(ap, fmt);
	if (len < size) {
		(void)memcpy(path.text, e->root, len);
		got = vsnprintf(path.text + len, size - len, fmt, ap);
	}
	va_end(ap);
	if (got < 0 || (size_t)got >= size - len)
		path.text[0] = '\0';
	return path;
}

struct endpoint_path
endpoint_conf(const struct endpoint *e)
{
	return below(e, "/etc/hookdir/%s.conf", e->name);
}

struct endpoint_path
endpoint_spool(const struct endpoint *e)
{
	return below(e, "/var/spool/hookdir/%s", e->name);
}

struct endpoint_path
endpoint_passwords(const struct endpoint *e)
{
	return below(e, "/etc/hookdir/%s.htpasswd", e->name);
}

struct endpoint_path
endpoint_run_conf(const struct endpoint *e)
{
	return below(e, "/etc/hookdir/run/%s.conf", e->name);
}

struct endpoint_path
endpoint_dropin(const struct endpoint *e)
{
	return below(e,
	    "/etc/systemd/system/hookdir-run@%s.service.d/hookdir-add.conf",
	    e->name);
}

struct endpoint_path
endpoint_below(const struct endpoint *e, const char *path)
{
	return below(e, "%s", path);
}

void
endpoint_init(struct endpoint *e, const char *root)
{
	*e = (struct endpoint){ .root = root,
		.key = BUF_INIT(FILES_MAX),
		.previous = BUF_INIT(FILES_MAX) };
}

void
endpoint_free(struct endpoint *e)
{
	files_free(&e->key);
	files_free(&e->previous);
}

static bool
all_in(const char *text, const char *more)
{
	for (; *text; text++)
		if (!((*text >= 'a' && *text <= 'z') ||
			(*text >= 'A' && *text <= 'Z') ||
			(*text >= '0' && *text <= '9') || strchr(more, *text)))
			return false;
	return true;
}

bool
endpoint_set_name(struct endpoint *e, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= sizeof(e->name) || !all_in(name, "._-") ||
	    name[0] == '.' || name[0] == '-')
		return false;
	(void)snprintf(e->name, sizeof(e->name), "%s", name);
	return true;
}

bool
endpoint_is_host(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len < ENDPOINT_WORD_MAX && all_in(text, ".-") &&
	    text[0] != '.' && text[0] != '-';
}

bool
endpoint_is_path(const char *text)
{
	size_t len = strlen(text);

	return len > 1 && len < ENDPOINT_WORD_MAX && text[0] == '/' &&
	    text[len - 1] != '/' && all_in(text, "/._-") &&
	    !strstr(text, "//") && !strstr(text, "/.") &&
	    strcmp(text, "/webhook/unavailable") != 0;
}

int
endpoint_load(struct endpoint *e, struct error *err)
{
	struct endpoint_path path = endpoint_conf(e);
	struct buf text = BUF_INIT(FILES_MAX + 1);
	int rc = files_read(path.text, &text, err);

	if (rc == 0)
		rc = endpoint_text_read(e, buf_span(&text), path.text, err);
	files_free(&text);
	return rc;
}

static int
save(const struct endpoint *e, const struct buf *text, struct error *err)
{
	/* Only root, and so the web server's master, may read the keys. */
	const struct files_owner owner = { geteuid(), getegid(), 0600 };

	return files_write(endpoint_conf(e).text, buf_span(text), &owner, err);
}

int
endpoint_format(const struct endpoint *e, struct buf *out, struct error *err)
{
	return endpoint_text_write(e, out, err);
}

int
endpoint_create(const struct endpoint *e, struct error *err)
{
	struct buf text = BUF_INIT(FILES_MAX);
	int rc = endpoint_format(e, &text, err);

	if (rc == 0)
		rc = save(e, &text, err);
	files_free(&text);
	return rc;
}

int
endpoint_save_keys(const struct endpoint *e, struct error *err)
{
	struct endpoint_path path = endpoint_conf(e);
	struct buf old = BUF_INIT(FILES_MAX + 1), text = BUF_INIT(FILES_MAX);
	int rc = files_read(path.text, &old, err);

	if (rc == 0)
		rc = endpoint_text_replace_keys(
		    e, buf_span(&old), &text, path.text, err);
	if (rc == 0)
		rc = save(e, &text, err);
	files_free(&old);
	files_free(&text);
	return rc;
}
