/* SPDX-License-Identifier: MIT */
/*
 * spool_name - what the name of a message's file says
 *
 * A message is named when it arrives, see hookdir-spool(5). The runner adds
 * what it has to remember before the ".json", and nothing else is changed:
 *
 *	BASE.json                          as it arrived
 *	BASE,tries=2.json                  run twice, the second time now
 *	BASE,tries=2,next=1795292800.json  not before this time again
 *	BASE,later=3,next=1795292800.json  put off three times, see 75
 *
 * Names that are not ours are taken as they are: all but the ending is BASE.
 */
#ifndef HOOKDIR_SPOOL_NAME_H
#define HOOKDIR_SPOOL_NAME_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct spool_name {
	char base[NAME_MAX + 1];
	bool json;		 /* it ends in ".json" */
	struct timespec arrived; /* tv_sec is 0 where the name does not say */
	unsigned tries;		 /* times that it was run, and that count */
	unsigned later;		 /* times that it was put off, which do not */
	time_t next;		 /* not to be run before; 0: at any time */
};

/* Most that is remembered; more is this. */
#define SPOOL_TRIES_MAX 999999u

/*
 * False for what is no message: names that begin with a dot, or are so long
 * that nothing could be added to them.
 */
bool spool_name_parse(const char *file, struct spool_name *name);

/* The file's name. Whatever was parsed fits. */
void spool_name_format(const struct spool_name *name, char file[NAME_MAX + 1]);

/*
 * May it be run now? A time that lies more than a year ahead was written
 * by a clock that was wrong, and does not count.
 */
#define SPOOL_NEXT_MAX (366 * 86400)
bool spool_name_is_due(const struct spool_name *name, time_t now);

/* Below 0, 0 or above: the order of arrival, as far as names know it. */
int spool_name_compare(const char *a, const char *b);

/* Sort names by that; accepts NULL where count is 0. */
void spool_name_sort(char **files, size_t count);

#endif
