/* SPDX-License-Identifier: MIT */
/*
 * add_print - hookdir add: what it says to the operator
 */
#include <stdio.h>
#include <string.h>

#include "endpoint/add.h"

/* ":8443"; "" for the port that a URL has without it. */
static const char *
port_of(const struct adding *a)
{
	const char *colon = a->chosen ? strrchr(a->address, ':') : NULL;

	return colon && strcmp(colon, ":443") != 0 ? colon : "";
}

void
add_print_line(const struct adding *a)
{
	struct buf line = BUF_INIT(PATH_MAX);

	change_line(&a->e, &line);
	(void)fwrite(line.at, 1, line.len, stdout);
	(void)putchar('\n');
	buf_free(&line);
}

/* Where calls end whose host name no server has. */
static void
print_fallback(const struct adding *a)
{
	const struct site_server *other =
	    a->chosen ? site_fallback(&a->site, a->chosen) : NULL;

	if (!other)
		return;
	(void)printf("\nCalls for a host name that no server has go to %s, "
		     "line %u",
	    other->file, other->line);
	if (other == a->chosen)
		(void)printf(": to this endpoint, %s, too. A server of its "
			     "own for them (nginx: default_server; Apache: "
			     "the first one) prevents that.\n",
		    a->e.name);
	else if (other->endpoints[0])
		(void)printf(
		    ": into the endpoints of %s there.\n", other->endpoints);
	else
		(void)printf(", which has no endpoint.\n");
}

void
add_print_plan(const struct adding *a)
{
	(void)printf("%s %s\n", a->existed ? "is there:" : "would make:",
	    endpoint_conf(&a->e).text);
	(void)printf("%s %s\n",
	    files_exist(endpoint_spool(&a->e).text) ? "is there:"
						    : "would make:",
	    endpoint_spool(&a->e).text);
	if (a->e.user[0])
		(void)printf("would make: %s\n", endpoint_dropin(&a->e).text);
	if (a->install && a->chosen->has_line)
		(void)printf("has the line: %s, line %u\n", a->chosen->file,
		    a->chosen->line);
	else if (a->install)
		(void)printf("would put into the server of %s, line %u: ",
		    a->chosen->file, a->chosen->line);
	else
		(void)printf("for the server block: ");
	add_print_line(a);
	print_fallback(a);
}

static void
print_form(const struct adding *a)
{
	bool awaited = a->e.form->issued && !a->key_file && !a->existed;

	common_print_form(&a->e, port_of(a),
	    a->existed	  ? "the one of before, in the endpoint's file"
		: awaited ? "is made and shown by the sender"
			  : NULL);
	if (awaited)
		(void)printf("\nPut it in with this command; until then calls "
			     "go to quarantine/:\n\n"
			     "    hookdir rotate %s --key-file FILE\n",
		    a->e.name);
}

void
add_print_after(const struct adding *a)
{
	if (!a->install) {
		(void)printf("Put this line at the end of the server block "
			     "that serves %s by TLS, then test and reload:\n"
			     "\n    ",
		    a->e.host);
		add_print_line(a);
		if (a->e.apache)
			(void)printf(
			    "\nModules: a2enmod %s\n", form_modules(a->e.form));
	}
	print_form(a);
	(void)printf("\nMessages arrive in %s. For a command that processes "
		     "them, write COMMAND=... to %s and start "
		     "hookdir-run@%s.\n",
	    endpoint_spool(&a->e).text, endpoint_run_conf(&a->e).text,
	    a->e.name);
	print_fallback(a);
}
