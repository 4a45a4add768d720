/* SPDX-License-Identifier: MIT */
/*
 * senders - hookdir senders: what is known of each sender
 *
 * All of it is read from the table of senders, which the handler goes by, too.
 */
#include <string.h>

#include "hookdir/tool.h"
#include "message/sender.h"

#define WIDTH  78 /* columns of a line */
#define INDENT 13

/* When the rows were last compared with what the senders say. */
#define READ_IN "November 2026"

static const char *
scheme_word(const struct sender *sender)
{
	switch (sender->scheme) {
	case SCHEME_NONE:
		return "unsigned";
	case SCHEME_JWT:
		return "token in the body";
	case SCHEME_TOKEN:
		return "secret in a header";
	case SCHEME_HMAC:
		break;
	}
	return "signature";
}

static const char *
known_words(const struct sender *sender)
{
	switch (sender->known) {
	case KNOWN_BY_SENDER:
		return "its own software, or a verifier that it points to, "
		       "agrees";
	case KNOWN_BY_OTHERS:
		return "an independent verifier agrees";
	case KNOWN_BY_TEXT:
		break;
	}
	return "by its description alone: not tried with its calls";
}

/* --- the list ------------------------------------------------------------ */

static int
list(void)
{
	const struct sender *sender;
	size_t i;

	for (i = 0; (sender = sender_at(i)) != NULL; i++)
		(void)printf("%-18s %-19s %s\n", sender->name,
		    scheme_word(sender), sender->challenge ? "handshake" : "");
	return tool_finish(EX_OK);
}

/* --- one ----------------------------------------------------------------- */

/* "Title:      words, which go on below themselves" */
static void
print_words(const char *title, const char *text)
{
	size_t column = INDENT, len;

	(void)printf("%-*s", INDENT, title);
	for (; *text; text += len + (text[len] == ' ')) {
		len = strcspn(text, " ");
		if (column + len >= WIDTH && column > INDENT) {
			(void)printf("\n%*s", INDENT, "");
			column = INDENT;
		}
		(void)printf(
		    "%s%.*s", column > INDENT ? " " : "", (int)len, text);
		column += len + (column > INDENT);
	}
	(void)putchar('\n');
}

/* "a header, else data.id, data.number" */
static void
print_places(const char *title, const char *header, const char *const *paths,
    const char *otherwise)
{
	char text[1024];
	size_t i, used = 0;

	text[0] = '\0';
	if (header)
		used = (size_t)snprintf(
		    text, sizeof(text), "the header %s", header);
	for (i = 0; i < SENDER_PATHS_MAX && paths[i] && used < sizeof(text);
	     i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
		    "%s%s", used ? ", else " : "", paths[i]);
	print_words(title, used ? text : otherwise);
}

static void
print_type(const struct sender *sender)
{
	char text[512];

	if (sender->type_headers[0])
		(void)snprintf(text, sizeof(text), "%s and the header %s%s%s",
		    *sender->type_prefix ? sender->type_prefix : "none",
		    sender->type_headers[0],
		    sender->type_headers[1] ? ", a dot and " : "",
		    sender->type_headers[1] ? sender->type_headers[1] : "");
	else if (sender->type_path)
		(void)snprintf(text, sizeof(text), "%s%s%s of the data",
		    sender->type_prefix, *sender->type_prefix ? " and " : "",
		    sender->type_path);
	else
		(void)snprintf(text, sizeof(text), "%s%s, or HOOKDIR_EVENT",
		    sender->type_prefix, sender->type_fallback);
	print_words("Type:", text);
}

static bool
signs_url(const struct sender *sender)
{
	const char *pattern = sender->signature[0].item[SCHEME_SIGNED];

	return pattern && strstr(pattern, "%u");
}

/* The row as an endpoint without a row would say it */
static void
print_scheme(const struct sender *sender)
{
	size_t i, item;

	if (sender->scheme == SCHEME_TOKEN)
		(void)printf("%-*sthe header %s\n", INDENT,
		    "Secret in:", sender->signature[0].item[SCHEME_HEADER]);
	if (sender->scheme != SCHEME_HMAC)
		return;
	for (i = 0; i < SCHEME_SET_MAX; i++)
		for (item = 0; item < SCHEME_ITEMS; item++)
			if (sender->signature[i].item[item])
				(void)printf("%-*sHOOKDIR_%s \"%s\"\n", INDENT,
				    item == 0 && i == 0 ? "Signs as:"
					: item == 0	? "or as:"
							: "",
				    scheme_names[item],
				    sender->signature[i].item[item]);
}

/* One parameter in the words of a web server */
typedef void print_parameter(const char *name, const char *value);

static void
print_nginx(const char *name, const char *value)
{
	(void)printf("    fastcgi_param HOOKDIR_%s \"%s\";\n", name, value);
}

static void
print_apache(const char *name, const char *value)
{
	(void)printf("    SetEnv HOOKDIR_%s \"%s\"\n", name, value);
}

static void
print_parameters(const struct sender *sender, print_parameter *print)
{
	char spool[128];

	(void)snprintf(
	    spool, sizeof(spool), "/var/spool/hookdir/%s", sender->name);
	print("SENDER", sender->name);
	print("SPOOL", spool);
	if (sender->scheme != SCHEME_NONE)
		print("KEY", "KEY");
	else
		print("AUTH", sender->needs_event ? "server" : "basic");
	if (sender->needs_event)
		print("EVENT", "EVENT");
	if (signs_url(sender))
		print("URL", "https://HOST/webhook/PATH");
	if (sender->challenge && strcmp(sender->challenge, "meta") == 0)
		print("CHALLENGE_TOKEN", "TOKEN");
}

static void
print_answers(const struct sender *sender)
{
	if (sender->answers)
		print_words("It expects:", sender->answers);
	else
		print_words("It expects:",
		    "a 2xx, as all do; its time limit and its repeats are not "
		    "known");
	if (sender->challenge)
		print_words("Handshake:", "answered without HOOKDIR_CHALLENGE");
	if (sender->refused_status)
		(void)printf("%-*sstatus %d for what does not verify%s\n",
		    INDENT, "Answers:", sender->refused_status,
		    sender->empty_answers ? ", no bodies" : "");
}

static int
show(const struct sender *sender)
{
	(void)printf("%s: %s\n\n", sender->name, scheme_word(sender));
	print_words("In its form:", sender->form);
	print_answers(sender);
	print_type(sender);
	print_places("Id:", sender->id_header, sender->id_paths,
	    "a digest of type and content");
	print_places("Subject:", NULL, sender->subject_paths, "none");
	print_places("Reference:", NULL, sender->reference_paths,
	    "none, unless HOOKDIR_REFERENCE says where");
	print_places("Changed at:", NULL, sender->changed_paths, "not said");
	print_words("Each holds:",
	    sender->whole ? "all of its thing's state"
			  : "what it is about, and no more for certain");
	print_scheme(sender);
	if (sender->scheme != SCHEME_NONE) {
		print_words("Known:", known_words(sender));
		print_words("", "read in " READ_IN);
	}
	(void)printf("\nFor nginx, in a location like those of "
		     "/etc/hookdir/*.conf:\n\n");
	print_parameters(sender, print_nginx);
	(void)printf("\nFor Apache, in a <Location>:\n\n");
	print_parameters(sender, print_apache);
	return tool_finish(EX_OK);
}

int
tool_senders(int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const struct sender *sender;

	while (tool_option(argc, argv, options) != -1)
		;
	if (argc - optind > 1)
		return tool_usage("one sender at most");
	if (argc == optind)
		return list();
	sender = sender_find(argv[optind]);
	if (!sender)
		return tool_usage("there is no sender %s", argv[optind]);
	return show(sender);
}
