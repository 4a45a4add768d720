/* SPDX-License-Identifier: MIT */
/*
 * serve - from a request to its answer, its line in the log, and nothing
 * left behind
 */
#ifndef HOOKDIR_SERVE_H
#define HOOKDIR_SERVE_H

#include "request.h"

/* Safe from many threads at once. */
void serve(const struct request *rq);

#endif
