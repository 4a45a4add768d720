/* SPDX-License-Identifier: MIT */
/*
 * conf_syntax - the directives of a web server's configuration that matter
 * here, one after another
 *
 * A file is nginx's when a line begins with "fastcgi_param" or ends with ";",
 * and none before it begins with "<" or "SetEnv"; else it is Apache's.
 */
#ifndef HOOKDIR_CONF_SYNTAX_H
#define HOOKDIR_CONF_SYNTAX_H

#include <stdbool.h>

#include "error.h"

/* In a value: the web server puts something here. */
#define CONF_VARIABLE '\x01'

struct conf_directive {
	enum {
		CONF_BEGIN, /* of a block */
		CONF_END,
		CONF_SET
	} kind;
	const char *name, *value; /* of CONF_SET: HOOKDIR_..., as it means */
};

/* 0 to go on, or -1. */
typedef int conf_take(
    void *context, const struct conf_directive *directive, struct error *err);

/*
 * Read a file, and those that it includes: by an absolute path, or one that
 * is relative to the directory of the including file or the one above, where
 * there is such a file. Files are at most 1 MiB, and 8 deep.
 */
int conf_syntax_read(
    const char *path, conf_take *take, void *context, struct error *err);

#endif
