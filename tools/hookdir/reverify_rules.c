/* SPDX-License-Identifier: MIT */
/*
 * reverify_rules - what an endpoint says about its calls, for reverify
 *
 * From the web server's own file, or from the environment under the names
 * that the web server uses. Options go before both.
 */
#include "hookdir/reverify.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hookdir/key_file.h"
#include "base/number.h"
#include "base/secret.h"
#include "hookdir/tool.h"

#define PREFIX	  "HOOKDIR_"
#define DEDUP_MAX (366UL * 24 * 3600) /* as in the handler */

/*
 * A parameter from --conf, else from the environment; NULL where not set. As
 * in the handler, an empty one is an error.
 */
static int
parameter_of(struct rules *rules, const char *name, const char **value,
    struct error *err)
{
	*value = NULL;
	if (!rules->conf_path)
		*value = getenv(name);
	else if (conf_get(&rules->conf, name, value, err) < 0)
		return -1;
	if (*value && !**value)
		return error_set(err, ERROR_CONFIGURATION, "%s: empty", name);
	return 0;
}

/* A parameter that may be a further key: HOOKDIR_KEY_name. */
static int
read_named_key(
    struct rules *rules, const char *parameter, size_t len, struct error *err)
{
	struct span rest = { parameter, len }, name;
	char called[sizeof(PREFIX) + sizeof("KEY_") + SIGNING_KEY_NAME];
	const char *key;

	if (!span_begins(rest, PREFIX) ||
	    !signing_is_key(span_skip(rest, strlen(PREFIX)), &name))
		return 0;
	(void)snprintf(called, sizeof(called), "%.*s", (int)len, parameter);
	if (parameter_of(rules, called, &key, err) < 0)
		return -1;
	return signing_add_key(&rules->signing, name, key ? key : "", err);
}

static int
read_named_keys(struct rules *rules, struct error *err)
{
	const char *name;
	char **entry;
	size_t i;

	for (entry = environ; !rules->conf_path && *entry; entry++)
		if (read_named_key(rules, *entry, strcspn(*entry, "="), err) <
		    0)
			return -1;
	for (i = 0; i < rules->conf.count; i++) {
		name = rules->conf.all[i].name;
		if (rules->conf.all[i].value &&
		    read_named_key(rules, name, strlen(name), err) < 0)
			return -1;
	}
	return 0;
}

/* -1: ERROR_CONFIGURATION and others. */
static int
read_keys(struct rules *rules, const char *file, struct error *err)
{
	struct keyring *keys = &rules->signing.keys;
	const char *key = NULL, *previous;

	if (!file && parameter_of(rules, "HOOKDIR_KEY", &key, err) < 0)
		return -1;
	if (file && key_file_read(&rules->key, file, err) < 0)
		return -1;
	if ((file || key) &&
	    keyring_add(keys, "current",
		file ? buf_span(&rules->key) : span_of(key), err) < 0)
		return -1;
	if (parameter_of(rules, "HOOKDIR_KEY_PREVIOUS", &previous, err) < 0 ||
	    (previous &&
		keyring_add(keys, "previous", span_of(previous), err) < 0) ||
	    read_named_keys(rules, err) < 0)
		return -1;
	if (keys->count)
		return 0;
	return error_set(err, ERROR_CONFIGURATION,
	    rules->conf_path
		? "no key: neither --key-file nor HOOKDIR_KEY in %s"
		: "no key: neither --key-file nor HOOKDIR_KEY%s",
	    rules->conf_path ? rules->conf_path : "");
}

static int
read_sender(struct rules *rules, const char *option)
{
	struct error err = ERROR_INIT;
	const char *name = option;

	if (!name && parameter_of(rules, "HOOKDIR_SENDER", &name, &err) < 0)
		return tool_error(&err);
	if (!name)
		return tool_usage("which sender? --sender or HOOKDIR_SENDER");
	rules->sender = sender_find(name);
	if (!rules->sender && !option)
		return tool_fail(EX_CONFIG, "HOOKDIR_SENDER: unknown sender");
	if (!rules->sender)
		return tool_usage("there is no sender %s", name);
	if (rules->sender->scheme == SCHEME_NONE &&
	    strcmp(name, "generic") != 0)
		return tool_usage("the sender %s signs nothing: there is "
				  "nothing to verify",
		    name);
	return EX_OK;
}

static int
read_dedup(struct rules *rules, const char *text, struct error *err)
{
	uint64_t seconds;

	if (!number_read(span_of(text), DEDUP_MAX, &seconds))
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_DEDUP: not a number in range");
	rules->dedup = (unsigned)seconds;
	return 0;
}

/*
 * What the endpoint says of how its sender signs, which is of no use for
 * another sender.
 */
static int
read_site(struct rules *rules, struct error *err)
{
	struct signing *signing = &rules->signing;
	char name[64];
	const char *sender;
	size_t i;

	if (parameter_of(rules, "HOOKDIR_SENDER", &sender, err) < 0)
		return -1;
	if (sender && strcmp(sender, rules->sender->name) != 0)
		return 0;
	for (i = 0; i < SCHEME_ITEMS; i++) {
		(void)snprintf(
		    name, sizeof(name), PREFIX "%s", scheme_names[i]);
		if (parameter_of(rules, name, &signing->site.item[i], err) < 0)
			return -1;
	}
	for (i = 0; i < PLACES; i++) {
		(void)snprintf(
		    name, sizeof(name), PREFIX "%s", message_place_names[i]);
		if (parameter_of(rules, name, &signing->places.of[i], err) < 0)
			return -1;
	}
	return 0;
}

static int
read_parameters(struct rules *rules, const char *key_file, struct error *err)
{
	const char *headers, *dedup;

	header_list_start(&rules->kept, rules->sender);
	if (parameter_of(rules, "HOOKDIR_EVENT", &rules->event, err) < 0 ||
	    parameter_of(rules, "HOOKDIR_HEADERS", &headers, err) < 0 ||
	    parameter_of(rules, "HOOKDIR_DEDUP", &dedup, err) < 0 ||
	    (headers &&
		header_list_add_kept(
		    &rules->kept, headers, "HOOKDIR_HEADERS", err) < 0))
		return -1;
	if (dedup && read_dedup(rules, dedup, err) < 0)
		return -1;
	if (read_site(rules, err) < 0)
		return -1;
	if (rules->sender->scheme == SCHEME_NONE &&
	    !rules->signing.site.item[SCHEME_HEADER])
		return error_set(err, ERROR_CONFIGURATION,
		    "HOOKDIR_SIGNATURE_HEADER: not set, so the sender %s signs "
		    "nothing: there is nothing to verify",
		    rules->sender->name);
	if (read_keys(rules, key_file, err) < 0)
		return -1;
	return signing_check(&rules->signing, rules->sender, &rules->kept, err);
}

/* The endpoint of this spool. */
static int
read_conf(struct rules *rules, const char *spool, const char *sender,
    struct error *err)
{
	struct conf_wanted wanted = { .sender = sender };
	struct stat st;

	if (!rules->conf_path)
		return 0;
	if (stat(spool, &st) < 0)
		return error_system(err, "cannot open %s", spool);
	wanted.device = st.st_dev;
	wanted.inode = st.st_ino;
	return conf_read(&rules->conf, rules->conf_path, &wanted, err);
}

int
rules_read(struct rules *rules, const char *spool, const char *sender,
    const char *key_file)
{
	struct error err = ERROR_INIT;
	int code;

	rules->key = (struct buf)BUF_INIT(KEY_FILE_MAX);
	if (read_conf(rules, spool, sender, &err) < 0)
		return tool_error(&err);
	code = read_sender(rules, sender);
	if (code == EX_OK && read_parameters(rules, key_file, &err) < 0)
		code = tool_error(&err);
	return code;
}

void
rules_free(struct rules *rules)
{
	secret_wipe(rules->key.at, rules->key.size);
	buf_free(&rules->key);
	conf_free(&rules->conf);
}
