/* SPDX-License-Identifier: MIT */
/*
 * conf - the parameters of an endpoint, from a web server's configuration
 *
 * conf_syntax takes a file apart into directives; here they are put into
 * blocks. A block has its own parameters, and those of the block around it:
 * of nginx (ngx_http_fastcgi_merge_loc_conf()) only if it sets none at all,
 * of Apache (mod_env.c) those that it neither sets nor unsets.
 */
#include "hookdir/conf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hookdir/conf_list.h"
#include "hookdir/conf_syntax.h"

#define DEPTH_MAX 32 /* of blocks, and the file */
#define PREFIX	  "HOOKDIR_"

/* How well a block fits what is wanted. */
enum fit {
	FIT_NONE,
	FIT_NO_SPOOL,
	FIT_SPOOL,
	FIT_SENDER
};

struct block {
	struct block *around; /* NULL: the file */
	struct block *next;   /* in the list of all */
	struct conf conf;     /* what it sets itself */
	bool own;	      /* that is something */
	bool replaces;	      /* what the block around it has is not in it */
	bool inherited;	      /* by a block in it, which sets more */
};

struct reading {
	const struct conf_wanted *wanted;
	struct block *all, *inner;
	int depth; /* of inner */
	struct conf *best;
	enum fit fit;
	bool several;
};

static enum fit
fit_of(const struct conf *conf, const struct conf_wanted *wanted)
{
	const char *spool = conf_list_get(conf, "HOOKDIR_SPOOL");
	const char *sender = conf_list_get(conf, "HOOKDIR_SENDER");
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

/* What there is in a block: its own, and of the blocks around it. */
static int
merge(struct conf *to, const struct block *block, struct error *err)
{
	if (block->around && !block->replaces &&
	    merge(to, block->around, err) < 0)
		return -1;
	return conf_list_merge(to, &block->conf, err);
}

/* Is this block what is wanted? */
static int
consider(struct reading *r, const struct block *block, struct error *err)
{
	struct conf conf = { NULL, 0 }, worse;
	enum fit fit;
	int rc = merge(&conf, block, err);

	if (rc < 0)
		goto out;
	/* What several endpoints have in common is none by itself. */
	if (block->inherited && !conf_list_get(&conf, "HOOKDIR_KEY"))
		goto out;
	fit = fit_of(&conf, r->wanted);
	if (fit == r->fit && fit != FIT_NONE)
		r->several |= !conf_list_same(r->best, &conf);
	if (fit > r->fit) {
		worse = *r->best;
		*r->best = conf;
		conf = worse;
		r->fit = fit;
		r->several = false;
	}
out:
	conf_free(&conf);
	return rc;
}

static int
enter(struct reading *r, struct error *err)
{
	struct block *block;

	if (r->depth == DEPTH_MAX)
		return error_set(err, ERROR_CONFIGURATION,
		    "too many blocks inside each other");
	block = calloc(1, sizeof(*block));
	if (!block)
		return error_set(err, ERROR_MEMORY, "no memory");
	block->around = r->inner;
	block->next = r->all;
	r->all = r->inner = block;
	r->depth++;
	return 0;
}

static int
leave(struct reading *r, struct error *err)
{
	if (!r->inner->around)
		return error_set(err, ERROR_CONFIGURATION,
		    "a block ends that did not begin");
	r->inner = r->inner->around;
	r->depth--;
	return 0;
}

static int
take(void *context, const struct conf_directive *directive, struct error *err)
{
	struct reading *r = context;
	struct block *around;

	switch (directive->kind) {
	case CONF_BEGIN:
		return enter(r, err);
	case CONF_END:
		return leave(r, err);
	case CONF_SET:
		break;
	}
	r->inner->replaces |= directive->nginx;
	if (strncmp(directive->name, PREFIX, strlen(PREFIX)) != 0)
		return 0;
	r->inner->own = true;
	for (around = r->inner->around; around; around = around->around)
		around->inherited |= !directive->nginx;
	return conf_list_put(
	    &r->inner->conf, directive->name, directive->value, err);
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

static void
free_blocks(struct block *block)
{
	struct block *next;

	for (; block; block = next) {
		next = block->next;
		conf_free(&block->conf);
		free(block);
	}
}

int
conf_read(struct conf *conf, const char *path, const struct conf_wanted *wanted,
    struct error *err)
{
	struct reading r = { .wanted = wanted, .best = conf };
	const struct block *block;
	int rc;

	*conf = (struct conf){ NULL, 0 };
	rc = enter(&r, err);
	if (rc == 0)
		rc = conf_syntax_read(path, take, &r, err);
	if (rc == 0 && r.inner->around)
		rc = error_set(
		    err, ERROR_CONFIGURATION, "%s: a block does not end", path);
	for (block = r.all; rc == 0 && block; block = block->next)
		if (block->own)
			rc = consider(&r, block, err);
	if (rc == 0)
		rc = judge(&r, path, err);
	free_blocks(r.all);
	return rc;
}

int
conf_get(const struct conf *conf, const char *name, const char **value,
    struct error *err)
{
	const char *found = conf_list_get(conf, name);

	if (!found)
		return 0;
	if (strchr(found, CONF_VARIABLE))
		return error_set(err, ERROR_CONFIGURATION,
		    "%s: a variable of the web server is in it, and its "
		    "value is not in the file",
		    name);
	*value = found;
	return 1;
}
