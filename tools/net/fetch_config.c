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

#define PLACE(member)                                                          \
	offsetof(struct fetch_config, member),                                 \
	    sizeof(((struct fetch_config *)0)->member)

struct setting {
	const char *name;
	size_t offset, size;
	bool required;
};
#define SETTINGS_MAX 5

static const struct form {
	struct setting settings[SETTINGS_MAX + 1]; /* up to one without name */
	const char *names;
	mode_t closed; /* permissions that must not be given */
	const char *remedy;
} forms[] = {
	[FETCH_CONFIG_TRADECLOUD] = { { { "base", PLACE(base), true },
					  { "username", PLACE(username), true },
					  { "password", PLACE(password), true },
					  { "ca", PLACE(ca), false } },
	    "base, username, password and ca", 007,
	    "open to all users, and holds a password; chmod o= it" },
	[FETCH_CONFIG_SHIPMONDO] = { { { "base", PLACE(base), true },
					 { "user", PLACE(username), true },
					 { "key", PLACE(password), true },
					 { "endpoint", PLACE(endpoint), false },
					 { "ca", PLACE(ca), false } },
	    "base, user, key, endpoint and ca", 077,
	    "open to other users, and holds a key; chmod 600 it" },
};

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
find_setting(const struct form *form, struct span name)
{
	const struct setting *setting;

	for (setting = form->settings; setting->name; setting++)
		if (span_is(name, setting->name))
			return setting;
	return NULL;
}

/* What is wrong with a line; NULL when it was taken. */
static const char *
take_line(
    struct fetch_config *config, const struct form *form, struct span line)
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
	setting = find_setting(form, trim(name));
	line = trim(line);
	if (!setting)
		return "the name is unknown";
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
check_all(struct fetch_config *config, const struct form *form,
    const char *path, struct error *err)
{
	struct error why = ERROR_INIT;
	const struct setting *setting;

	for (setting = form->settings; setting->name; setting++)
		if (setting->required && place_of(config, setting)[0] == '\0')
			return error_set(err, ERROR_CONFIGURATION,
			    "%s: no %s; add a line \"%s = ...\"", path,
			    setting->name, setting->name);
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
		    "%s: %s: a colon in it", path, form->settings[1].name);
	return 0;
}

static int
take_lines(struct fetch_config *config, const struct form *form,
    const char *path, struct span text, struct error *err)
{
	struct span line;
	const char *wrong;
	unsigned number = 0;

	while (span_cut(&text, '\n', &line)) {
		number++;
		wrong = take_line(config, form, line);
		if (wrong)
			return error_set(err, ERROR_CONFIGURATION,
			    "%s:%u: %s; a line is \"name = value\" with one of "
			    "%s",
			    path, number, wrong, form->names);
	}
	return check_all(config, form, path, err);
}

/* Whose is it, and who may read it? */
static int
check_file(int fd, const struct form *form, const char *path, struct error *err)
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
	if (st.st_mode & form->closed)
		return error_set(
		    err, ERROR_CONFIGURATION, "%s: %s", path, form->remedy);
	return 0;
}

int
fetch_config_read(struct fetch_config *config, const char *path,
    enum fetch_config_form which, struct error *err)
{
	const struct form *form = &forms[which];
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
	if (check_file(fd, form, path, err) == 0 &&
	    io_read_at(fd, text, sizeof(text), 0, &len, path, err) == 0) {
		if (len > TEXT_MAX)
			(void)error_set(
			    err, ERROR_CONFIGURATION, "%s: too large", path);
		else
			rc = take_lines(config, form, path,
			    (struct span){ text, len }, err);
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
