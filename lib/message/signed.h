/* SPDX-License-Identifier: MIT */
/*
 * signed - the bytes that a signature is over
 *
 * The body, or what a scheme's pattern builds around it. A caller chooses what
 * its headers hold, so the same bytes must not be two calls: what could be cut
 * in two ways is refused.
 */
#ifndef HOOKDIR_SIGNED_H
#define HOOKDIR_SIGNED_H

#include "message/scheme.h"

/* What a signature is made of, beside what the scheme says. */
struct signature_parts {
	struct span body, time, method;
	/* The value of a header; empty where there is none. */
	struct span (*header)(const void *call, struct span name);
	const void *call;
};

/*
 * The time that a text says. Each form has one length or one end, and nothing
 * else is read: so it is certain where a time in front of a body, or behind
 * it, ends. False: it is no time of that form.
 */
bool signed_read_time(
    enum time_format format, struct span text, double *seconds);

/* *bytes: the body, or built. -1: ERROR_MEMORY. */
int signed_find(const struct scheme *scheme,
    const struct signature_parts *parts, struct buf *built, struct span *bytes,
    struct error *err);

/*
 * Are the values of the headers in the pattern there, of its characters, and
 * is it certain where they end? 0, or -1 and ERROR_FORM. The second one is to
 * be called with the bytes of signed_find().
 */
int signed_check_values(const struct scheme *scheme,
    const struct signature_parts *parts, struct error *err);
int signed_check_cuts(const struct scheme *scheme,
    const struct signature_parts *parts, struct span bytes, struct error *err);

#endif
