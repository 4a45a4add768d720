/* SPDX-License-Identifier: MIT */
/*
 * spools - a spool of its own for each test, and what stands in it
 */
#ifndef SPOOLS_H
#define SPOOLS_H

#include "support.h"

#include <grp.h>
#include <sys/wait.h>

#include "spool/spool.h"

#define PATH_ROOM 512

/* A folder for one test, and the spool's path in it */
struct place {
	char top[64];
	char spool[80];
};

static inline struct place
new_place(void)
{
	struct place place;

	make_folder(place.top);
	(void)snprintf(place.spool, sizeof(place.spool), "%s/spool", place.top);
	return place;
}

static inline void
leave_place(const struct place *place)
{
	remove_tree(place->top);
}

/* A path; good until the eighth call after this one */
__attribute__((format(printf, 1, 2))) static inline const char *
path_of(const char *fmt, ...)
{
	static char paths[8][PATH_ROOM];
	static unsigned next;
	char *path = paths[next++ % 8];
	va_list ap;

	va_start(ap, fmt);
	assert_true(vsnprintf(path, PATH_ROOM, fmt, ap) < PATH_ROOM);
	va_end(ap);
	return path;
}

/* SPOOL/NAME */
static inline const char *
in_spool(const struct place *place, const char *name)
{
	return path_of("%s/%s", place->spool, name);
}

/* SPOOL/FOLDER/NAME */
static inline const char *
in_folder(const struct place *place, const char *folder, const char *name)
{
	return path_of("%s/%s/%s", place->spool, folder, name);
}

/* Beside the spool */
static inline const char *
beside(const struct place *place, const char *name)
{
	return path_of("%s/%s", place->top, name);
}

static inline struct spool
must_open(const struct place *place)
{
	struct spool spool;
	struct error err = ERROR_INIT;

	if (spool_open(&spool, place->spool, &err) < 0)
		fail_msg("cannot open %s: %s", place->spool, err.text);
	return spool;
}

static inline int
deliver_at(const struct spool *spool, struct timespec when, const char *text,
    char name[SPOOL_NAME_SIZE], struct error *err)
{
	/* In two pieces, one of them empty: pieces are the usual case. */
	struct iovec pieces[3] = { { (void *)(uintptr_t)text, 1 }, { NULL, 0 },
		{ (void *)(uintptr_t)(text + 1), strlen(text) - 1 } };
	struct delivery delivery = { spool, when, pieces, 3 };

	return spool_deliver(&delivery, name, err);
}

static inline void
must_deliver(
    const struct spool *spool, const char *text, char name[SPOOL_NAME_SIZE])
{
	struct timespec when = { 1795280733, 123456789 };
	struct error err = ERROR_INIT;

	if (deliver_at(spool, when, text, name, &err) < 0)
		fail_msg("not delivered: %s", err.text);
}

/* The file holds just this text. */
static inline void
assert_file(const char *path, const char *want)
{
	struct buf got = BUF_INIT(ROOM);

	append_file_at(&got, AT_FDCWD, path);
	assert_same(path, buf_span(&got), span_of(want));
	buf_free(&got);
}

/* So many files in new/ and tmp/ */
static inline void
assert_counts(
    const char *what, const struct place *place, int in_new, int in_tmp)
{
	int got_new = count_entries(in_spool(place, "new"));
	int got_tmp = count_entries(in_spool(place, "tmp"));

	if (got_new != in_new || got_tmp != in_tmp)
		fail_msg("%s: got %d in new/ and %d in tmp/, want %d and %d",
		    what, got_new, got_tmp, in_new, in_tmp);
}

static inline mode_t
mode_of(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		fail_msg("no %s: %s", path, strerror(errno));
	return st.st_mode & 07777;
}

static inline void
put_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/*
 * Run a function in a child, as another user if uid is not 0 and we are
 * root; answers its exit status. For what cannot be undone in a process.
 */
static inline int
in_child(int (*work)(void *), void *argument, uid_t uid, gid_t gid)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		gid_t group = gid;

		if (uid &&
		    (setgroups(1, &group) < 0 || setgid(gid) < 0 ||
			setuid(uid) < 0))
			_exit(99);
		_exit(work(argument));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
