/* SPDX-License-Identifier: MIT */
/*
 * tool - what the subcommands of hookdir and hookdir-net share
 *
 * A subcommand is one file with one function, named in the table of its
 * program's main.c.
 * It gets its own arguments as main() does, argv[0] being its name, and
 * answers with an exit code of sysexits(3). Errors are one line on standard
 * error that begins with "hookdir NAME: ".
 */
#ifndef HOOKDIR_TOOL_H
#define HOOKDIR_TOOL_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sysexits.h>
#include <time.h>

#include "base/buf.h"
#include "base/error.h"
#include "queue/queue.h"

struct tool {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage; /* arguments: "[--json] SPOOL" */
	const char *help;  /* what it does, and a line for each option */
};

int tool_list(int argc, char **argv);
int tool_find(int argc, char **argv);
int tool_history(int argc, char **argv);
int tool_show(int argc, char **argv);
int tool_run(int argc, char **argv);
int tool_requeue(int argc, char **argv);
int tool_hold(int argc, char **argv);
int tool_release(int argc, char **argv);
int tool_reverify(int argc, char **argv);
int tool_expire(int argc, char **argv);
int tool_stats(int argc, char **argv);
int tool_add(int argc, char **argv);
int tool_remove(int argc, char **argv);
int tool_rotate(int argc, char **argv);
int tool_endpoints(int argc, char **argv);
int tool_doctor(int argc, char **argv);
int tool_senders(int argc, char **argv);

/*
 * The whole of main(): --help, --version, or the subcommand that argv[1]
 * names. Returns the exit code.
 */
int tool_main(int argc, char **argv, const char *program,
    const struct tool *tools, size_t count);

/* The row of the subcommand that is running. */
const struct tool *tool_current(void);

/* One line on standard error; answers code, for "return tool_fail(...)". */
int tool_fail(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void tool_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same for what is no reason to worry. */
void tool_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Begin a line on standard error: "hookdir NAME: ", and where that is the
 * journal, the priority in front of it; see sd-daemon(3).
 */
enum tool_priority {
	TOOL_ERROR = 3,
	TOOL_WARNING = 4,
	TOOL_NOTICE = 5,
	TOOL_INFO = 6
};
void tool_begin_line(enum tool_priority priority);

/* The same for an error, and the exit code that fits it. */
int tool_error(const struct error *err);

/* Wrong arguments: the line, the usage, and EX_USAGE. */
int tool_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * The next option as getopt_long() gives it, long names only; -1 at the
 * end. --help is done here and ends the program; so does what is unknown.
 */
int tool_option(int argc, char **argv, const struct option *options);

/*
 * The path of a spool of the command line: a word with a slash is a path, and
 * so are "." and ".."; another is a name in the directory of spools, which is
 * HOOKDIR_SPOOLS or /var/spool/hookdir. Returns path.
 */
const char *tool_spools(void);
const char *tool_spool(const char *called, char path[PATH_MAX]);

/* Open the spool of the command line; else the code to exit with. */
int tool_open_queue(struct queue *queue, const char *called);

/* What is written to standard output must arrive: EX_OK, or EX_IOERR. */
int tool_finish(int code);

/*
 * Read an option's value. Each ends the program with EX_USAGE and a line
 * that names the option when it is wrong.
 *
 * A span of time in seconds: "90", "90s", "5m", "12h", "30d".
 * A time: RFC 3339 ("2026-11-21T17:05:33Z"), a date, "@SECONDS", or a span,
 *	which is that long ago.
 * A set of states (1u << QUEUE_NEW ...): "new", or "failed,quarantine".
 * A number within limits.
 */
uint64_t tool_read_span(const char *option, const char *text);
time_t tool_read_time(const char *option, const char *text);
unsigned tool_read_states(const char *option, const char *text);
uint64_t tool_read_number(
    const char *option, const char *text, uint64_t least, uint64_t most);

/*
 * Text from outside, fit for a terminal: what is no UTF-8 or could steer a
 * terminal stands as \xNN. At most max bytes of it, then "...".
 */
void tool_print(FILE *out, struct span text, size_t max);

/*
 * The bytes of the first character, where it is printed as it is: printable
 * ASCII, or one beyond the controls of C1. 0: its first byte is escaped.
 */
size_t tool_printable(struct span text);

/* "2026-11-21 18:05:33", in local time. */
void tool_print_time(FILE *out, time_t when);

/* "42s", "7m", "3h", "12d"; "5.2k", "1.1M". */
#define TOOL_SHORT_SIZE 24
void tool_short_span(int64_t seconds, char text[TOOL_SHORT_SIZE]);
void tool_short_size(uint64_t bytes, char text[TOOL_SHORT_SIZE]);

#endif
