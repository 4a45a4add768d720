/* SPDX-License-Identifier: MIT */
/*
 * webserver - what is asked of nginx and Apache: test, reload; and changes of
 * their configuration that can be taken back
 */
#ifndef ENDPOINT_WEBSERVER_H
#define ENDPOINT_WEBSERVER_H

#include "endpoint/endpoint.h"
#include "endpoint/site.h"

enum webserver_step {
	WEBSERVER_TEST,
	WEBSERVER_RELOAD
};

/*
 * -1 and ERROR_CONFIGURATION if the web server's own program says no; what it
 * printed is then on standard error.
 */
int webserver_do(
    const struct endpoint *e, enum webserver_step step, struct error *err);

/* Has it a configuration at all? */
bool webserver_is_there(const struct endpoint *e);

/*
 * From a change on until it is tested no signal may end this program. The
 * programs that it starts have the signals' defaults.
 */
void webserver_hold_signals(bool hold);

/* Read the configuration of the endpoint's web server. */
int webserver_read(
    struct site *site, const struct endpoint *e, struct error *err);

/* One file that was changed. */
struct change {
	char file[PATH_MAX];
	struct buf before, after;
	struct files_owner owner;
	bool made;
};

#define CHANGE_INIT                                                            \
	{                                                                      \
		.before = BUF_INIT(FILES_MAX + 1),                             \
		.after = BUF_INIT(2 * FILES_MAX)                               \
	}

/* What the file would be: with the line in the server, or without includes. */
int change_insert(struct change *change, const struct endpoint *e,
    const struct site_server *server, struct error *err);
int change_remove(struct change *change, const struct site *site,
    const char *file, struct error *err);

/* Copy the file to /var/backups/hookdir below root, and write the new one. */
int change_make(
    struct change *change, const struct endpoint *e, struct error *err);

/* Put the old content back, if it is not there. */
int change_take_back(struct change *change, struct error *err);
void change_free(struct change *change);

/* The line for the server block, without its newline. */
void change_line(const struct endpoint *e, struct buf *out);

/*
 * Enable those of Apache's modules that the endpoint needs, as a2enmod does.
 * made is set to the links that were missing, one a line, for taking back.
 */
int webserver_enable_modules(
    const struct endpoint *e, struct buf *made, struct error *err);
void webserver_take_back_modules(const struct buf *made);

#endif
