/* SPDX-License-Identifier: MIT */
/*
 * spools - which spools a subcommand that only reads works on
 *
 * A spool is a directory with a new/ in it. One that may not be looked into
 * is listed as well, so that it is reported.
 */
#include "hookdir/spools.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hookdir/tool.h"

static int
add(struct spools *spools, const char *path, struct error *err)
{
	char **more = realloc(
	    spools->paths, (spools->count + 1) * sizeof(spools->paths[0]));

	if (more)
		spools->paths = more;
	if (!more || !(more[spools->count] = strdup(path)))
		return error_set(err, ERROR_MEMORY, "no memory");
	spools->count++;
	return 0;
}

/* Two names can lead to one directory. */
static bool
has(const struct spools *spools, const char *path)
{
	struct stat a, b;
	size_t i;

	if (!spools || stat(path, &a) < 0)
		return false;
	for (i = 0; i < spools->count; i++)
		if (stat(spools->paths[i], &b) == 0 && a.st_ino == b.st_ino &&
		    a.st_dev == b.st_dev)
			return true;
	return false;
}

static bool
is_spool(const char *path)
{
	char new_[PATH_MAX + 8];
	struct stat st;

	(void)snprintf(new_, sizeof(new_), "%s/new", path);
	return stat(new_, &st) == 0 ? S_ISDIR(st.st_mode) : errno == EACCES;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
spools_in(struct spools *spools, const char *directory,
    const struct spools *except, struct error *err)
{
	DIR *dir = opendir(directory);
	char path[PATH_MAX];
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return error_system(err, "cannot read %s", directory);
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", directory,
			entry->d_name) >= (int)sizeof(path))
			continue;
		if (is_spool(path) && !has(except, path) && !has(spools, path))
			rc = add(spools, path, err);
	}
	(void)closedir(dir);
	if (spools->count)
		qsort(spools->paths, spools->count, sizeof(spools->paths[0]),
		    compare);
	return rc;
}

int
spools_read(struct spools *spools, char **called, int count, struct error *err)
{
	char path[PATH_MAX];
	int i, rc = 0;

	if (count == 0)
		return spools_in(spools, tool_spools(), NULL, err);
	for (i = 0; rc == 0 && i < count; i++)
		if (!has(spools, tool_spool(called[i], path)))
			rc = add(spools, path, err);
	return rc;
}

void
spools_free(struct spools *spools)
{
	size_t i;

	for (i = 0; i < spools->count; i++)
		free(spools->paths[i]);
	free(spools->paths);
	*spools = (struct spools)SPOOLS_INIT;
}

const char *
spools_name(const char *path)
{
	const char *name = strrchr(path, '/');
	char directory[PATH_MAX];
	struct stat a, b;

	if (!name || name == path || !name[1] ||
	    (size_t)(name - path) >= sizeof(directory))
		return path;
	memcpy(directory, path, (size_t)(name - path));
	directory[name - path] = '\0';
	if (stat(directory, &a) < 0 || stat(tool_spools(), &b) < 0 ||
	    a.st_ino != b.st_ino || a.st_dev != b.st_dev)
		return path;
	return name + 1;
}
