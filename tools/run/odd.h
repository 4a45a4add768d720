/* SPDX-License-Identifier: MIT */
/*
 * odd - messages that cannot be claimed
 */
#ifndef HOOKDIR_ODD_H
#define HOOKDIR_ODD_H

#include "run/state.h"

/*
 * Pass over a message of new/, or one of cur/, whose claim failed with err.
 * runner->passes must count the pass.
 */
void run_pass_over(
    struct runner *runner, const char *file, const struct error *err);
void run_pass_over_cur(
    struct runner *runner, const char *file, const struct error *err);

#endif
