/* SPDX-License-Identifier: MIT */
/*
 * room - make room in a spool whose file system is full
 *
 * A link in seen/ keeps the blocks and the inode of a message that its
 * consumer has removed. When the file system or a quota is full, these links
 * are removed, whatever their age. A link to a message that is still in the
 * spool frees nothing, and stays.
 */
#ifndef HOOKDIR_ROOM_H
#define HOOKDIR_ROOM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* So often a step is worth another attempt. */
#define ROOM_ATTEMPTS 3

/* Did that fail because the file system or a quota is full? */
bool room_is_short(const struct error *err);

/*
 * Where *err is such a failure: remove links to messages that are gone from
 * the seen/ of the spool whose directory is root, until about size bytes and
 * a reserve are free. True: *err is ERROR_INIT again, and the step that
 * failed is worth another attempt. False: *err is unchanged.
 *
 * Takes a second at most. One thread at a time looks for such links; others
 * wait for it, and return true if it found some.
 */
bool room_regain(int root, size_t size, struct error *err);

#endif
