/* SPDX-License-Identifier: MIT */
/*
 * doctor - hookdir doctor: is all well, and what is there to do?
 *
 * For people, and for monitoring: exit 0, 1 or 2. A check is a row of a table
 * below; the first table is run once, the second for each spool.
 */
#include "hookdir/doctor.h"

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "hookdir/arguments.h"
#include "hookdir/pretty.h"
#include "hookdir/spools.h"
#include "json/json.h"

#define LINE_MAX_ ((size_t)64 << 10)
#define GROUPS	  256

struct check {
	const char *name;
	void (*run)(struct doctor *doctor);
};

static const struct check of_machine[] = {
	{ "socket", doctor_socket },
	{ "unit", doctor_unit },
	{ "clock", doctor_clock },
	{ "host", doctor_host },
	{ "keys", doctor_keys },
	{ "nginx", doctor_nginx },
	{ "apache", doctor_apache },
};

static const struct check of_spool[] = {
	{ "waiting", doctor_waiting },
	{ "runner", doctor_runner },
	{ "left-behind", doctor_left },
	{ "dead-letters", doctor_failed },
	{ "quarantine", doctor_quarantine },
	{ "silent", doctor_silent },
	{ "rights", doctor_parents },
	{ "file-system", doctor_file_system },
	{ "room", doctor_room },
	{ "inodes", doctor_inodes },
};

static const struct {
	const char *word;
	enum colour colour;
} verdicts[] = {
	[DOCTOR_FINE] = { "fine", COLOUR_GREEN },
	[DOCTOR_WARNING] = { "warning", COLOUR_YELLOW },
	[DOCTOR_CRITICAL] = { "critical", COLOUR_RED },
	[DOCTOR_UNCHECKED] = { "unchecked", COLOUR_CYAN },
};

static void
print_json(const struct doctor *doctor, enum verdict verdict, const char *text,
    const char *todo)
{
	struct buf out = BUF_INIT(LINE_MAX_);

	buf_printf(&out, "{\"check\":\"%s\",\"status\":\"%s\"", doctor->check,
	    verdicts[verdict].word);
	if (doctor->path)
		json_append_member(
		    &out, "spool", span_of(doctor->path), utf8_append_latin1);
	else
		buf_append_text(&out, ",\"spool\":null");
	json_append_member(&out, "text", span_of(text), utf8_append_latin1);
	json_append_member(&out, "do", span_of(todo), utf8_append_latin1);
	buf_append_text(&out, "}\n");
	pretty_plain(stdout, buf_span(&out));
	buf_free(&out);
}

static void
print_line(const struct doctor *doctor, enum verdict verdict, const char *text,
    const char *todo)
{
	terminal_start(&doctor->terminal, verdicts[verdict].colour);
	(void)printf("%-9s", verdicts[verdict].word);
	terminal_end(&doctor->terminal, verdicts[verdict].colour);
	(void)fputs("  ", stdout);
	if (doctor->path) {
		tool_print(
		    stdout, span_of(spools_name(doctor->path)), PATH_MAX);
		(void)fputs(": ", stdout);
	}
	(void)printf("%s: ", doctor->check);
	tool_print(stdout, span_of(text), LINE_MAX_);
	if (todo[0]) {
		(void)fputs("; ", stdout);
		tool_print(stdout, span_of(todo), LINE_MAX_);
	}
	(void)putchar('\n');
}

void
doctor_say(struct doctor *doctor, enum verdict verdict, const char *todo,
    const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (verdict != DOCTOR_UNCHECKED && verdict > doctor->worst)
		doctor->worst = verdict;
	if (doctor->quiet && verdict == DOCTOR_FINE)
		return;
	if (doctor->json)
		print_json(doctor, verdict, text, todo);
	else
		print_line(doctor, verdict, text, todo);
}

void
doctor_unchecked(struct doctor *doctor, const char *what)
{
	bool denied = errno == EACCES || errno == EPERM;
	struct error err = ERROR_INIT;

	(void)error_system(&err, "%s", what);
	doctor_say(doctor, DOCTOR_UNCHECKED, denied ? "run as root" : "", "%s",
	    err.text);
}

const char *
doctor_plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

enum verdict
doctor_judge(const struct threshold *threshold, uint64_t value)
{
	if (value >= threshold->critical)
		return DOCTOR_CRITICAL;
	return value >= threshold->warning ? DOCTOR_WARNING : DOCTOR_FINE;
}

bool
doctor_may(const struct passwd *user, const struct stat *st, int rights)
{
	gid_t groups[GROUPS];
	int count = GROUPS, i;
	mode_t mode = st->st_mode;

	if (user->pw_uid == 0)
		return true;
	if (user->pw_uid == st->st_uid)
		return ((int)(mode >> 6) & rights) == rights;
	if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
		count = GROUPS;
	for (i = 0; i < count; i++)
		if (groups[i] == st->st_gid)
			return ((int)(mode >> 3) & rights) == rights;
	return ((int)mode & rights) == rights;
}

static void
run(struct doctor *doctor, const struct check *checks, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		doctor->check = checks[i].name;
		checks[i].run(doctor);
	}
}

/* The handler makes a spool, in a directory that may be there, with its first
 * message: until then there is nothing to look at. */
static bool
is_unused(const char *path)
{
	char new_[PATH_MAX + 8];
	struct stat st;

	(void)snprintf(new_, sizeof(new_), "%s/new", path);
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	    stat(new_, &st) < 0 && errno == ENOENT;
}

static void
look_at_spool(struct doctor *doctor, const char *path)
{
	struct error err = ERROR_INIT;

	doctor->path = path;
	doctor->check = "spool";
	if (queue_open(&doctor->queue, path, &err) == 0)
		run(doctor, of_spool, sizeof(of_spool) / sizeof(of_spool[0]));
	else if (is_unused(path))
		doctor_say(doctor, DOCTOR_FINE, "", "no message has come yet");
	else
		doctor_say(doctor, DOCTOR_CRITICAL,
		    err.errnum == EACCES
			? "run hookdir doctor as root"
			: "is its disk mounted, and the name right?",
		    "%s", err.text);
	queue_close(&doctor->queue);
}

/* "WARNING[:CRITICAL]", each as read() takes it. */
static void
read_threshold(struct threshold *threshold, const char *option,
    const char *text, uint64_t (*read)(const char *, const char *))
{
	char warning[64];
	size_t len = strcspn(text, ":");

	(void)snprintf(warning, sizeof(warning), "%.*s", (int)len, text);
	threshold->warning = read(option, warning);
	threshold->critical =
	    text[len] ? read(option, text + len + 1) : UINT64_MAX;
}

static uint64_t
read_count(const char *option, const char *text)
{
	return tool_read_number(option, text, 0, UINT32_MAX);
}

static uint64_t
read_percent(const char *option, const char *text)
{
	return tool_read_number(option, text, 0, 100);
}

static void
read_room(struct threshold *room, const char *text)
{
	read_threshold(room, "--room", text, read_percent);
	if (room->critical == UINT64_MAX)
		room->critical = 0;
}

static void
read_options(int argc, char **argv, struct doctor *doctor, int *operands)
{
	static const struct option options[] = {
		{ "waiting", required_argument, NULL, 'w' },
		{ "failed", required_argument, NULL, 'f' },
		{ "quarantine", required_argument, NULL, 'q' },
		{ "silent", required_argument, NULL, 's' },
		{ "room", required_argument, NULL, 'r' },
		{ "socket", required_argument, NULL, 'S' },
		{ "etc", required_argument, NULL, 'e' },
		{ "quiet", no_argument, NULL, 'n' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int got;

	while ((got = arguments_next(argc, argv, options, operands)) != -1)
		switch (got) {
		case 'w':
			read_threshold(&doctor->waiting, "--waiting", optarg,
			    tool_read_span);
			break;
		case 'f':
			read_threshold(
			    &doctor->failed, "--failed", optarg, read_count);
			break;
		case 'q':
			read_threshold(&doctor->quarantine, "--quarantine",
			    optarg, read_count);
			break;
		case 's':
			read_threshold(&doctor->silent, "--silent", optarg,
			    tool_read_span);
			break;
		case 'r':
			read_room(&doctor->room, optarg);
			break;
		case 'S':
			doctor->socket = optarg;
			break;
		case 'e':
			doctor->etc = optarg;
			break;
		case 'n':
			doctor->quiet = true;
			break;
		default:
			doctor->json = true;
		}
}

int
tool_doctor(int argc, char **argv)
{
	struct doctor doctor = { .waiting = { 900, 3600 },
		.failed = { 1, 100 },
		.quarantine = { 1, 5000 },
		.silent = { UINT64_MAX, UINT64_MAX },
		.room = { 10, 3 },
		.socket = "/run/hookdir/hookdir.sock",
		.etc = "/etc/hookdir" };
	struct spools spools = SPOOLS_INIT;
	struct error err = ERROR_INIT;
	int operands = 0, code;
	size_t i;

	read_options(argc, argv, &doctor, &operands);
	terminal_look(&doctor.terminal);
	doctor.now = clock_now().tv_sec;
	run(&doctor, of_machine, sizeof(of_machine) / sizeof(of_machine[0]));
	if (spools_read(&spools, argv + 1, operands, &err) < 0) {
		doctor.check = "spools";
		doctor_say(&doctor, DOCTOR_CRITICAL,
		    "is hookdir installed, and its disk mounted?", "%s",
		    err.text);
	}
	for (i = 0; i < spools.count; i++)
		look_at_spool(&doctor, spools.paths[i]);
	spools_free(&spools);
	code = tool_finish(EX_OK);
	return code == EX_OK ? (int)doctor.worst : code;
}
