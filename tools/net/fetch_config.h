/* SPDX-License-Identifier: MIT */
/*
 * fetch_config - base address and credentials, from a file
 *
 * Lines of "name = value", and comments that begin with #. White space
 * around a value is not part of it.
 */
#ifndef HOOKDIR_FETCH_CONFIG_H
#define HOOKDIR_FETCH_CONFIG_H

#include <limits.h>

#include "base/error.h"

struct fetch_config {
	char base[512]; /* https, no slash at the end */
	char username[256];
	char password[1024];
	char ca[PATH_MAX];   /* "" for the system's certificates */
	char endpoint[1024]; /* of Shipmondo alone; "" where there is none */
};

/* Whose file it is: what its lines are called, and who may read it. */
enum fetch_config_form {
	FETCH_CONFIG_TRADECLOUD, /* username, password; not for others */
	FETCH_CONFIG_SHIPMONDO	 /* user, key, endpoint; for its owner alone */
};

/*
 * 0, or -1 and ERROR_CONFIGURATION with a text that names file and line and
 * says nothing of what stands there. fetch_config_wipe() is due in both
 * cases.
 */
int fetch_config_read(struct fetch_config *config, const char *path,
    enum fetch_config_form form, struct error *err);
void fetch_config_wipe(struct fetch_config *config);

#endif
