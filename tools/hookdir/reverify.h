/* SPDX-License-Identifier: MIT */
/*
 * reverify - the rules that calls are judged by a second time
 */
#ifndef HOOKDIR_REVERIFY_H
#define HOOKDIR_REVERIFY_H

#include "hookdir/conf.h"
#include "message/signing.h"

struct rules {
	const char *conf_path; /* --conf; or NULL: the environment */
	bool ignore_time;      /* --ignore-time */

	const struct sender *sender;
	const char *event; /* HOOKDIR_EVENT, or NULL */
	unsigned dedup;	   /* seconds; 0: off */
	struct header_list kept;
	struct signing signing;
	struct buf key; /* owned: the content of --key-file */
	struct conf conf;
};

/*
 * Read all of them for the endpoint of that spool; sender and key_file are
 * options, or NULL. EX_OK, or the code to exit with. rules_free() is due in
 * any case.
 */
int rules_read(struct rules *rules, const char *spool, const char *sender,
    const char *key_file);

/* Wipes the keys. */
void rules_free(struct rules *rules);

#endif
