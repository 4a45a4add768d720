/* SPDX-License-Identifier: MIT */
/*
 * key_file - a file whose content is a key
 *
 * It may be a pipe: "--key-file <(command)" of a shell.
 */
#include "hookdir/key_file.h"

#include <fcntl.h>
#include <sys/types.h>

#include "base/io.h"

int
key_file_read(struct buf *key, const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	size_t got = 0;
	char *room;

	if (fd < 0)
		return error_system(err, "cannot open %s", path);
	/* At once: what grows would leave copies behind. */
	room = buf_room(key, KEY_FILE_MAX);
	rc = room ? io_read_at(fd, room, KEY_FILE_MAX, 0, &got, path, err)
		  : buf_check(key, err);
	io_discard(&fd);
	key->len = got;
	if (rc == 0 && got == KEY_FILE_MAX)
		return error_set(
		    err, ERROR_CONFIGURATION, "%s: too large for a key", path);
	if (got > 0 && room[got - 1] == '\n')
		key->len--;
	return rc;
}
