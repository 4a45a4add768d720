/* SPDX-License-Identifier: MIT */
/*
 * no-directory-fsync - flushes files before they are renamed, and no name
 *
 * wrap: fstatfs
 * wrap: fsync
 */
#include "file-fsync-alone.c"
#include "flushed_first.h"
