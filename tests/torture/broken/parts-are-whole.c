/* SPDX-License-Identifier: MIT */
/*
 * parts-are-whole - takes each message for the whole state of its thing
 *
 * wrap: subject_read
 */
#include "hookdir/subject.h"

typedef int subject_reader(const struct queue *, enum queue_state, const char *,
    const char *, struct subject *, struct error *);

/* The handler has none. */
extern subject_reader __real_subject_read __attribute__((weak));
subject_reader __wrap_subject_read;

int
__wrap_subject_read(const struct queue *queue, enum queue_state state,
    const char *file, const char *type, struct subject *subject,
    struct error *err)
{
	int rc = __real_subject_read(queue, state, file, type, subject, err);

	if (rc == 1 && subject)
		subject->whole = true;
	return rc;
}
