/* SPDX-License-Identifier: MIT */
/*
 * signature_make - the steps that making and verifying a signature share
 */
#ifndef HOOKDIR_SIGNATURE_MAKE_H
#define HOOKDIR_SIGNATURE_MAKE_H

#include "message/signature.h"

/* Append the signed bytes; see the pattern of struct sender_signature. */
int signature_append_signed(const char *pattern,
    const struct signature_parts *parts, struct buf *out, struct error *err);

/*
 * The MAC of the signed bytes under a key as it stands in the parameters,
 * or, decoded, under the bytes that it says in base64.
 */
int signature_mac(const struct key *named, bool decoded, struct span bytes,
    unsigned char mac[SHA256_SIZE], struct error *err);

#endif
