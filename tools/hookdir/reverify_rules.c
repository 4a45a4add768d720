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

#define DEDUP_MAX (366UL * 24 * 3600) /* as in the handler */

/*
 * A parameter from --conf, else from the environment; NULL where not set. As
 * in the handler, an empty one is an error.
 */
static int
parameter(struct rules *rules, const char *name, const char **value,
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

/* -1: ERROR_CONFIGURATION and others. */
static int
read_keys(struct rules *rules, const char *file, struct error *err)
{
	const char *key = NULL, *previous;

	if (!file && parameter(rules, "HOOKDIR_KEY", &key, err) < 0)
		return -1;
	if (!file && !key)
		return error_set(err, ERROR_CONFIGURATION,
		    rules->conf_path
			? "no key: neither --key-file nor HOOKDIR_KEY in %s"
			: "no key: neither --key-file nor HOOKDIR_KEY%s",
		    rules->conf_path ? rules->conf_path : "");
	if (file && key_file_read(&rules->key, file, err) < 0)
		return -1;
	if (keyring_add(&rules->keys, "current",
		file ? buf_span(&rules->key) : span_of(key), err) < 0)
		return -1;
	if (parameter(rules, "HOOKDIR_KEY_PREVIOUS", &previous, err) < 0)
		return -1;
	return previous
	    ? keyring_add(&rules->keys, "previous", span_of(previous), err)
	    : 0;
}

static int
read_sender(struct rules *rules, const char *option)
{
	struct error err = ERROR_INIT;
	const char *name = option;

	if (!name && parameter(rules, "HOOKDIR_SENDER", &name, &err) < 0)
		return tool_error(&err);
	if (!name)
		return tool_usage("which sender? --sender or HOOKDIR_SENDER");
	rules->sender = sender_find(name);
	if (!rules->sender && !option)
		return tool_fail(EX_CONFIG, "HOOKDIR_SENDER: unknown sender");
	if (!rules->sender)
		return tool_usage("there is no sender %s", name);
	if (rules->sender->scheme == SCHEME_NONE)
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

static int
read_parameters(struct rules *rules, const char *key_file, struct error *err)
{
	const char *headers, *dedup;

	header_list_start(&rules->kept, rules->sender);
	if (parameter(rules, "HOOKDIR_EVENT", &rules->event, err) < 0 ||
	    parameter(rules, "HOOKDIR_HEADERS", &headers, err) < 0 ||
	    parameter(rules, "HOOKDIR_DEDUP", &dedup, err) < 0 ||
	    (headers &&
		header_list_add_kept(
		    &rules->kept, headers, "HOOKDIR_HEADERS", err) < 0))
		return -1;
	if (dedup && read_dedup(rules, dedup, err) < 0)
		return -1;
	return read_keys(rules, key_file, err);
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
