/* SPDX-License-Identifier: MIT */
/*
 * site - the server blocks of a web server, and where in which file each ends
 */
#include "endpoint/site.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
site_free(struct site *site)
{
	free(site->servers);
	free(site->includes);
	site->servers = NULL;
	site->includes = NULL;
	site->server_count = site->include_count = 0;
}

bool
site_join(char path[PATH_MAX], const char *dir, const char *name)
{
	int got = name[0] == '/' ? snprintf(path, PATH_MAX, "%s", name)
				 : snprintf(path, PATH_MAX, "%s/%s", dir, name);

	return got > 0 && got < PATH_MAX;
}

struct site_server *
site_add_server(struct site *site, const char *file, struct error *err)
{
	struct site_server *grown, *made;

	grown =
	    realloc(site->servers, (site->server_count + 1) * sizeof(*grown));
	if (!grown) {
		(void)error_set(err, ERROR_MEMORY, "no memory");
		return NULL;
	}
	site->servers = grown;
	made = &grown[site->server_count++];
	*made = (struct site_server){ .end = 0 };
	(void)snprintf(made->file, sizeof(made->file), "%s", file);
	return made;
}

static bool
is_blank(const char *from, const char *to)
{
	while (from < to && (*from == ' ' || *from == '\t' || *from == '\r'))
		from++;
	return from == to;
}

/* The whole line, if there is nothing else in it; else what change_insert()
 * put there. */
static void
widen(struct span text, const char **begin, const char **end)
{
	const char *from = *begin, *to = *end;
	const char *stop = text.at + text.len;

	while (from > text.at && from[-1] != '\n')
		from--;
	while (to < stop && *to != '\n')
		to++;
	if (!is_blank(from, *begin) || !is_blank(*end, to)) {
		*end += *end < stop && **end == ' ';
		return;
	}
	*begin = from;
	*end = to < stop ? to + 1 : to;
}

int
site_add_include(struct site *site, const char *file, struct span text,
    struct span directive, struct error *err)
{
	const char *begin = directive.at, *end = directive.at + directive.len;
	struct site_include *grown;

	grown =
	    realloc(site->includes, (site->include_count + 1) * sizeof(*grown));
	if (!grown)
		return error_set(err, ERROR_MEMORY, "no memory");
	site->includes = grown;
	widen(text, &begin, &end);
	grown += site->include_count++;
	(void)snprintf(grown->file, sizeof(grown->file), "%s", file);
	grown->begin = (size_t)(begin - text.at);
	grown->end = (size_t)(end - text.at);
	return 0;
}

static enum site_match
match(const char *host, const char *name)
{
	size_t len = strlen(name), host_len = strlen(host);

	if (strcasecmp(host, name) == 0)
		return SITE_EXACT;
	/* nginx: ".example.com" is both the name and what is below it. */
	if (name[0] == '.' && strcasecmp(host, name + 1) == 0)
		return SITE_EXACT;
	if (name[0] == '.' && host_len > len &&
	    strcasecmp(host + host_len - len, name) == 0)
		return SITE_PATTERN;
	if (name[0] != '~' && strpbrk(name, "*?") &&
	    fnmatch(name, host, FNM_CASEFOLD) == 0)
		return SITE_PATTERN;
	return SITE_OTHER;
}

static void
append_word(char list[SITE_NAMES_SIZE], const char *word)
{
	size_t len = strlen(list);

	(void)snprintf(
	    list + len, SITE_NAMES_SIZE - len, "%s%s", len ? " " : "", word);
}

void
site_add_endpoint(
    const struct site *site, struct site_server *server, const char *file)
{
	size_t dir =
	    (size_t)(strrchr(site->wanted.conf, '/') + 1 - site->wanted.conf);

	/* hookdir_params and others beside them are none. */
	if (strncmp(file, site->wanted.conf, dir) == 0 &&
	    strcmp(file + strlen(file) - strlen(".conf"), ".conf") == 0)
		append_word(server->endpoints, file + dir);
}

void
site_add_name(
    const struct site *site, struct site_server *server, const char *name)
{
	enum site_match got = match(site->wanted.host, name);

	if (got > server->match)
		server->match = got;
	append_word(server->names, name);
}

void
site_add_listen(
    struct site_server *server, const char *address, bool tls, bool fallback)
{
	struct site_listen *made = &server->listens[server->listen_count];

	if (server->listen_count == SITE_LISTENS_MAX)
		return;
	server->listen_count++;
	*made = (struct site_listen){ .tls = tls, .fallback = fallback };
	(void)snprintf(made->address, sizeof(made->address), "%s", address);
}

/* nginx: "ssl" at one server's address holds for all servers that share it. */
static bool
has_tls(const struct site *site, const struct site_listen *listen)
{
	size_t i, j;

	for (i = 0; i < site->server_count; i++)
		for (j = 0; j < site->servers[i].listen_count; j++)
			if (site->servers[i].listens[j].tls &&
			    strcmp(site->servers[i].listens[j].address,
				listen->address) == 0)
				return true;
	return false;
}

static const struct site_listen *
tls_listen(const struct site *site, const struct site_server *server)
{
	size_t i;

	for (i = 0; i < server->listen_count; i++)
		if (server->tls || has_tls(site, &server->listens[i]))
			return &server->listens[i];
	return NULL;
}

/* Says why there is none. */
static const struct site_server *
refuse(
    const struct site *site, const struct site_server *plain, struct error *err)
{
	const char *host = site->wanted.host;

	if (plain)
		(void)error_set(err, ERROR_CONFIGURATION,
		    "%s, line %u: this server has the name %s, but not TLS, "
		    "which senders need",
		    plain->file, plain->line, host);
	else
		(void)error_set(err, ERROR_CONFIGURATION,
		    "no server of the web server's configuration has the name "
		    "%s",
		    host);
	return NULL;
}

static const struct site_server *
check_path(const struct site *site, const struct site_server *server,
    struct error *err)
{
	if (!server->has_path || server->has_line)
		return server;
	(void)error_set(err, ERROR_CONFIGURATION,
	    "%s, line %u: this server has the location %s already",
	    server->file, server->line, site->wanted.path);
	return NULL;
}

const struct site_server *
site_choose(const struct site *site, struct error *err)
{
	const struct site_server *best = NULL, *second = NULL, *plain = NULL;
	const struct site_server *s = site->servers;

	for (; s < site->servers + site->server_count; s++) {
		if (s->match == SITE_OTHER)
			continue;
		if (!tls_listen(site, s))
			plain = s;
		else if (!best || s->match > best->match)
			best = s, second = NULL;
		/* A file may be included twice. */
		else if (s->match == best->match &&
		    (s->end != best->end || strcmp(s->file, best->file) != 0))
			second = s;
	}
	if (!best)
		return refuse(site, plain, err);
	if (second) {
		(void)error_set(err, ERROR_CONFIGURATION,
		    "two servers have the name %s and TLS: %s, line %u, and "
		    "%s, line %u",
		    site->wanted.host, best->file, best->line, second->file,
		    second->line);
		return NULL;
	}
	return check_path(site, best, err);
}

void
site_address(const struct site *site, const struct site_server *server,
    char address[SITE_ADDRESS_SIZE])
{
	const struct site_listen *listen = tls_listen(site, server);
	const char *at = listen ? listen->address : "*:443";
	const char *port = strrchr(at, ':');

	if (!port || port < strrchr(at, ']'))
		port = ":443";
	if (at[0] == '*' || at[0] == '_')
		(void)snprintf(address, SITE_ADDRESS_SIZE, "127.0.0.1%s", port);
	else if (strncmp(at, "[::]", 4) == 0)
		(void)snprintf(address, SITE_ADDRESS_SIZE, "[::1]%s", port);
	else
		(void)snprintf(address, SITE_ADDRESS_SIZE, "%s", at);
}

const struct site_server *
site_fallback(const struct site *site, const struct site_server *server)
{
	const struct site_listen *wanted = tls_listen(site, server);
	const struct site_server *first = NULL, *s = site->servers;
	size_t i;

	for (; wanted && s < site->servers + site->server_count; s++)
		for (i = 0; i < s->listen_count; i++) {
			if (strcmp(s->listens[i].address, wanted->address) != 0)
				continue;
			if (s->listens[i].fallback)
				return s;
			first = first ? first : s;
		}
	return first;
}
