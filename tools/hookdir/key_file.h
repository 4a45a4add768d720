/* SPDX-License-Identifier: MIT */
/*
 * key_file - a file whose content is a key
 */
#ifndef HOOKDIR_KEY_FILE_H
#define HOOKDIR_KEY_FILE_H

#include "base/buf.h"

#define KEY_FILE_MAX ((size_t)64 << 10) /* bytes; larger is an error */

/*
 * Set key, an empty buffer that may hold KEY_FILE_MAX bytes, to the content
 * without the newline at its end. The caller wipes and frees it, also when
 * that failed.
 */
int key_file_read(struct buf *key, const char *path, struct error *err);

#endif
