/* SPDX-License-Identifier: MIT */
/*
 * fetch_find - which documents does this data refer to?
 *
 * Tradecloud has them in arrays called "documents", at the order, at its
 * lines and at shipments; so any array of that name is looked at, however
 * deep. An element with an objectId is asked for by that, else by its url.
 */
#ifndef HOOKDIR_FETCH_FIND_H
#define HOOKDIR_FETCH_FIND_H

#include "json/json.h"

#define FETCH_REFERENCES_MAX 1000 /* documents of one event */

struct fetch_reference {
	bool by_id;
	struct buf text;	   /* owned: the objectId, or the url */
	struct json_value element; /* a view of the data */
};

struct fetch_references {
	struct fetch_reference *list; /* owned */
	size_t count;
};

#define FETCH_REFERENCES_INIT                                                  \
	{                                                                      \
		NULL, 0                                                        \
	}

/*
 * Find them in data that json_scan() or json_member() gave, each once. 0, or
 * -1: ERROR_FORM where there are too many, or ERROR_MEMORY.
 * fetch_references_free() is due in both cases.
 */
int fetch_find(
    struct json_value data, struct fetch_references *found, struct error *err);
void fetch_references_free(struct fetch_references *found);

#endif
