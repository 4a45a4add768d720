/* SPDX-License-Identifier: MIT */
/*
 * tool - what the subcommands of hookdir share
 */
#include "hookdir/tool.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "base/utf8.h"

#define NUMBER_MAX 999999999999999 /* 15 digits */

/* systemd.exec(5): JOURNAL_STREAM is "DEVICE:INODE" of the stream. */
static bool
is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	    st.st_ino == inode;
}

void
tool_begin_line(enum tool_priority priority)
{
	if (is_journal())
		(void)fprintf(stderr, "<%d>", (int)priority);
	(void)fprintf(stderr, "hookdir %s: ", tool_current()->name);
}

/* Names of files and what others say are in it: not as they are. */
static void say(enum tool_priority priority, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void
say(enum tool_priority priority, const char *fmt, va_list ap)
{
	char text[2048];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	tool_begin_line(priority);
	tool_print(stderr, span_of(text), sizeof(text) * 4);
	(void)fputc('\n', stderr);
}

int
tool_fail(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(TOOL_ERROR, fmt, ap);
	va_end(ap);
	return code;
}

void
tool_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(TOOL_WARNING, fmt, ap);
	va_end(ap);
}

void
tool_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(TOOL_NOTICE, fmt, ap);
	va_end(ap);
}

static int
code_of(const struct error *err)
{
	if (err->code == ERROR_CONFIGURATION)
		return EX_CONFIG;
	if (error_class(err->code) != CLASS_FAULT)
		return EX_DATAERR;
	if (err->errnum == ENOENT || err->errnum == ENOTDIR)
		return EX_NOINPUT;
	if (err->errnum == EACCES || err->errnum == EPERM)
		return EX_NOPERM;
	return err->code == ERROR_SYSTEM ? EX_IOERR : EX_OSERR;
}

/* What to do about a denied permission */
static const char *
way_in(const struct error *err)
{
	const struct passwd *user = getpwuid(geteuid());

	if ((err->errnum != EACCES && err->errnum != EPERM) || geteuid() == 0)
		return "";
	if (strstr(err->text, " /etc/"))
		return "; run as root: files with keys are readable for root "
		       "alone";
	if (user && strcmp(user->pw_name, "hookdir") == 0)
		return "";
	return "; run as user hookdir or join the group hookdir";
}

int
tool_error(const struct error *err)
{
	return tool_fail(code_of(err), "%s%s", err->text, way_in(err));
}

static void
print_usage(FILE *out)
{
	(void)fprintf(out, "usage: hookdir %s %s\n", tool_current()->name,
	    tool_current()->usage);
}

int
tool_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(TOOL_ERROR, fmt, ap);
	va_end(ap);
	print_usage(stderr);
	return EX_USAGE;
}

int
tool_option(int argc, char **argv, const struct option *options)
{
	/* "+": what comes after the first argument is no option of ours. */
	int got = getopt_long(argc, argv, "+h", options, NULL);

	if (got == 'h') {
		print_usage(stdout);
		(void)printf("\n%s", tool_current()->help);
		exit(tool_finish(EX_OK));
	}
	if (got == '?') {
		print_usage(stderr);
		exit(EX_USAGE);
	}
	return got;
}

const char *
tool_spools(void)
{
	const char *directory = getenv("HOOKDIR_SPOOLS");

	return directory && directory[0] ? directory : "/var/spool/hookdir";
}

const char *
tool_spool(const char *called, char path[PATH_MAX])
{
	bool is_path = strchr(called, '/') || strcmp(called, ".") == 0 ||
	    strcmp(called, "..") == 0 || called[0] == '\0';

	(void)snprintf(path, PATH_MAX, "%s%s%s", is_path ? "" : tool_spools(),
	    is_path ? "" : "/", called);
	return path;
}

int
tool_open_queue(struct queue *queue, const char *called)
{
	struct error err = ERROR_INIT;
	char path[PATH_MAX];

	if (queue_open(queue, tool_spool(called, path), &err) < 0)
		return tool_error(&err);
	return EX_OK;
}

int
tool_finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	return tool_fail(EX_IOERR, "cannot write to standard output");
}

static void refuse_value(const char *option, const char *text,
    const char *wanted) __attribute__((noreturn));

static void
refuse_value(const char *option, const char *text, const char *wanted)
{
	exit(tool_usage("%s: %s is not %s", option, text, wanted));
}

static bool
read_span(const char *text, uint64_t *seconds)
{
	static const char units[] = "smhdw";
	static const unsigned lengths[] = { 1, 60, 3600, 86400, 604800 };
	struct span rest = span_of(text);
	const char *unit;

	if (!number_cut(&rest, NUMBER_MAX, seconds))
		return false;
	if (rest.len == 0)
		return true;
	unit = strchr(units, rest.at[0]);
	if (!unit || rest.len > 1 || *seconds > UINT64_C(10000000000))
		return false;
	*seconds *= lengths[unit - units];
	return true;
}

uint64_t
tool_read_span(const char *option, const char *text)
{
	uint64_t seconds;

	if (!read_span(text, &seconds))
		refuse_value(
		    option, text, "a span of time like 90, 5m, 12h or 30d");
	return seconds;
}

time_t
tool_read_time(const char *option, const char *text)
{
	struct timespec when;
	uint64_t number;
	char full[64];

	if (text[0] == '@' &&
	    number_read(span_of(text + 1), NUMBER_MAX, &number))
		return (time_t)number;
	if (read_span(text, &number))
		return clock_now().tv_sec - (time_t)number;
	(void)snprintf(full, sizeof(full), "%sT00:00:00Z", text);
	if (clock_read_rfc3339(text, strlen(text), &when) ||
	    clock_read_rfc3339(full, strlen(full), &when))
		return when.tv_sec;
	refuse_value(option, text,
	    "a time like 2026-11-21T17:05:33Z, 2026-11-21, @SECONDS or 2h");
}

unsigned
tool_read_states(const char *option, const char *text)
{
	struct span rest = span_of(text), word;
	enum queue_state state;
	unsigned states = 0;
	char name[32];

	while (span_cut(&rest, ',', &word)) {
		(void)snprintf(
		    name, sizeof(name), "%.*s", (int)word.len, word.at);
		if (word.len >= sizeof(name) || !queue_find_state(name, &state))
			refuse_value(option, text,
			    "one of new, cur, hold, failed, quarantine");
		states |= 1u << state;
	}
	if (states == 0)
		refuse_value(option, text,
		    "one of new, cur, hold, failed, "
		    "quarantine");
	return states;
}

uint64_t
tool_read_number(
    const char *option, const char *text, uint64_t least, uint64_t most)
{
	uint64_t number;
	char wanted[80];

	if (number_read(span_of(text), most, &number) && number >= least)
		return number;
	(void)snprintf(wanted, sizeof(wanted), "a number from %llu to %llu",
	    (unsigned long long)least, (unsigned long long)most);
	refuse_value(option, text, wanted);
}

size_t
tool_printable(struct span text)
{
	const unsigned char *at = (const unsigned char *)text.at;
	size_t len;

	if (at[0] < 0x80)
		return at[0] >= 0x20 && at[0] != 0x7f ? 1 : 0;
	len = utf8_length(text);
	if (len == 2 && at[0] == 0xc2 && at[1] < 0xa0)
		return 0;
	/* U+2028 to U+202E and U+2066 to U+2069 break and turn lines. */
	if (len == 3 && at[0] == 0xe2 &&
	    ((at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||
		(at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)))
		return 0;
	return len;
}

void
tool_print(FILE *out, struct span text, size_t max)
{
	const char *plain = text.at, *end = text.at + text.len, *at;
	size_t len;

	/* What is printable is written in one piece. */
	for (at = text.at; at < end; at += len ? len : 1) {
		len = tool_printable((struct span){ at, (size_t)(end - at) });
		if ((len ? len : 4) > max)
			break;
		max -= len ? len : 4;
		if (len)
			continue;
		(void)fwrite(plain, 1, (size_t)(at - plain), out);
		(void)fprintf(out, "\\x%02x", (unsigned char)*at);
		plain = at + 1;
	}
	if (at > plain)
		(void)fwrite(plain, 1, (size_t)(at - plain), out);
	if (at < end)
		(void)fputs("...", out);
}

void
tool_print_time(FILE *out, time_t when)
{
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&when, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	(void)fputs(text, out);
}

void
tool_short_span(int64_t seconds, char text[TOOL_SHORT_SIZE])
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 } };
	const char *sign = seconds < 0 ? "-" : "";
	size_t i;

	if (seconds < 0)
		seconds = -seconds;
	/* Two of a unit before it is used: "119s" says more than "1m". */
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (seconds >= 2 * units[i].seconds) {
			(void)snprintf(text, TOOL_SHORT_SIZE, "%s%lld%c", sign,
			    (long long)(seconds / units[i].seconds),
			    units[i].unit);
			return;
		}
	(void)snprintf(
	    text, TOOL_SHORT_SIZE, "%s%llds", sign, (long long)seconds);
}

void
tool_short_size(uint64_t bytes, char text[TOOL_SHORT_SIZE])
{
	static const char units[] = "kMGTPE";
	double size = (double)bytes;
	int unit = -1;

	while (size >= 1000 && units[unit + 1]) {
		size /= 1000;
		unit++;
	}
	if (unit < 0)
		(void)snprintf(
		    text, TOOL_SHORT_SIZE, "%llu", (unsigned long long)bytes);
	else
		(void)snprintf(
		    text, TOOL_SHORT_SIZE, "%.1f%c", size, units[unit]);
}
