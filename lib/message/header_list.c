/* SPDX-License-Identifier: MIT */
/*
 * header_list - names of request headers, as an endpoint lists them
 */
#include "message/header_list.h"

#include <ctype.h>
#include <string.h>

#include "message/envelope.h"
#include "message/header.h"

void
header_list_start(struct header_list *list, const struct sender *sender)
{
	size_t i;

	list->count = 0;
	list->looked = 0;
	list->names[list->count++] = "Content-Encoding";
	for (i = 0; i < SENDER_HEADERS_MAX && sender->headers[i]; i++)
		list->names[list->count++] = sender->headers[i];
}

bool
header_list_has(const struct header_list *list, struct span name)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (header_is(name, list->names[i]))
			return true;
	return false;
}

/* Of letters, digits, "-" and "_"; RFC 9110 5.1 has more. */
static bool
is_field_name(const char *name)
{
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '-' &&
		    *name != '_')
			return false;
	return true;
}

/* Has it an attribute of its own? */
static bool
can_be_kept(const struct header_list *list, const char *name)
{
	char attribute[ENVELOPE_NAME_SIZE], other[ENVELOPE_NAME_SIZE];
	size_t i;

	if (!envelope_attribute(name, attribute))
		return false;
	for (i = 0; i < list->count; i++)
		if (envelope_attribute(list->names[i], other) &&
		    strcmp(attribute, other) == 0)
			return false;
	return true;
}

static int
add(struct header_list *list, const char *text, const char *parameter,
    bool kept, struct error *err)
{
	char *name, *rest = list->text;

	if (strlen(text) >= sizeof(list->text))
		return error_set(
		    err, ERROR_CONFIGURATION, "%s: too long", parameter);
	memcpy(list->text, text, strlen(text) + 1);
	while ((name = strtok_r(rest, " \t", &rest)) != NULL) {
		if (!is_field_name(name))
			return error_set(err, ERROR_CONFIGURATION,
			    "%s: not names of headers", parameter);
		if (header_list_has(list, span_of(name)))
			continue;
		if (list->count == HEADER_LIST_KEPT ||
		    (kept && !can_be_kept(list, name)))
			return error_set(err, ERROR_CONFIGURATION,
			    "%s: %s cannot be kept: too many, or no name of "
			    "its own",
			    parameter, name);
		list->names[list->count++] = name;
	}
	return 0;
}

int
header_list_add_kept(struct header_list *list, const char *text,
    const char *parameter, struct error *err)
{
	return add(list, text, parameter, true, err);
}

int
header_list_add(struct header_list *list, const char *text,
    const char *parameter, struct error *err)
{
	return add(list, text, parameter, false, err);
}

int
header_list_add_looked(
    struct header_list *list, struct span text, struct error *err)
{
	char *name, *rest = list->looked_text;

	if (text.len >= sizeof(list->looked_text))
		return error_set(err, ERROR_CONFIGURATION,
		    "the names of headers to look at are too long");
	memcpy(rest, text.len ? text.at : "", text.len);
	rest[text.len] = '\0';
	while ((name = strtok_r(rest, " ", &rest)) != NULL) {
		if (header_list_has(list, span_of(name)))
			continue;
		if (list->count == MESSAGE_HEADERS_MAX)
			return error_set(err, ERROR_CONFIGURATION,
			    "more than %d headers to keep and to look at",
			    MESSAGE_HEADERS_MAX);
		list->names[list->count++] = name;
		list->looked++;
	}
	return 0;
}
