/* SPDX-License-Identifier: MIT */
/*
 * doctor_machine - the machine that hookdir works on
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "hookdir/child.h"
#include "hookdir/doctor.h"
#include "spool/spool_name.h"

/* A host name that more than one machine is likely to have. */
static const char *const common[] = { "", "localhost", "localhost.localdomain",
	"debian", "(none)" };

void
doctor_unit(struct doctor *doctor)
{
	const char *const words[] = { "systemctl", "is-active",
		"hookdir.socket", NULL };
	struct child child = CHILD_INIT;
	struct span line, rest;

	if (access("/run/systemd/system", F_OK) < 0) {
		doctor_say(
		    doctor, DOCTOR_UNCHECKED, "", "systemd does not run here");
		return;
	}
	if (child_run(&child, words) < 0) {
		doctor_say(
		    doctor, DOCTOR_UNCHECKED, "", "%s", child.error.text);
	} else {
		rest = buf_span(&child.output);
		line = span_of("unknown");
		(void)span_cut(&rest, '\n', &line);
		doctor_say(doctor,
		    child.status == 0 ? DOCTOR_FINE : DOCTOR_CRITICAL,
		    child.status == 0 ? ""
				      : "systemctl enable --now hookdir.socket",
		    "hookdir.socket is %.*s", (int)line.len, line.at);
	}
	child_free(&child);
}

void
doctor_clock(struct doctor *doctor)
{
	struct timex time = { .modes = 0 };
	int state = adjtimex(&time);

	if (doctor->now < SPOOL_TIME_MIN)
		doctor_say(doctor, DOCTOR_CRITICAL, "set it",
		    "the clock is before 2020");
	else if (state < 0)
		doctor_unchecked(doctor, "cannot look at it");
	else if (state == TIME_ERROR)
		doctor_say(doctor, DOCTOR_WARNING,
		    "is a time service at work? See timedatectl(1)",
		    "the clock is not synchronised, and calls with a time are "
		    "refused when it is wrong");
	else
		doctor_say(doctor, DOCTOR_FINE, "", "synchronised");
}

void
doctor_host(struct doctor *doctor)
{
	char name[HOST_NAME_MAX + 1] = "";
	size_t i;

	(void)gethostname(name, sizeof(name) - 1);
	for (i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (strcmp(name, common[i]) == 0)
			break;
	if (i < sizeof(common) / sizeof(common[0]))
		doctor_say(doctor, DOCTOR_WARNING,
		    "where two machines share a spool, give each its own",
		    "the host name is \"%s\", as that of others", name);
	else
		doctor_say(
		    doctor, DOCTOR_FINE, "", "the host name is %s", name);
}
