/* SPDX-License-Identifier: MIT */
/*
 * any-order - takes each message for one about another thing
 *
 * wrap: subject_read
 */
#include "base/hmac.h"
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
	struct error ignored = ERROR_INIT;

	if (rc == 1 && subject)
		(void)sha256_hex(span_of(file), subject->group, &ignored);
	return rc;
}
