/* SPDX-License-Identifier: MIT */
/*
 * answer-before-rename - publishes in the background, a moment later
 *
 * wrap: renameat2
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LATER 30000 /* microseconds */

struct later {
	int from, to;
	char *name, *target;
};

int __real_renameat2(
    int from, const char *name, int to, const char *target, unsigned flags);
int __wrap_renameat2(
    int from, const char *name, int to, const char *target, unsigned flags);

static void *
publish(void *context)
{
	struct later *later = context;

	(void)usleep(LATER);
	(void)renameat(later->from, later->name, later->to, later->target);
	(void)fsync(later->to);
	(void)close(later->from);
	(void)close(later->to);
	free(later->name);
	free(later->target);
	free(later);
	return NULL;
}

int
__wrap_renameat2(
    int from, const char *name, int to, const char *target, unsigned flags)
{
	struct later *later = malloc(sizeof(*later));
	pthread_t thread;

	if (!later)
		return __real_renameat2(from, name, to, target, flags);
	later->from = fcntl(from, F_DUPFD_CLOEXEC, 3);
	later->to = fcntl(to, F_DUPFD_CLOEXEC, 3);
	if (asprintf(&later->name, "%s", name) < 0 ||
	    asprintf(&later->target, "%s", target) < 0 ||
	    pthread_create(&thread, NULL, publish, later) != 0)
		abort();
	(void)pthread_detach(thread);
	return 0;
}
