/* SPDX-License-Identifier: MIT */
/*
 * io - file primitives that a signal does not disturb
 *
 * Every one answers 0 (or a descriptor) or -1 with ERROR_SYSTEM and a text
 * that names what. Descriptors are close-on-exec, links are not followed.
 */
#ifndef HOOKDIR_IO_H
#define HOOKDIR_IO_H

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/error.h"

/* A file that must not exist yet, for writing. */
int io_create(int dir, const char *name, mode_t mode, struct error *err);

/*
 * Open a directory, relative to dir (AT_FDCWD for an absolute path). The
 * last part of the path must not be a symbolic link.
 */
int io_open_dir(int dir, const char *path, struct error *err);

/*
 * Visit what is in an open directory, in no order, until a visit does not
 * return 0. what names it in errors. Returns 0, what the last visit returned,
 * or -1. Visits are given a descriptor of their own, since reading moves its
 * position.
 */
typedef int io_visit(
    void *context, int dir, const struct dirent *entry, struct error *err);
int io_each(int dir, const char *what, io_visit *visit, void *context,
    struct error *err);

/* A regular file to read, and what fstat() says of it. */
int io_open_file(int dir, const char *name, struct stat *st, struct error *err);

/*
 * Lock a file that io_open_file() opened, for us alone. 1: locked. 0: another
 * process has the lock. -1: the file system does not lock. NFSv4 locks only
 * what is open for writing: then *fd is one that is.
 */
int io_lock(int *fd, int dir, const char *name, struct error *err);

/*
 * Rename, but never over another file where the file system can do that.
 * As rename(2): -1 and errno.
 */
int io_rename_new(int from, const char *name, int to, const char *target);

/*
 * Up to len bytes from that place on, fewer at the end of the file only;
 * the position is not moved. From a pipe, what comes next.
 */
int io_read_at(int fd, char *room, size_t len, off_t at, size_t *got,
    const char *what, struct error *err);

/* All the bytes, however many calls that takes; changes iov. */
int io_write_all(
    int fd, struct iovec *iov, int count, const char *what, struct error *err);

/*
 * Once: after an error the kernel may have dropped the pages, and a second
 * fsync would say that all is well.
 */
int io_fsync(int fd, const char *what, struct error *err);

/*
 * After a flush: has the file system gone on taking changes until now? Where
 * it has given up before the flush, the flush of an ext4 finds nothing to do
 * and says that all is well. Changes nothing that is to be seen; any open file
 * or directory will do.
 */
int io_check_sound(int fd, const char *what, struct error *err);

/*
 * Have the file's bytes written to the device, and wait for it. They do not
 * survive a power cut by that alone: neither what the file system notes
 * about them nor the device's cache is flushed.
 */
int io_write_out(int fd, const char *what, struct error *err);

/* Close and say what it said; *fd is -1 afterwards, also on failure. */
int io_close(int *fd, const char *what, struct error *err);

/* Close where the outcome no longer matters; -1 is fine. */
void io_discard(int *fd);

/*
 * Open descriptors 0 to 2 where they are closed, so that no file is taken
 * for standard input or error. First thing in a program.
 */
void io_fill_descriptors(void);

#endif
