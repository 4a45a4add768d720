/* SPDX-License-Identifier: MIT */
/*
 * buf - growable bytes with a ceiling from birth
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 256

char *
buf_room(struct buf *b, size_t len)
{
	size_t want, size;
	char *grown;

	if (b->failed || len > b->max - b->len) {
		b->failed = true;
		return NULL;
	}
	want = b->len + len;
	if (want > b->size || !b->at) {
		size = b->size ? b->size : FIRST_SIZE;
		while (size < want)
			size = size > b->max / 2 ? b->max : size * 2;
		grown = realloc(b->at, size);
		if (!grown) {
			b->failed = true;
			return NULL;
		}
		b->at = grown;
		b->size = size;
	}
	return b->at + b->len;
}

void
buf_append(struct buf *b, const void *bytes, size_t len)
{
	char *room;

	if (len == 0)
		return;
	room = buf_room(b, len);
	if (room) {
		memcpy(room, bytes, len);
		b->len += len;
	}
}

void
buf_append_byte(struct buf *b, char byte)
{
	buf_append(b, &byte, 1);
}

void
buf_append_text(struct buf *b, const char *text)
{
	buf_append(b, text, strlen(text));
}

void
buf_append_span(struct buf *b, struct span s)
{
	buf_append(b, s.at, s.len);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	char *room;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	room = len < 0 ? NULL : buf_room(b, (size_t)len + 1);
	if (room) {
		(void)vsnprintf(room, (size_t)len + 1, fmt, again);
		b->len += (size_t)len;
	} else {
		b->failed = true;
	}
	va_end(again);
	va_end(ap);
}

int
buf_check(const struct buf *b, struct error *err)
{
	if (b->failed)
		return error_set(err, ERROR_MEMORY,
		    "no memory, or more than %zu bytes", b->max);
	return 0;
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

void
buf_free(struct buf *b)
{
	free(b->at);
	b->at = NULL;
	b->len = 0;
	b->size = 0;
	b->failed = false;
}

struct span
buf_span(const struct buf *b)
{
	return (struct span){ b->at, b->len };
}

struct span
span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

bool
span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool
span_is(struct span s, const char *text)
{
	return span_equal(s, span_of(text));
}

bool
span_begins(struct span s, const char *prefix)
{
	size_t len = strlen(prefix);

	return s.len >= len && memcmp(s.at, prefix, len) == 0;
}

struct span
span_skip(struct span s, size_t len)
{
	/* C has no sum of a null pointer and 0. */
	return len ? (struct span){ s.at + len, s.len - len } : s;
}

bool
span_cut(struct span *rest, char separator, struct span *front)
{
	const char *end;

	if (!rest->len)
		return false;
	end = memchr(rest->at, separator, rest->len);
	front->at = rest->at;
	front->len = end ? (size_t)(end - rest->at) : rest->len;
	rest->at += front->len + (end != NULL);
	rest->len -= front->len + (end != NULL);
	return true;
}
