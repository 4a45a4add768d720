/* SPDX-License-Identifier: MIT */
/*
 * header_list - names of request headers, as an endpoint lists them
 *
 * What a call keeps, in the handler and when it is verified again.
 */
#ifndef HOOKDIR_HEADER_LIST_H
#define HOOKDIR_HEADER_LIST_H

#include "message/message.h"

#define HEADER_LIST_TEXT 1024
#define HEADER_LIST_KEPT 33 /* names that are kept; others are looked at */

struct header_list {
	const char *names[MESSAGE_HEADERS_MAX];
	size_t count;
	size_t looked; /* the last of them: looked at, not kept */
	/* Some of the names are here. */
	char text[HEADER_LIST_TEXT], looked_text[HEADER_LIST_TEXT];
};

/* Content-Encoding and those of the sender, in an empty list. */
void header_list_start(struct header_list *list, const struct sender *sender);

/*
 * Add the names in a text, with blanks between them. Once for a list. -1:
 * ERROR_CONFIGURATION, with a text that begins with parameter; the list then
 * has some of them. Of kept headers no two may have one attribute.
 */
int header_list_add_kept(struct header_list *list, const char *text,
    const char *parameter, struct error *err);
int header_list_add(struct header_list *list, const char *text,
    const char *parameter, struct error *err);

/*
 * Add the names in a text that are not in the list, as headers that are
 * looked at and not kept. Once for a list, and after all others. -1:
 * ERROR_CONFIGURATION, they are too many.
 */
int header_list_add_looked(
    struct header_list *list, struct span text, struct error *err);

bool header_list_has(const struct header_list *list, struct span name);

#endif
