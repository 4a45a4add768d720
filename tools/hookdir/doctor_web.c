/* SPDX-License-Identifier: MIT */
/*
 * doctor_web - what the web servers say of their configuration, and settings
 * of the whole server that matter to hookdir
 *
 * The servers' own tests are run, as only they can judge it.
 */
#include <string.h>
#include <unistd.h>

#include "hookdir/child.h"
#include "hookdir/doctor.h"

/* The first line that has this word; empty where none has. */
static struct span
line_with(const struct child *child, const char *word)
{
	struct span rest = buf_span(&child->output), line;

	while (span_cut(&rest, '\n', &line))
		if (memmem(line.at, line.len, word, strlen(word)))
			return line;
	return (struct span){ NULL, 0 };
}

static struct span
last_line(const struct child *child)
{
	struct span rest = buf_span(&child->output), line, last = { "", 0 };

	while (span_cut(&rest, '\n', &line))
		if (line.len)
			last = line;
	return last;
}

/* False, and a line, where the server's test was not run or failed. */
static bool
test(struct doctor *doctor, struct child *child, const char *const words[])
{
	struct span line;

	if (geteuid() != 0) {
		doctor_say(doctor, DOCTOR_UNCHECKED, "run as root",
		    "only root can test the configuration");
		return false;
	}
	if (child_run(child, words) < 0) {
		doctor_say(
		    doctor, DOCTOR_UNCHECKED, "", "%s", child->error.text);
		return false;
	}
	if (child->status == 0)
		return true;
	line = line_with(child, "[emerg]");
	if (line.len == 0)
		line = line_with(child, "yntax error");
	if (line.len == 0)
		line = last_line(child);
	doctor_say(doctor, DOCTOR_CRITICAL,
	    "mend it before the next reload or restart",
	    "its configuration is wrong: %.*s", (int)line.len, line.at);
	return false;
}

/* A line of the configuration that begins with name and has the word. */
static bool
has_setting(const struct child *child, const char *name, const char *word)
{
	struct span rest = buf_span(&child->output), line;

	while (span_cut(&rest, '\n', &line)) {
		while (line.len && (*line.at == ' ' || *line.at == '\t'))
			line = span_skip(line, 1);
		if (span_begins(line, name) &&
		    memmem(line.at, line.len, word, strlen(word)))
			return true;
	}
	return false;
}

void
doctor_nginx(struct doctor *doctor)
{
	const char *const words[] = { "nginx", "-T", NULL };
	struct child child = CHILD_INIT;
	struct span line;

	if (test(doctor, &child, words)) {
		line = line_with(&child, "conflicting server name");
		if (line.len)
			doctor_say(doctor, DOCTOR_WARNING,
			    "remove one, or calls reach the wrong endpoint",
			    "two servers have one name: %.*s", (int)line.len,
			    line.at);
		else if (has_setting(&child, "error_log ", " debug"))
			doctor_say(doctor, DOCTOR_WARNING, "set another level",
			    "error_log debug writes keys and tokens to the "
			    "log");
		else if (!memmem(child.output.at, child.output.len, "hookdir",
			     strlen("hookdir")))
			doctor_say(doctor, DOCTOR_FINE, "",
			    "sound, without an endpoint of hookdir");
		else
			doctor_say(doctor, DOCTOR_FINE, "",
			    "its configuration is sound");
	}
	child_free(&child);
}

void
doctor_apache(struct doctor *doctor)
{
	const char *const words[] = { "apachectl", "-t", "-D", "DUMP_MODULES",
		NULL };
	struct child child = CHILD_INIT;

	if (test(doctor, &child, words)) {
		if (!line_with(&child, "reqtimeout_module").len)
			doctor_say(doctor, DOCTOR_WARNING, "a2enmod reqtimeout",
			    "without mod_reqtimeout slow callers hold its "
			    "workers for ever");
		else if (line_with(&child, "mpm_prefork_module").len)
			doctor_say(doctor, DOCTOR_WARNING,
			    "a2dismod mpm_prefork; a2enmod mpm_event",
			    "mpm_prefork needs a process for each caller");
		else
			doctor_say(doctor, DOCTOR_FINE, "",
			    "its configuration is sound");
	}
	child_free(&child);
}
