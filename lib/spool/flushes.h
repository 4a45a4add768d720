/* SPDX-License-Identifier: MIT */
/*
 * flushes - what has to be flushed before a file and its name are durable
 *
 * A file is written in one directory, renamed to another and flushed; which
 * flushes that takes depends on the file system.
 */
#ifndef HOOKDIR_FLUSHES_H
#define HOOKDIR_FLUSHES_H

#include <stdbool.h>
#include <sys/stat.h>

struct flushes {
	bool writes_out; /* before the rename: written out; else flushed */
	bool directory;	 /* after it, and first: the directory */
	bool file;	 /* after it: the file */
	bool look;	 /* last: whether the file system has not given up */
};

/*
 * For the file system of a directory, st being what statx() says of it, with
 * STATX_BTIME. One that is not known gets what POSIX asks for.
 */
struct flushes flushes_needed(int directory, const struct statx *st);

#endif
