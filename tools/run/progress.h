/* SPDX-License-Identifier: MIT */
/*
 * progress - a line on a terminal, and none elsewhere
 */
#ifndef HOOKDIR_PROGRESS_H
#define HOOKDIR_PROGRESS_H

#include "run/state.h"

void run_progress(const struct runner *runner);
void run_progress_clear(void);

/* At the end: on a terminal, and with --verbose. */
void run_summary(const struct runner *runner);

#endif
