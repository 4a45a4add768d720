/* SPDX-License-Identifier: MIT */
/*
 * move-by-copy - moves a message as one does between file systems
 *
 * wrap: renameat2
 */
#include <fcntl.h>
#include <unistd.h>

int __wrap_renameat2(
    int from, const char *name, int to, const char *target, unsigned flags);

int
__wrap_renameat2(
    int from, const char *name, int to, const char *target, unsigned flags)
{
	char block[4096];
	ssize_t got;
	int in, out;

	(void)flags;
	in = openat(from, name, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return -1;
	out = openat(to, target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
	if (out < 0) {
		(void)close(in);
		return -1;
	}
	while ((got = read(in, block, sizeof(block))) > 0)
		if (write(out, block, (size_t)got) != got)
			break;
	(void)close(in);
	(void)close(out);
	return got == 0 ? unlinkat(from, name, 0) : -1;
}
