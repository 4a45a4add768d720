/* SPDX-License-Identifier: MIT */
/*
 * history - what happened to messages, a line each, for people to look up
 *
 * SPOOL/history/ has two files a day (UTC): YYYY-MM-DD.in.jsonl is the
 * receiver's, YYYY-MM-DD.out.jsonl that of consumers and operators. Each line
 * is a JSON object, see hookdir-spool(5). A line is appended by one write(2)
 * and never flushed: no promise rests on it, and a caller goes on whatever
 * these functions return.
 */
#ifndef HOOKDIR_HISTORY_H
#define HOOKDIR_HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"

#define HISTORY_DIRECTORY "history"

/* Lines a day for calls that were refused by one rule; more are counted. */
#define HISTORY_REFUSED_MAX 1000

/* No line is longer. */
#define HISTORY_LINE_MAX 16384

enum history_side {
	HISTORY_IN,
	HISTORY_OUT
};

/* What is NULL, empty or below 0 is left out. */
struct history_entry {
	struct timespec time;
	const char *event; /* "accepted", "retry" ... */
	struct span name;  /* of the file, without what is added to it */
	struct span id, type, subject, reference, version;
	const char *sender, *key, *rule;
	struct span detail;
	int64_t bytes, by; /* size of the body; a user's number */
	int status;	   /* of HTTP, or the command's exit status */
};

#define HISTORY_ENTRY_INIT                                                     \
	{                                                                      \
		.bytes = -1, .by = -1, .status = -1                            \
	}

/* Append a line to the spool that is open as root. 0 or -1. */
int history_add(int root, enum history_side side,
    const struct history_entry *entry, struct error *err);

/*
 * Count so many refused calls, in YYYY-MM-DD.refused. True where the day's
 * count of that rule is within HISTORY_REFUSED_MAX, and the call is to have a
 * line. Processes that count at the same moment may lose a count.
 */
bool history_count_refused(
    int root, struct timespec when, enum error_code code, unsigned calls);

/* Calls that were refused by that rule on that day: "2026-11-21". */
uint64_t history_refused(int root, const char *day, enum error_code code);

/* "2026-11-21", in UTC */
#define HISTORY_DAY_SIZE 11
void history_day(time_t when, char day[HISTORY_DAY_SIZE]);

/* The days that history/ has lines of, sorted. Free at. 0 or -1. */
struct history_days {
	char (*at)[HISTORY_DAY_SIZE];
	size_t count;
};
int history_days(int root, struct history_days *days, struct error *err);

/* Does this file of history/ belong to a day? Then *day says which. */
bool history_is_file(const char *file, char day[HISTORY_DAY_SIZE]);

/* Remove the files of days before that one, and count them. -1: failed. */
int history_expire(int root, const char *day, bool dry_run, unsigned *count,
    struct error *err);

/*
 * The lines of a file, in pieces of a few megabytes of whole lines. A line
 * without an end is none, nor is what is longer than a piece.
 */
struct history_reader {
	int fd; /* -1: there is no such file */
	struct buf piece;
	struct span next; /* what history_next() has not returned yet */
	size_t done;	  /* bytes at the front of the piece that were given */
};

int history_open(struct history_reader *reader, int root, const char *day,
    enum history_side side, struct error *err);
void history_close(struct history_reader *reader);

/* 1, or 0 at the end of the file, which may grow, or -1. */
int history_piece(
    struct history_reader *reader, struct span *lines, struct error *err);

/* The next line, in the same way. */
int history_next(
    struct history_reader *reader, struct span *line, struct error *err);

/*
 * What is sound of a line that may be torn: each begins with "{"time":", and
 * where two run into each other that is the last one. False: none of it is.
 */
bool history_sound(struct span *line);

/*
 * The text of a member of a line, as JSON has it between its quotes, or a
 * number; empty where there is none.
 */
struct span history_member(struct span line, const char *name);

#endif
