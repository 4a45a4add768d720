/* SPDX-License-Identifier: MIT */
/*
 * seen-before-delivery - notes the id first, and delivers the message then
 *
 * wrap: seen_deliver
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "spool/seen.h"

/* So that the compiler knows when the real one has changed. */
__typeof__(seen_deliver) __wrap_seen_deliver;

int
__wrap_seen_deliver(const struct delivery *delivery, struct seen *wanted,
    char name[SPOOL_NAME_SIZE], struct error *err)
{
	int seen = spool_directory(delivery->spool->root, "seen", err), fd;

	if (seen < 0)
		return -1;
	fd = openat(
	    seen, wanted->key, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0660);
	if (fd < 0)
		return errno == EEXIST
		    ? 0
		    : error_system(err, "no %s", wanted->key);
	(void)fsync(fd);
	(void)fsync(seen);
	(void)close(fd);
	(void)close(seen);
	return spool_deliver(delivery, name, err) < 0 ? -1 : 1;
}
