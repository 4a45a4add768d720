/* SPDX-License-Identifier: MIT */
/*
 * health - the role that says whether a message could be stored
 *
 * One thread checks a spool at a time, and not more than once a second. The
 * others return its last result, so that many callers cost no more than one.
 * A check that does not end, as on a server of files that is gone, holds one
 * thread: after HEALTH_PATIENCE the others return a failure without waiting.
 */
#include "health.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"

#define HEALTH_EVERY	INT64_C(1000000) /* microseconds */
#define HEALTH_PATIENCE INT64_C(2000000)
#define HEALTH_SPOOLS	64 /* checked by one process */

/* An order of this size needs a block of its own. */
#define HEALTH_BYTES 4096

struct slot {
	char *spool;   /* owned, for good */
	int64_t began; /* the check that is running; 0: none is */
	int64_t ended; /* the last one; 0: there was none */
	struct error result;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static struct slot slots[HEALTH_SPOOLS];

static int
write_file(const struct spool *spool, struct error *err)
{
	static char bytes[HEALTH_BYTES];
	struct iovec iov = { bytes, sizeof(bytes) };
	const struct delivery delivery = { spool, clock_now(), &iov, 1 };
	struct draft draft = DRAFT_INIT;
	int rc;

	if (faccessat(spool->new_, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return error_system(err, "cannot write to new/");
	if (spool_write(&delivery, &draft, err) < 0)
		return -1;
	rc = draft.fd < 0 ? 0 : io_fsync(draft.fd, "a file in tmp/", err);
	io_discard(&draft.fd);
	if (unlinkat(spool->tmp, draft.name, 0) < 0)
		rc = error_system(err, "cannot remove a file from tmp/");
	if (rc == 0)
		rc = io_fsync(spool->tmp, "tmp/", err);
	return rc == 0 ? io_check_sound(spool->tmp, "the spool", err) : rc;
}

/* As receive() opens it: where that would make the spool, so does this. */
static int
check(const struct endpoint *ep, bool *made, struct error *err)
{
	struct spool spool = SPOOL_INIT;
	int rc = ep->create ? spool_open(&spool, ep->spool, err)
			    : spool_find(&spool, ep->spool, err);

	if (rc == 0)
		rc = write_file(&spool, err);
	*made = spool.made;
	spool_close(&spool);
	return rc;
}

/* The slot of a spool; NULL without room for another. Locked. */
static struct slot *
find(const char *spool)
{
	size_t i;

	for (i = 0; i < HEALTH_SPOOLS && slots[i].spool; i++)
		if (strcmp(slots[i].spool, spool) == 0)
			return &slots[i];
	if (i == HEALTH_SPOOLS)
		return NULL;
	slots[i].spool = strdup(spool);
	return slots[i].spool ? &slots[i] : NULL;
}

/* Locked, and unlocked while it checks. */
static void
run(struct slot *slot, struct exchange *x)
{
	struct error result = ERROR_INIT;

	slot->began = clock_monotonic();
	(void)pthread_mutex_unlock(&lock);
	(void)check(&x->endpoint, &x->spool.made, &result);
	(void)pthread_mutex_lock(&lock);
	slot->result = result;
	slot->ended = clock_monotonic();
	slot->began = 0;
	(void)pthread_cond_broadcast(&ended);
}

/* Locked. Only the first callers of all wait, until there is a result. */
static void
wait_for_first(void)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1;
	(void)pthread_cond_timedwait(&ended, &lock, &until);
}

/* Locked. */
static int
share(struct slot *slot, struct exchange *x)
{
	int64_t now = clock_monotonic();

	if (!slot->began && (!slot->ended || now - slot->ended >= HEALTH_EVERY))
		run(slot, x);
	while (slot->began && now - slot->began < HEALTH_PATIENCE &&
	    !slot->ended) {
		wait_for_first();
		now = clock_monotonic();
	}
	if (slot->began && now - slot->began >= HEALTH_PATIENCE)
		return error_set(&x->error, ERROR_SYSTEM,
		    "a file written to the spool is not flushed after %d s",
		    (int)(HEALTH_PATIENCE / 1000000));
	x->error = slot->result;
	return slot->result.code ? -1 : 0;
}

int
health(struct exchange *x)
{
	struct slot *slot;
	int rc;

	if (request_check_method(x->request, HEALTH_METHODS, &x->error) < 0)
		return -1;
	(void)pthread_mutex_lock(&lock);
	slot = find(x->endpoint.spool);
	rc = slot ? share(slot, x)
		  : error_set(&x->error, ERROR_CONFIGURATION,
			"HOOKDIR_ROLE: health, for more than %d spools",
			HEALTH_SPOOLS);
	(void)pthread_mutex_unlock(&lock);
	return rc;
}
