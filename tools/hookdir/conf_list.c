/* SPDX-License-Identifier: MIT */
/*
 * conf_list - values by name, of parameters and of Apache's Define
 */
#include "hookdir/conf_list.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"

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
	free(conf->all);
	conf->all = NULL;
}

/* Its place; that behind the last one where there is none. */
static size_t
find(const struct conf *conf, const char *name)
{
	size_t i = 0;

	while (i < conf->count && strcasecmp(conf->all[i].name, name) != 0)
		i++;
	return i;
}

const char *
conf_list_get(const struct conf *conf, const char *name)
{
	size_t i = find(conf, name);

	return i < conf->count ? conf->all[i].value : NULL;
}

static int
add(struct conf *conf, const struct conf_parameter *made)
{
	struct conf_parameter *grown =
	    realloc(conf->all, (conf->count + 1) * sizeof(*conf->all));

	if (!grown)
		return -1;
	conf->all = grown;
	conf->all[conf->count++] = *made;
	return 0;
}

int
conf_list_put(
    struct conf *conf, const char *name, const char *value, struct error *err)
{
	struct conf_parameter made = { strdup(name),
		value ? strdup(value) : NULL };
	size_t i = find(conf, name);

	if (!made.name || (value && !made.value) ||
	    (i == conf->count && add(conf, &made) < 0)) {
		free_parameter(&made);
		return error_set(err, ERROR_MEMORY, "no memory");
	}
	if (conf->all[i].name != made.name) {
		free_parameter(&conf->all[i]);
		conf->all[i] = made;
	}
	return 0;
}

static void
drop(struct conf *conf, const char *name)
{
	size_t i = find(conf, name);

	if (i == conf->count)
		return;
	free_parameter(&conf->all[i]);
	conf->all[i] = conf->all[--conf->count];
}

int
conf_list_merge(struct conf *to, const struct conf *from, struct error *err)
{
	const struct conf_parameter *p = from->all;

	for (; p < from->all + from->count; p++)
		if (!p->value)
			drop(to, p->name);
		else if (conf_list_put(to, p->name, p->value, err) < 0)
			return -1;
	return 0;
}

bool
conf_list_same(const struct conf *a, const struct conf *b)
{
	const char *other, *value;
	size_t i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		value = a->all[i].value;
		other = conf_list_get(b, a->all[i].name);
		if (!other || strlen(other) != strlen(value) ||
		    !secret_equal(other, value, strlen(value)))
			return false;
	}
	return true;
}
