/* SPDX-License-Identifier: MIT */
/*
 * conf_words - the words of a directive, as the web servers read them
 */
#ifndef HOOKDIR_CONF_WORDS_H
#define HOOKDIR_CONF_WORDS_H

#include <stdbool.h>

#include "base/buf.h"
#include "hookdir/conf_list.h"

#define CONF_WORDS_MAX 32 /* of a directive; those behind are skipped */

struct conf_words {
	struct buf text; /* look at buf_check(); wiped by the caller */
	size_t starts[CONF_WORDS_MAX];
	size_t count;
};

/* Forget and wipe them. */
void conf_words_reset(struct conf_words *words);

/* "" where there is none. */
const char *conf_words_at(const struct conf_words *words, size_t i);

/*
 * nginx: those of one directive. Returns what ends it, one of ";{}", or NUL
 * at the end of the file. *rest begins behind it.
 */
char conf_words_nginx(struct conf_words *words, struct span *rest);

/*
 * Apache: a "\" at the end of a line goes on with the next. Joins the lines
 * where they are, and returns the new length.
 */
size_t conf_words_join(char *text, size_t len);

/* Apache: put the values of Define for ${NAME} in a line. */
void conf_words_expand(
    struct buf *out, struct span line, const struct conf *defined);

/* Apache: those of such a line. */
void conf_words_apache(struct conf_words *words, struct span line);

/* Is a file nginx's, to judge by its first directive? Else it is Apache's. */
bool conf_words_are_nginx(struct conf_words *words, struct span text);

#endif
