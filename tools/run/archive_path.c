/* SPDX-License-Identifier: MIT */
/*
 * archive_path - the archive of a run, by the path that it was given as
 */
#include "run/archive_path.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "hookdir/tool.h"
#include "run/progress.h"

int
run_open_archive(struct runner *runner, struct error *err)
{
	struct archive archive = ARCHIVE_INIT;
	const char *path = runner->options->archive;

	if (!path)
		return 0;
	if (archive_open(&archive, path, err) < 0)
		return -1;
	if (queue_owns(&runner->queue, archive.dir)) {
		archive_close(&archive);
		return error_set(err, ERROR_CONFIGURATION,
		    "--archive: %s is a directory of the spool", path);
	}
	archive_close(&runner->archive);
	runner->archive = archive;
	return 0;
}

/* Is the open directory the one of that path? */
static bool
is_there(const struct runner *runner)
{
	struct stat held, named;

	return fstat(runner->archive.dir, &held) == 0 &&
	    stat(runner->options->archive, &named) == 0 &&
	    held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

void
run_follow_archive(struct runner *runner)
{
	struct error err = ERROR_INIT;

	if (runner->archive.dir < 0 || is_there(runner) ||
	    run_open_archive(runner, &err) == 0) {
		runner->unarchived_said = false;
		return;
	}
	run_progress_clear();
	if (!runner->unarchived_said)
		tool_warn("%s", err.text);
	runner->unarchived_said = true;
}
