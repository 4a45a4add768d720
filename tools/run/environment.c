/* SPDX-License-Identifier: MIT */
/*
 * environment - what a command of hookdir run has in its environment
 */
#include "run/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/event.h"
#include "hookdir/program.h"

#define VALUE_MAX 4096

static const struct {
	enum event_attribute attribute;
	const char *name;
} exported[] = {
	{ EVENT_ID, "CE_ID" },
	{ EVENT_TYPE, "CE_TYPE" },
	{ EVENT_SUBJECT, "CE_SUBJECT" },
	{ EVENT_REFERENCE, "CE_REFERENCE" },
	{ EVENT_SOURCE, "CE_SOURCE" },
	{ EVENT_TIME, "CE_TIME" },
	{ EVENT_DATACONTENTTYPE, "CE_DATACONTENTTYPE" },
	{ EVENT_SENDER, "CE_SENDER" },
};

static void
add(struct environment *env, const char *name, struct span value)
{
	env->offsets[env->count++] = env->room.len;
	buf_append_text(&env->room, name);
	buf_append_byte(&env->room, '=');
	buf_append_span(&env->room, value);
	buf_append_byte(&env->room, '\0');
}

void
environment_add(struct environment *env, const char *name, struct span value)
{
	if (value.len > 0 && value.len <= VALUE_MAX &&
	    !memchr(value.at, '\0', value.len))
		add(env, name, value);
}

void
environment_add_number(
    struct environment *env, const char *name, unsigned value)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", value);
	add(env, name, span_of(text));
}

static void
add_own(struct environment *env, const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	if (!value)
		value = otherwise;
	if (value)
		add(env, name, span_of(value));
}

void
environment_add_own(struct environment *env)
{
	add_own(env, "PATH", PROGRAM_PATH);
	add_own(env, "HOME", NULL);
	add_own(env, "LANG", NULL);
}

int
environment_add_event(struct environment *env, int fd, struct error *err)
{
	struct error failed = ERROR_INIT;
	struct event event;
	size_t i;

	event_init(&event);
	if (event_peek(&event, fd, &failed) == 0)
		event_find_reference(&event, fd);
	for (i = 0; i < sizeof(exported) / sizeof(exported[0]); i++)
		environment_add(env, exported[i].name,
		    event_get(&event, exported[i].attribute));
	event_free(&event);
	if (failed.code != ERROR_MEMORY)
		return 0;
	*err = failed;
	return -1;
}

int
environment_finish(struct environment *env, struct error *err)
{
	size_t i;

	if (buf_check(&env->room, err) < 0)
		return -1;
	for (i = 0; i < env->count; i++)
		env->entries[i] = env->room.at + env->offsets[i];
	env->entries[env->count] = NULL;
	return 0;
}

void
environment_free(struct environment *env)
{
	buf_free(&env->room);
}
