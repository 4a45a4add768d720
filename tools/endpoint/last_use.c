/* SPDX-License-Identifier: MIT */
/*
 * last_use - when calls came to an endpoint, and with which key
 */
#include "endpoint/last_use.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "json/json.h"
#include "spool/spool_name.h"

#define SUFFIX ".in.jsonl"

static bool
is(struct json_value line, const char *name, const char *value)
{
	struct json_value member;

	return json_member(line, name, &member) &&
	    json_string_is(member, value);
}

static void
later(char last[LAST_USE_SIZE], const char *time)
{
	if (strcmp(time, last) > 0)
		(void)snprintf(last, LAST_USE_SIZE, "%s", time);
}

/* A torn line is no JSON, and says nothing. */
static void
take_line(struct last_use *use, struct span text)
{
	struct buf time = BUF_INIT(LAST_USE_SIZE);
	struct json_value line, member;

	if (!json_scan(text, &line) ||
	    (!is(line, "event", "accepted") &&
		!is(line, "event", "duplicate")) ||
	    !json_member(line, "time", &member) ||
	    !json_decode_string(member, &time))
		goto out;
	buf_append_byte(&time, '\0');
	if (time.failed)
		goto out;
	later(use->any, time.at);
	if (is(line, "key", "current"))
		later(use->current, time.at);
	if (is(line, "key", "previous"))
		later(use->previous, time.at);
out:
	buf_free(&time);
}

static int
read_file(struct last_use *use, int dir, const char *name, struct error *err)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (!file) {
		io_discard(&fd);
		return error_system(err, "cannot open %s", name);
	}
	while ((len = getline(&line, &size, file)) > 0)
		take_line(use, (struct span){ line, (size_t)len });
	free(line);
	(void)fclose(file);
	return 0;
}

static int
visit_history(
    void *context, int dir, const struct dirent *entry, struct error *err)
{
	size_t len = strlen(entry->d_name), suffix = strlen(SUFFIX);

	if (len <= suffix || entry->d_name[0] == '.' ||
	    strcmp(entry->d_name + len - suffix, SUFFIX) != 0)
		return 0;
	return read_file(context, dir, entry->d_name, err);
}

static int
visit_message(
    void *context, int dir, const struct dirent *entry, struct error *err)
{
	struct last_use *use = context;
	struct spool_name name;
	char time[CLOCK_RFC3339_SIZE];

	(void)dir;
	(void)err;
	if (!spool_name_parse(entry->d_name, &name) || name.arrived.tv_sec == 0)
		return 0;
	clock_rfc3339(name.arrived, time);
	later(use->any, time);
	return 0;
}

static int
each(struct last_use *use, const char *spool, const char *name, io_visit *visit,
    struct error *err)
{
	char path[4096];
	int dir, rc;

	(void)snprintf(path, sizeof(path), "%s/%s", spool, name);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return errno == ENOENT
		    ? 0
		    : error_system(err, "cannot open %s", path);
	rc = io_each(dir, path, visit, use, err);
	io_discard(&dir);
	return rc;
}

int
last_use_read(struct last_use *use, const char *spool, struct error *err)
{
	static const char *const states[] = { "new", "cur", "hold", "failed" };
	size_t i;

	*use = (struct last_use){ .any = "" };
	if (each(use, spool, "history", visit_history, err) < 0)
		return -1;
	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (each(use, spool, states[i], visit_message, err) < 0)
			return -1;
	return 0;
}
