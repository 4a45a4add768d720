/* SPDX-License-Identifier: MIT */
/*
 * conf_list - values by name, of parameters and of Apache's Define
 */
#ifndef HOOKDIR_CONF_LIST_H
#define HOOKDIR_CONF_LIST_H

#include "hookdir/conf.h"

/* NULL where it is not set. Upper and lower case are the same, as in Apache. */
const char *conf_list_get(const struct conf *conf, const char *name);

/* The last one counts. value: NULL to remember that it is not set. */
int conf_list_put(
    struct conf *conf, const char *name, const char *value, struct error *err);

/* Put all of from: what is NULL there is not in to afterwards. */
int conf_list_merge(
    struct conf *to, const struct conf *from, struct error *err);

/* Do both have the same? */
bool conf_list_same(const struct conf *a, const struct conf *b);

#endif
