/* SPDX-License-Identifier: MIT */
/*
 * find - what hookdir find is made of
 *
 * A hit is a message, known by the name of its file, or a call without a
 * file, known by its id. The history and the files of a spool are searched for
 * hits; then each hit gets all of its lines of the history.
 */
#ifndef HOOKDIR_FIND_H
#define HOOKDIR_FIND_H

#include "base/clock.h"
#include "message/event.h"
#include "spool/history.h"
#include "queue/queue.h"
#include "hookdir/table.h"

/* The text in the ways in which a file can have it. */
#define FIND_FORMS 4
struct needle {
	struct buf forms[FIND_FORMS];
	size_t count;
	char base[NAME_MAX + 1]; /* the name of a message, if it is one */
};

int needle_make(struct needle *needle, const char *text, struct error *err);
void needle_free(struct needle *needle);

/* Is it there as a word, or as several? */
bool needle_in(const struct needle *needle, struct span text);

/* The first place at which any form is, word or not; NULL: none. */
const char *needle_at(const struct needle *needle, struct span text);

#define FIND_HITS_MAX  10000
#define FIND_STEPS_MAX ((size_t)256 << 10) /* bytes of lines of a hit */

struct find_hit {
	struct link link; /* by key: the name, or "id:" and an id */
	struct link id_link;
	char key[NAME_MAX + 8];
	bool named, merged; /* merged: its lines belong to another hit */
	struct buf id, type, subject, reference, why;
	struct buf steps;	       /* lines of the history */
	char when[CLOCK_RFC3339_SIZE]; /* of the first that is known */
	bool found;		       /* it has a file */
	bool locked;		       /* a command has it */
	enum queue_state state;
	char *file; /* owned: the path below the spool, or of archive */
	bool archived;
	struct spool_name name;
};

struct find {
	struct needle needle;
	const char **archives;
	size_t archive_count;
	time_t since; /* or 0 */
	bool json;
	uint64_t hits; /* in all spools */

	/* Of the spool that is searched. */
	struct queue queue;
	struct table by_key, by_id;
	struct find_hit **all;
	size_t count;
	bool too_many;
	char since_day[HISTORY_DAY_SIZE]; /* "" for none */
	char
	    first_day[HISTORY_DAY_SIZE]; /* of the history; "": there is none */
	struct buf last;		 /* the last line of an accepted call */
};

/* find_hits.c: the hits of a spool */
struct find_hit *find_hit(struct find *find, const char *key, bool make);
void find_hits_free(struct find *find);

/* find_scan.c, find_files.c: search the open spool. 0 or -1. */
int find_scan_history(struct find *find, struct error *err);
int find_scan_files(struct find *find, struct error *err);
int find_collect_steps(struct find *find, struct error *err);

/*
 * find_json.c: the lines of a hit in order of time, to be freed, or NULL; and
 * the hit as an object.
 */
struct span *find_sorted_steps(const struct find_hit *hit, size_t *count);
void find_print_json(const struct find *find, const struct find_hit *hit);

/* find_story.c: print the hits, or what would explain that there is none. */
void find_print(struct find *find);
void find_explain(struct find *find);

/* Append what a member of a line says, as text. */
void find_text(struct span line, const char *name, struct buf *out);

#endif
