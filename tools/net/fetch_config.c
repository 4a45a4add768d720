/* SPDX-License-Identifier: MIT */
/*
 * fetch_config - base address and credentials, from a file
 *
 * The file holds a password: one that others can read, or that others own
 * and so can change, is refused. So is whatever is not understood.
 */
#include "net/fetch_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/fetch_url.h"
#include "base/io.h"
#include "base/secret.h"

#define TEXT_MAX 16384

static const struct setting {
	const char *name;
	size_t offset, size;
	bool required;
} settings[] = {
	{ "base", offsetof(struct fetch_config, base),
	    sizeof(((struct fetch_config *)0)->base), true },
	{ "username", offsetof(struct fetch_config, username),
	    sizeof(((struct fetch_config *)0)->username), true },
	{ "password", offsetof(struct fetch_config, password),
	    sizeof(((struct fetch_config *)0)->password), true },
	{ "ca", offsetof(struct fetch_config, ca),
	    sizeof(((struct fetch_config *)0)->ca), false },
};
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static char *
place_of(struct fetch_config *config, const struct setting *setting)
{
	return (char *)config + setting->offset;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span
trim(struct span text)
{
	while (text.len && is_space(text.at[0])) {
		text.at++;
		text.len--;
	}
	while (text.len && is_space(text.at[text.len - 1]))
		text.len--;
	return text;
}

static const struct setting *
find_setting(struct span name)
{
	size_t i;

	for (i = 0; i < SETTINGS; i++)
		if (span_is(name, settings[i].name))
			return &settings[i];
	return NULL;
}

/* What is wrong with a line; NULL when it was taken. */
static const char *
take_line(struct fetch_config *config, struct span line)
{
	const struct setting *setting;
	struct span name;
	char *place;

	line = trim(line);
	if (line.len == 0 || line.at[0] == '#')
		return NULL;
	if (!memchr(line.at, '=', line.len))
		return "not \"name = value\"";
	(void)span_cut(&line, '=', &name);
	setting = find_setting(trim(name));
	line = trim(line);
	if (!setting)
		return "the name is unknown; it is none of base, username, "
		       "password and ca";
	place = place_of(config, setting);
	if (place[0] != '\0')
		return "the name is there for the second time";
	if (line.len == 0 || memchr(line.at, '\0', line.len))
		return "the name has no value";
	if (line.len >= setting->size)
		return "the value is too long";
	memcpy(place, line.at, line.len);
	return NULL;
}

static int
check_base(struct fetch_config *config, struct error *why)
{
	size_t len = strlen(config->base);
	struct fetch_url url;
	int rc;

	while (len && config->base[len - 1] == '/')
		config->base[--len] = '\0';
	if (strpbrk(config->base, "?#"))
		return error_set(why, ERROR_FORM, "an address with ? or #");
	rc = fetch_url_read(&url, span_of(config->base), why);
	fetch_url_free(&url);
	return rc;
}

static int
check_all(struct fetch_config *config, const char *path, struct error *err)
{
	struct error why = ERROR_INIT;
	size_t i;

	for (i = 0; i < SETTINGS; i++)
		if (settings[i].required &&
		    place_of(config, &settings[i])[0] == '\0')
			return error_set(err, ERROR_CONFIGURATION,
			    "%s: no %s; add a line \"%s = ...\"", path,
			    settings[i].name, settings[i].name);
	if (check_base(config, &why) < 0)
		return error_set(
		    err, ERROR_CONFIGURATION, "%s: base: %s", path, why.text);
	if (config->ca[0] != '\0' && access(config->ca, R_OK) < 0)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: ca: cannot read %s: %s", path, config->ca,
		    strerrordesc_np(errno));
	/* RFC 7617 section 2: it ends at the first colon. */
	if (strchr(config->username, ':'))
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: username: a colon in it", path);
	return 0;
}

static int
take_lines(struct fetch_config *config, const char *path, struct span text,
    struct error *err)
{
	struct span line;
	const char *wrong;
	unsigned number = 0;

	while (span_cut(&text, '\n', &line)) {
		number++;
		wrong = take_line(config, line);
		if (wrong)
			return error_set(err, ERROR_CONFIGURATION, "%s:%u: %s",
			    path, number, wrong);
	}
	return check_all(config, path, err);
}

/* Whose is it, and who may read it? */
static int
check_file(int fd, const char *path, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(
		    err, ERROR_CONFIGURATION, "%s: not a file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: belongs to user %u; it must belong to user %u, "
		    "who runs this, or to root",
		    path, st.st_uid, geteuid());
	if (st.st_mode & 007)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: open to all users, and holds a password; chmod o= it",
		    path);
	return 0;
}

int
fetch_config_read(
    struct fetch_config *config, const char *path, struct error *err)
{
	char text[TEXT_MAX + 1];
	size_t len = 0;
	int fd, rc = -1;

	memset(config, 0, sizeof(*config));
	/* Not to wait for whoever holds the other end of a pipe. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return error_set(err, ERROR_CONFIGURATION,
		    "cannot read %s, the file of --config: %s", path,
		    strerrordesc_np(errno));
	if (check_file(fd, path, err) == 0 &&
	    io_read_at(fd, text, sizeof(text), 0, &len, path, err) == 0) {
		if (len > TEXT_MAX)
			(void)error_set(
			    err, ERROR_CONFIGURATION, "%s: too large", path);
		else
			rc = take_lines(
			    config, path, (struct span){ text, len }, err);
	}
	secret_wipe(text, sizeof(text));
	io_discard(&fd);
	return rc;
}

void
fetch_config_wipe(struct fetch_config *config)
{
	secret_wipe(config, sizeof(*config));
}
