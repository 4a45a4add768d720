/* SPDX-License-Identifier: MIT */
/*
 * conf - the parameters of an endpoint, from a web server's configuration
 *
 * Reads what nginx's "fastcgi_param NAME VALUE;" and Apache's "SetEnv NAME
 * VALUE", UnsetEnv and PassEnv say of names that begin with HOOKDIR_, in the
 * blocks that they are in, with the values of Apache's Define, and follows
 * "include" and "Include". Nothing else is looked at: it is no check of the
 * configuration.
 */
#ifndef HOOKDIR_CONF_H
#define HOOKDIR_CONF_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct conf_parameter {
	char *name;
	char *value; /* a secret, possibly */
};

struct conf {
	struct conf_parameter *all; /* owned */
	size_t count;
};

/* Which endpoint of a file that has several */
struct conf_wanted {
	dev_t device; /* its HOOKDIR_SPOOL */
	ino_t inode;
	const char *sender; /* its HOOKDIR_SENDER, or NULL for any */
};

/*
 * Read the parameters of the endpoint whose HOOKDIR_SPOOL is that directory;
 * of several, the one with that sender. Without such an endpoint, those of
 * the one block that has parameters and no HOOKDIR_SPOOL, as in a file of
 * secrets. -1: ERROR_SYSTEM, ERROR_MEMORY, or ERROR_CONFIGURATION when no
 * block fits, or several that differ. conf_free() is due in any case.
 */
int conf_read(struct conf *conf, const char *path,
    const struct conf_wanted *wanted, struct error *err);

/* Wipes the values. Accepts one that is all zero. */
void conf_free(struct conf *conf);

/*
 * The value of a parameter. 1, or 0 where it is not set. -1: a variable of
 * the web server is in it, so it cannot be known here.
 */
int conf_get(const struct conf *conf, const char *name, const char **value,
    struct error *err);

#endif
