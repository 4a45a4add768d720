/* SPDX-License-Identifier: MIT */
/*
 * jwks - a file with a key set, read when it changes
 *
 * A change shows in the file's identity, size or times. The file may be
 * exchanged at any moment, so it is looked at by its descriptor: what was
 * read is what was looked at.
 */
#include "jose/jwks.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "jose/kids.h"

#define FILES_MAX 256

struct jwks {
	atomic_uint holders;
	struct jwk_set *set;
	struct timespec fetched; /* when the fetch of the file began */
	struct file *file;
};

/* What is known of one file. */
struct file {
	char *path;
	struct stat seen;  /* as it was when it was last read */
	struct jwks *good; /* NULL: there never were good keys */
	struct error why;  /* what was wrong with it when it was last read */
	struct kids kids;  /* that tokens have named and it lacks */
	uint64_t used;	   /* the highest was used last */
};

static struct file files[FILES_MAX];
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	    a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	    a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int
read_all(int fd, struct buf *text, struct error *err)
{
	ssize_t got = 1;
	char *room;

	while (got > 0) {
		room = buf_room(text, 65536);
		if (!room)
			return error_set(err, ERROR_CONFIGURATION, "too large");
		got = read(fd, room, 65536);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got < 0)
			return error_system(err, "cannot read");
		else
			text->len += (size_t)got;
	}
	return 0;
}

/*
 * hookdir-jwks gives the file the time at which it began to fetch. Another
 * program may give it that of the server or none, but cannot choose ctime.
 */
static struct timespec
fetched_at(const struct stat *st)
{
	return st->st_mtim.tv_sec < st->st_ctim.tv_sec ||
		(st->st_mtim.tv_sec == st->st_ctim.tv_sec &&
		    st->st_mtim.tv_nsec < st->st_ctim.tv_nsec)
	    ? st->st_mtim
	    : st->st_ctim;
}

/* The keys of a new file, held once for the table. */
static int
load(int fd, struct jwks **jwks, struct error *err)
{
	struct buf text = BUF_INIT(JWK_BYTES_MAX + 65536);
	struct jwks *made = calloc(1, sizeof(*made));
	int rc = -1;

	if (!made)
		(void)error_set(err, ERROR_MEMORY, "no memory for keys");
	else if (read_all(fd, &text, err) == 0 &&
	    jwk_set_read(buf_span(&text), &made->set, err) == 0)
		rc = 0;
	buf_free(&text);
	if (rc < 0) {
		free(made);
		return -1;
	}
	atomic_init(&made->holders, 1);
	*jwks = made;
	return 0;
}

/* A free entry; if there is none, that which was used the longest ago. */
static struct file *
free_entry(void)
{
	struct file *oldest = &files[0];
	size_t i;

	for (i = 0; i < FILES_MAX; i++) {
		if (!files[i].path)
			return &files[i];
		if (files[i].used < oldest->used)
			oldest = &files[i];
	}
	jwks_release(oldest->good);
	free(oldest->path);
	memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

/* The table's entry for a path; the caller holds files_lock. */
static struct file *
find_file(const char *path, struct error *err)
{
	static uint64_t uses;
	struct file *file;
	size_t i;

	for (i = 0; i < FILES_MAX && files[i].path; i++)
		if (strcmp(files[i].path, path) == 0)
			break;
	file = i < FILES_MAX && files[i].path ? &files[i] : free_entry();
	if (!file->path)
		file->path = strdup(path);
	if (!file->path) {
		(void)error_set(err, ERROR_MEMORY, "no memory for keys");
		return NULL;
	}
	file->used = ++uses;
	return file;
}

/*
 * Read the file again if it has changed. What is wrong with it goes to
 * *err once; it is in file->why as long as it stays wrong.
 */
static void
refresh(struct file *file, struct error *err)
{
	struct jwks *fresh;
	struct stat st;
	/* What is no file must not keep us waiting. */
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	memset(&st, 0, sizeof(st));
	if (fd >= 0 && fstat(fd, &st) == 0 && is_same(&st, &file->seen))
		goto out;
	/* Away, and it was away the last time: that has been said. */
	if (fd < 0 && is_same(&st, &file->seen) && file->why.code != ERROR_NONE)
		goto out;
	file->seen = st;
	file->why = (struct error)ERROR_INIT;
	if (fd < 0) {
		(void)error_system(&file->why, "cannot open");
	} else if (load(fd, &fresh, &file->why) == 0) {
		jwks_release(file->good);
		file->good = fresh;
		fresh->fetched = fetched_at(&st);
		fresh->file = file;
	}
	if (file->why.code != ERROR_NONE)
		*err = file->why;
	/* What was wrong with us and not with it may be over next time. */
	if (file->why.code != ERROR_NONE &&
	    file->why.code != ERROR_CONFIGURATION && fd >= 0)
		memset(&file->seen, 0, sizeof(file->seen));
out:
	io_discard(&fd);
}

int
jwks_hold(const char *path, struct jwks **jwks, struct error *err)
{
	struct file *file;
	int rc = -1;

	(void)pthread_mutex_lock(&files_lock);
	file = find_file(path, err);
	if (file)
		refresh(file, err);
	if (file && file->good) {
		atomic_fetch_add(&file->good->holders, 1);
		*jwks = file->good;
		rc = 0;
	} else if (file && err->code == ERROR_NONE) {
		*err = file->why;
	}
	(void)pthread_mutex_unlock(&files_lock);
	return rc;
}

void
jwks_release(struct jwks *jwks)
{
	if (jwks && atomic_fetch_sub(&jwks->holders, 1) == 1) {
		jwk_set_free(jwks->set);
		free(jwks);
	}
}

int
jwks_may_come(const struct jwks *jwks, const char *kid, struct timespec now,
    struct error *err)
{
	int rc;

	(void)pthread_mutex_lock(&files_lock);
	rc = kids_may_come(&jwks->file->kids, kid, jwks->fetched, now, err);
	(void)pthread_mutex_unlock(&files_lock);
	return rc;
}

const struct jwk_set *
jwks_keys(const struct jwks *jwks)
{
	return jwks->set;
}
