/* SPDX-License-Identifier: MIT */
/*
 * archive_path - the archive of a run, by the path that it was given as
 */
#ifndef HOOKDIR_ARCHIVE_PATH_H
#define HOOKDIR_ARCHIVE_PATH_H

#include "run/state.h"

/* Open the archive, where there is one. */
int run_open_archive(struct runner *runner, struct error *err);

/*
 * Follow its path to another directory, as the one that is open may be gone.
 * Where that fails, a line names the reason and the open one stays.
 */
void run_follow_archive(struct runner *runner);

#endif
