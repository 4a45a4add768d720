/* SPDX-License-Identifier: MIT */
/*
 * doctor - what the checks of hookdir doctor share
 *
 * A check looks at one thing and reports each finding with doctor_say(). It
 * changes nothing, and opens no connection.
 */
#ifndef HOOKDIR_DOCTOR_H
#define HOOKDIR_DOCTOR_H

#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "hookdir/terminal.h"
#include "queue/queue.h"

enum verdict {
	DOCTOR_FINE,
	DOCTOR_WARNING,
	DOCTOR_CRITICAL,
	DOCTOR_UNCHECKED /* could not be looked at; changes no exit status */
};

/* From which value on: UINT64_MAX for never. */
struct threshold {
	uint64_t warning, critical;
};

struct doctor {
	struct threshold waiting; /* seconds */
	struct threshold failed, quarantine, silent;
	struct threshold room; /* percent that is free, or less */
	const char *socket, *etc;
	bool json, quiet;
	struct terminal terminal;
	time_t now;

	/* Of the spool that is looked at; path is NULL for the machine. */
	const char *path;
	struct queue queue;

	const char *check; /* the row of the table */
	enum verdict worst;
};

/* A line: what is found, and what to do, which may be "". */
void doctor_say(struct doctor *doctor, enum verdict verdict, const char *todo,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same for what a failed system call kept from being looked at; errno. */
void doctor_unchecked(struct doctor *doctor, const char *what);

/* What a word has at its end for so many: "s", or "". */
const char *doctor_plural(uint64_t count);

/* The verdict on a value that is bad when it is large. */
enum verdict doctor_judge(const struct threshold *threshold, uint64_t value);

/* Has the user these rights (of R_OK, W_OK, X_OK) by mode and groups? */
bool doctor_may(const struct passwd *user, const struct stat *st, int rights);

/* doctor_messages.c */
void doctor_waiting(struct doctor *doctor);
void doctor_failed(struct doctor *doctor);
void doctor_quarantine(struct doctor *doctor);
void doctor_silent(struct doctor *doctor);
void doctor_left(struct doctor *doctor);
void doctor_runner(struct doctor *doctor);

/* doctor_disk.c */
void doctor_file_system(struct doctor *doctor);
void doctor_room(struct doctor *doctor);
void doctor_inodes(struct doctor *doctor);

/* doctor_access.c */
void doctor_parents(struct doctor *doctor);
void doctor_socket(struct doctor *doctor);
void doctor_keys(struct doctor *doctor);

/* doctor_machine.c */
void doctor_unit(struct doctor *doctor);
void doctor_clock(struct doctor *doctor);
void doctor_host(struct doctor *doctor);

/* doctor_web.c */
void doctor_nginx(struct doctor *doctor);
void doctor_apache(struct doctor *doctor);

#endif
