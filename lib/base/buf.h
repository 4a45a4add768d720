/* SPDX-License-Identifier: MIT */
/*
 * buf - growable bytes with a ceiling from birth
 *
 * Appending never answers: a buffer that could not grow stays failed, takes
 * nothing more, and buf_check() says so once, at the end. A span is a view
 * of bytes that somebody else owns; it is not NUL-terminated.
 */
#ifndef HOOKDIR_BUF_H
#define HOOKDIR_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct span {
	const char *at; /* may be NULL when len is 0 */
	size_t len;
};

struct buf {
	char *at; /* owned; NULL until something is appended */
	size_t len;
	size_t size;
	size_t max;
	bool failed;
};

/* A buffer that never holds more than max bytes. Allocates nothing. */
#define BUF_INIT(max_)                                                         \
	{                                                                      \
		NULL, 0, 0, (max_), false                                      \
	}

void buf_append(struct buf *b, const void *bytes, size_t len);
void buf_append_byte(struct buf *b, char byte);
void buf_append_text(struct buf *b, const char *text);
void buf_append_span(struct buf *b, struct span s);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Room for len more bytes at the end, for the caller to fill and then to
 * add to b->len. NULL when the ceiling or memory does not allow it; then
 * the buffer has failed.
 */
char *buf_room(struct buf *b, size_t len);

/* 0, or -1 and ERROR_MEMORY when anything appended did not fit. */
int buf_check(const struct buf *b, struct error *err);

/* Empty it, keep the memory, forget a failure. */
void buf_reset(struct buf *b);

/* Free it; b is then as BUF_INIT left it. Accepts that state too. */
void buf_free(struct buf *b);

struct span buf_span(const struct buf *b);
struct span span_of(const char *text);
bool span_is(struct span s, const char *text);
bool span_equal(struct span a, struct span b);
bool span_begins(struct span s, const char *prefix);

/* What is left of s behind its first len bytes; it has that many. */
struct span span_skip(struct span s, size_t len);

/*
 * Cut off the front of *rest up to the separator, which goes too; all of
 * it where there is none. False when *rest is empty.
 */
bool span_cut(struct span *rest, char separator, struct span *front);

#endif
