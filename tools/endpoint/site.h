/* SPDX-License-Identifier: MIT */
/*
 * site - the server blocks of a web server, and where in which file each ends
 *
 * Reads the configuration from its main file on, through what it includes, as
 * the web server would. Conditions (<IfModule>, <IfDefine>) count as true. It
 * decides nothing that cannot be taken back: the web server's own test and a
 * call to the endpoint come afterwards.
 */
#ifndef ENDPOINT_SITE_H
#define ENDPOINT_SITE_H

#include <limits.h>
#include <stdbool.h>

#include "base/buf.h"

#define SITE_LISTENS_MAX  8
#define SITE_NAMES_SIZE	  512
#define SITE_ADDRESS_SIZE 80

/* How well a server block fits a host name. */
enum site_match {
	SITE_OTHER,
	SITE_PATTERN, /* by a wildcard */
	SITE_EXACT
};

struct site_listen {
	char address[SITE_ADDRESS_SIZE]; /* "*:443", "[::]:443", "192.0.2.1:443"
					  */
	bool tls, fallback;
};

/* A server block of nginx, or a <VirtualHost> of Apache. */
struct site_server {
	char file[PATH_MAX]; /* the real path: links are followed */
	unsigned line;	     /* of its begin */
	size_t end;	     /* of its content: the "}" or the end tag */
	enum site_match match;
	bool tls;      /* of itself, by "ssl on" or SSLEngine */
	bool has_line; /* includes the endpoint's file */
	bool has_path; /* has a location of the endpoint's path */
	char names[SITE_NAMES_SIZE];
	char endpoints[SITE_NAMES_SIZE]; /* files beside the endpoint's own */
	struct site_listen listens[SITE_LISTENS_MAX];
	size_t listen_count;
};

/* Where an endpoint's file is included. */
struct site_include {
	char file[PATH_MAX];
	size_t begin, end; /* the directive, with its line if it has one */
};

struct site_wanted {
	const char *host, *path;
	const char *conf; /* the endpoint's file */
};

struct site {
	struct site_wanted wanted;
	struct site_server *servers; /* owned, in their order */
	size_t server_count;
	struct site_include *includes; /* owned, in their order */
	size_t include_count;
};

/* main_file: /etc/nginx/nginx.conf. site_free() is due in any case. */
int site_read_nginx(struct site *site, const char *main_file,
    const struct site_wanted *wanted, struct error *err);
int site_read_apache(struct site *site, const char *main_file,
    const struct site_wanted *wanted, struct error *err);
void site_free(struct site *site);

/*
 * The one that serves the wanted host by TLS. NULL and ERROR_CONFIGURATION if
 * there is none or several, or if it has the path already without including
 * the file.
 */
const struct site_server *site_choose(
    const struct site *site, struct error *err);

/* Where the chosen one is reached from this machine: "127.0.0.1:443". */
void site_address(const struct site *site, const struct site_server *server,
    char address[SITE_ADDRESS_SIZE]);

/* The server that gets calls for a host that no server has. */
const struct site_server *site_fallback(
    const struct site *site, const struct site_server *server);

/* For the two readers */

/* A name of an include, relative to dir. False: too long for a path. */
bool site_join(char path[PATH_MAX], const char *dir, const char *name);
struct site_server *site_add_server(
    struct site *site, const char *file, struct error *err);
int site_add_include(struct site *site, const char *file, struct span text,
    struct span directive, struct error *err);
void site_add_name(
    const struct site *site, struct site_server *server, const char *name);
void site_add_endpoint(
    const struct site *site, struct site_server *server, const char *file);
void site_add_listen(
    struct site_server *server, const char *address, bool tls, bool fallback);

#endif
