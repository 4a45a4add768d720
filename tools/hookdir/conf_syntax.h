/* SPDX-License-Identifier: MIT */
/*
 * conf_syntax - the directives of a web server's configuration that matter
 * here, one after another
 *
 * Whose file the first one is shows its first directive; those that it
 * includes are of the same web server.
 */
#ifndef HOOKDIR_CONF_SYNTAX_H
#define HOOKDIR_CONF_SYNTAX_H

#include <stdbool.h>

#include "base/error.h"

/* In a value: the web server puts something here. */
#define CONF_VARIABLE '\x01'

struct conf_directive {
	enum {
		CONF_BEGIN, /* of a block */
		CONF_END,
		CONF_SET
	} kind;
	/* Of CONF_SET; value is NULL where Apache is not to pass it. */
	const char *name, *value;
	/* nginx: a block that sets any has none of the block around it. */
	bool nginx;
};

/* 0 to go on, or -1. */
typedef int conf_take(
    void *context, const struct conf_directive *directive, struct error *err);

/*
 * Read a file, and those that it includes: by an absolute path, or one that
 * is relative to the directory of the including file or the one above, where
 * there is such a file; of Apache, all files in a directory, too. Files are
 * at most 1 MiB, and files and directories 16 deep.
 */
int conf_syntax_read(
    const char *path, conf_take *take, void *context, struct error *err);

#endif
