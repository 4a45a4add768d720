/* SPDX-License-Identifier: MIT */
/*
 * options - the command line of hookdir run
 */
#ifndef HOOKDIR_OPTIONS_H
#define HOOKDIR_OPTIONS_H

#include "run/state.h"

/*
 * Read it: EX_OK, or the code to exit with after a line on standard error.
 * Afterwards argv[1] is the spool; the options point into argv.
 */
int run_options_read(int argc, char **argv, const struct run_options **options);

#endif
