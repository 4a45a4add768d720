/* SPDX-License-Identifier: MIT */
/*
 * spool_name - the name of a message's file: made, read and written again
 *
 * A message is named when it arrives, see hookdir-spool(5). The runner adds
 * what it has to remember before the ".json", and nothing else is changed:
 *
 *	BASE.json                          as it arrived
 *	BASE,tries=2.json                  run twice, the second time now
 *	BASE,tries=2,next=1795292800.json  not before this time again
 *	BASE,later=3,next=1795292800.json  put off three times, see 75
 *	BASE,missed=1.json                 could not be read in one pass
 *	BASE,alone.json                    a command that was given many has
 *	                                   died and not answered this one
 *	BASE,tries=1,end=archive.json      done, and no room in the archive
 *
 * Names that are not ours are taken as they are: all but the ending is BASE.
 */
#ifndef HOOKDIR_SPOOL_NAME_H
#define HOOKDIR_SPOOL_NAME_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * The command has ended, and its message could not be put where it belongs:
 * it is when that is possible, and not run again.
 */
enum spool_end {
	SPOOL_END_NONE,
	SPOOL_END_DONE,	   /* to be removed, or to the archive */
	SPOOL_END_ARCHIVE, /* to an archive, and never removed without one */
	SPOOL_END_FAILED   /* to failed/ */
};

/* 2020: what is older was written by a clock that had not been set. */
#define SPOOL_TIME_MIN INT64_C(1577836800)

/* Room for the name of a new message: the longest host name, a label, NUL. */
#define SPOOL_NAME_SIZE 160

/*
 * The name of a message that arrives now: SECONDS.M<usec>P<pid>Q<count>.HOST,
 * the label, and ".json". Unique on every machine that shares the directory:
 * time, process and counter make it so on one, the host's name among them.
 */
void spool_name_new(
    struct timespec received, const char *label, char name[SPOOL_NAME_SIZE]);

struct spool_name {
	char base[NAME_MAX + 1];
	bool json;		 /* it ends in ".json" */
	struct timespec arrived; /* tv_sec is 0 where the name does not say,
				  * or its clock was before SPOOL_TIME_MIN */
	unsigned tries;		 /* times that it was run, and that count */
	unsigned later;		 /* times that it was put off, which do not */
	unsigned missed;	 /* passes in which it could not be read */
	bool alone;		 /* to be given to a command by itself */
	time_t next;		 /* not to be run before; 0: at any time */
	enum spool_end end;	 /* what became of it, in cur/ */
};

/* Most that is remembered; more is this. */
#define SPOOL_TRIES_MAX 999999u

/* False for what is no message: names that begin with a dot. */
bool spool_name_parse(const char *file, struct spool_name *name);

/* The file's name. What was parsed fits, and what was shortened always does. */
void spool_name_format(const struct spool_name *name, char file[NAME_MAX + 1]);

/* Back to the name that it had when it arrived. */
void spool_name_forget(struct spool_name *name);

/*
 * Before something is added to a name: a base that leaves no room for that
 * loses its end, for a digest of the whole. Others stay as they are.
 */
void spool_name_shorten(struct spool_name *name);

/*
 * May it be run now? A time that lies more than a year ahead was written
 * by a clock that was wrong, and does not count. hookdir run knows better
 * what can be: its own longest back-off.
 */
#define SPOOL_NEXT_MAX (366 * 86400)
bool spool_name_is_due(const struct spool_name *name, time_t now);

/* Below 0, 0 or above: the order of arrival, as far as names know it. */
int spool_name_compare(const char *a, const char *b);

/* Sort names by that; accepts NULL where count is 0. */
void spool_name_sort(char **files, size_t count);

#endif
