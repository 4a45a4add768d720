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
	char ca[PATH_MAX]; /* "" for the system's certificates */
};

/*
 * 0, or -1 and ERROR_CONFIGURATION with a text that names file and line and
 * says nothing of what stands there. fetch_config_wipe() is due in both
 * cases.
 */
int fetch_config_read(
    struct fetch_config *config, const char *path, struct error *err);
void fetch_config_wipe(struct fetch_config *config);

#endif
