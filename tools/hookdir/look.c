/* SPDX-License-Identifier: MIT */
/*
 * look - what can be told of a message at a glance
 */
#include "hookdir/look.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/io.h"
#include "hookdir/subject.h"

/* Whoever writes more than this before the data is not worth the memory. */
#define FRONT_MAX ((size_t)4 << 20)

void
look_init(struct look *look)
{
	memset(look, 0, sizeof(*look));
	event_init(&look->event);
	look->event.text.max = FRONT_MAX;
}

void
look_free(struct look *look)
{
	event_free(&look->event);
}

struct timespec
look_arrival(const struct spool_name *name, const struct stat *st)
{
	struct timespec unknown = { 0, 0 };

	if (name->arrived.tv_sec)
		return name->arrived;
	if (st->st_mtim.tv_sec >= SPOOL_TIME_MIN)
		return st->st_mtim;
	return st->st_ctim.tv_sec >= SPOOL_TIME_MIN ? st->st_ctim : unknown;
}

bool
look_at(struct look *look, const struct queue *queue, enum queue_state state,
    const char *file, const struct spool_name *name)
{
	int fd;

	look->failed = (struct error)ERROR_INIT;
	look->locked = false;
	memset(&look->st, 0, sizeof(look->st));
	fd = queue_open_file(queue, state, file, &look->st, &look->failed);
	if (fd < 0 && look->failed.errnum == ENOENT)
		return false;
	/* What cannot be opened has a size and an age all the same. */
	if (fd < 0)
		(void)fstatat(
		    queue->states[state], file, &look->st, AT_SYMLINK_NOFOLLOW);
	look->arrived = look_arrival(name, &look->st);
	if (fd < 0)
		return true;
	if (event_peek(&look->event, fd, &look->failed) == 0 &&
	    event_get(&look->event, EVENT_TYPE).len == 0)
		(void)error_set(&look->failed, ERROR_FORM, "not an event");
	if (look->failed.code == ERROR_NONE)
		event_find_reference(&look->event, fd);
	/* Shared: a lock for one alone shows, and none is kept from others. */
	look->locked = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	io_discard(&fd);
	return true;
}

struct span
look_type(const struct look *look)
{
	if (look->failed.code)
		return (struct span){ NULL, 0 };
	return event_get(&look->event, EVENT_TYPE);
}

bool
look_matches(const struct look *look, const char *glob)
{
	struct span type = look_type(look);

	return subject_type_matches(type.len ? type : span_of(""), glob);
}
