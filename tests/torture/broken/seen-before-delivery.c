/* SPDX-License-Identifier: MIT */
/*
 * seen-before-delivery - notes the id first, and delivers the message then
 *
 * wrap: seen_deliver
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "seen.h"

int __wrap_seen_deliver(const struct spool *spool, struct timespec received,
    struct iovec *iov, int count, const char key[SHA256_HEX_SIZE],
    unsigned window, char name[SPOOL_NAME_SIZE], struct error *err);

int
__wrap_seen_deliver(const struct spool *spool, struct timespec received,
    struct iovec *iov, int count, const char key[SHA256_HEX_SIZE],
    unsigned window, char name[SPOOL_NAME_SIZE], struct error *err)
{
	int seen = spool_directory(spool->root, "seen", err), fd;

	(void)window;
	if (seen < 0)
		return -1;
	fd = openat(seen, key, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0660);
	if (fd < 0)
		return errno == EEXIST ? 0 : error_system(err, "no %s", key);
	(void)fsync(fd);
	(void)fsync(seen);
	(void)close(fd);
	(void)close(seen);
	return spool_deliver(spool, received, iov, count, name, err) < 0 ? -1
									 : 1;
}
