/* SPDX-License-Identifier: MIT */
/*
 * endpoint - one endpoint: its name, its file below /etc/hookdir, its keys
 *
 * NAME.conf has all there is to know of it: comments "# host: shop.example"
 * for this command, and the web server's lines. Keys are between two marks;
 * outside of them an administrator may change what is no such comment.
 */
#ifndef ENDPOINT_ENDPOINT_H
#define ENDPOINT_ENDPOINT_H

#include <limits.h>
#include <stdbool.h>

#include "base/buf.h"
#include "endpoint/files.h"
#include "endpoint/form.h"

#define ENDPOINT_WORD_MAX 256

struct endpoint {
	const char *root; /* in front of all paths; "" for the machine */
	char name[64];
	const struct form *form;
	bool apache;
	char host[ENDPOINT_WORD_MAX], path[ENDPOINT_WORD_MAX];
	char user[ENDPOINT_WORD_MAX]; /* of the command; "": hookdir */
	char rotated[32];	      /* since when there is a previous key */
	struct buf key, previous;     /* previous: empty if there is none */
};

/* Paths of an endpoint, all below its root. */
struct endpoint_path {
	char text[PATH_MAX];
};
struct endpoint_path endpoint_conf(const struct endpoint *e);
struct endpoint_path endpoint_spool(const struct endpoint *e);
struct endpoint_path endpoint_passwords(const struct endpoint *e);
struct endpoint_path endpoint_run_conf(const struct endpoint *e);
struct endpoint_path endpoint_dropin(const struct endpoint *e);
struct endpoint_path endpoint_below(const struct endpoint *e, const char *path);

void endpoint_init(struct endpoint *e, const char *root);
void endpoint_free(struct endpoint *e); /* wipes the keys */

/* Check and set it; false: this is no name of an endpoint. */
bool endpoint_set_name(struct endpoint *e, const char *name);

/* Is this a host name, or a path that needs no escapes? */
bool endpoint_is_host(const char *text);
bool endpoint_is_path(const char *text);

/*
 * Read what e->name's file says. -1: there is none (ERROR_SYSTEM, errnum
 * ENOENT), it cannot be read, or this command has not made it.
 */
int endpoint_load(struct endpoint *e, struct error *err);

/* Write the whole file, from the samples: of a new endpoint. */
int endpoint_create(const struct endpoint *e, struct error *err);

/* Write the keys into the file that is there, and leave the rest. */
int endpoint_save_keys(const struct endpoint *e, struct error *err);

/* The text of a new file, for both and for --dry-run. */
int endpoint_format(
    const struct endpoint *e, struct buf *out, struct error *err);

#endif
