/* SPDX-License-Identifier: MIT */
/*
 * endpoint_text - the content of an endpoint's file
 */
#ifndef ENDPOINT_ENDPOINT_TEXT_H
#define ENDPOINT_ENDPOINT_TEXT_H

#include "endpoint/endpoint.h"

/* Fill in all but root and name. */
int endpoint_text_read(
    struct endpoint *e, struct span text, const char *path, struct error *err);

/* A new file: the sample of its way, with this endpoint's values. */
int endpoint_text_write(
    const struct endpoint *e, struct buf *out, struct error *err);

/* Copy text with the keys of e in place of those between the marks. */
int endpoint_text_replace_keys(const struct endpoint *e, struct span text,
    struct buf *out, const char *path, struct error *err);

#endif
