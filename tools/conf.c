/* SPDX-License-Identifier: MIT */
/*
 * conf - the parameters of an endpoint, from a web server's configuration
 *
 * conf_syntax takes a file apart into directives; here they are put into
 * blocks. A block has what the block around it has, and its own.
 */
#include "conf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf_syntax.h"
#include "secret.h"

#define DEPTH_MAX 16 /* of blocks */

/* How well a block fits what is wanted. */
enum fit {
	FIT_NONE,
	FIT_NO_SPOOL,
	FIT_SPOOL,
	FIT_SENDER
};

struct block {
	struct conf conf;
	bool own; /* it sets parameters itself */
};

struct reading {
	const struct conf_wanted *wanted;
	struct block blocks[DEPTH_MAX];
	size_t depth; /* of the innermost */
	struct conf *best;
	enum fit fit;
	bool several;
};

static void
free_text(char *text)
{
	if (text)
		secret_wipe(text, strlen(text));
	free(text);
}

static void
free_parameter(struct conf_parameter *p)
{
	free(p->name);
	free_text(p->value);
}

void
conf_free(struct conf *conf)
{
	while (conf->count)
		free_parameter(&conf->all[--conf->count]);
}

/* Its place; that behind the last one where it is not set. */
static size_t
find(const struct conf *conf, const char *name)
{
	size_t i = 0;

	while (i < conf->count && strcmp(conf->all[i].name, name) != 0)
		i++;
	return i;
}

/* NULL where it is not set. */
static const char *
value_of(const struct conf *conf, const char *name)
{
	size_t i = find(conf, name);

	return i < conf->count ? conf->all[i].value : NULL;
}

/* The last one counts, as it does for the handler. */
static int
set(struct conf *conf, const char *name, const char *value, struct error *err)
{
	size_t i = find(conf, name);
	struct conf_parameter made;

	if (i == CONF_PARAMETERS)
		return error_set(
		    err, ERROR_CONFIGURATION, "%s: too many parameters", name);
	made.name = strdup(name);
	made.value = strdup(value);
	if (!made.name || !made.value) {
		free(made.name);
		free_text(made.value);
		return error_set(err, ERROR_MEMORY, "no memory");
	}
	if (i == conf->count)
		conf->count++;
	else
		free_parameter(&conf->all[i]);
	conf->all[i] = made;
	return 0;
}

static int
copy(struct conf *to, const struct conf *from, struct error *err)
{
	size_t i;

	for (i = 0; i < from->count; i++)
		if (set(to, from->all[i].name, from->all[i].value, err) < 0)
			return -1;
	return 0;
}

static bool
same(const struct conf *a, const struct conf *b)
{
	const char *other, *value;
	size_t i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		value = a->all[i].value;
		other = value_of(b, a->all[i].name);
		if (!other || strlen(other) != strlen(value) ||
		    !secret_equal(other, value, strlen(value)))
			return false;
	}
	return true;
}

static enum fit
fit_of(const struct conf *conf, const struct conf_wanted *wanted)
{
	const char *spool = value_of(conf, "HOOKDIR_SPOOL");
	const char *sender = value_of(conf, "HOOKDIR_SENDER");
	struct stat st;

	if (!spool)
		return FIT_NO_SPOOL;
	if (stat(spool, &st) < 0 || st.st_dev != wanted->device ||
	    st.st_ino != wanted->inode)
		return FIT_NONE;
	if (wanted->sender && sender && strcmp(sender, wanted->sender) == 0)
		return FIT_SENDER;
	return FIT_SPOOL;
}

/* The end of a block: is it what is wanted? */
static int
leave(struct reading *r, struct error *err)
{
	struct block *block = &r->blocks[r->depth];
	enum fit fit = FIT_NONE;
	int rc = 0;

	if (block->own)
		fit = fit_of(&block->conf, r->wanted);
	if (fit == r->fit && fit != FIT_NONE)
		r->several |= !same(r->best, &block->conf);
	if (fit > r->fit) {
		conf_free(r->best);
		rc = copy(r->best, &block->conf, err);
		r->fit = fit;
		r->several = false;
	}
	conf_free(&block->conf);
	block->own = false;
	return rc;
}

static int
take(void *context, const struct conf_directive *directive, struct error *err)
{
	struct reading *r = context;
	struct block *block = &r->blocks[r->depth];

	switch (directive->kind) {
	case CONF_BEGIN:
		if (r->depth + 1 == DEPTH_MAX)
			return error_set(err, ERROR_CONFIGURATION,
			    "too many blocks inside each other");
		r->depth++;
		return copy(&r->blocks[r->depth].conf, &block->conf, err);
	case CONF_END:
		if (r->depth == 0)
			return error_set(err, ERROR_CONFIGURATION,
			    "a block ends that did not begin");
		if (leave(r, err) < 0)
			return -1;
		r->depth--;
		return 0;
	case CONF_SET:
		block->own = true;
		return set(
		    &block->conf, directive->name, directive->value, err);
	}
	return 0;
}

static int
judge(const struct reading *r, const char *path, struct error *err)
{
	if (r->fit == FIT_NONE)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: no endpoint has this spool as HOOKDIR_SPOOL", path);
	if (r->several)
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: several endpoints%s; take the file of one", path,
		    r->fit == FIT_NO_SPOOL ? ""
			: r->wanted->sender
			? " have this spool and sender"
			: " have this spool; choose one with --sender, or");
	return 0;
}

int
conf_read(struct conf *conf, const char *path, const struct conf_wanted *wanted,
    struct error *err)
{
	struct reading *r = calloc(1, sizeof(*r));
	int rc;

	conf->count = 0;
	if (!r)
		return error_set(err, ERROR_MEMORY, "no memory");
	r->wanted = wanted;
	r->best = conf;
	rc = conf_syntax_read(path, take, r, err);
	if (rc == 0 && r->depth > 0)
		rc = error_set(
		    err, ERROR_CONFIGURATION, "%s: a block does not end", path);
	if (rc == 0)
		rc = leave(r, err);
	if (rc == 0)
		rc = judge(r, path, err);
	while (r->depth > 0)
		conf_free(&r->blocks[r->depth--].conf);
	conf_free(&r->blocks[0].conf);
	free(r);
	return rc;
}

int
conf_get(const struct conf *conf, const char *name, const char **value,
    struct error *err)
{
	const char *found = value_of(conf, name);

	if (!found)
		return 0;
	if (strchr(found, CONF_VARIABLE))
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: a variable of the web server is in it", name);
	*value = found;
	return 1;
}
