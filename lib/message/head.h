/* SPDX-License-Identifier: MIT */
/*
 * head - the head of a call, as quarantine/ keeps it
 *
 * Lines as in HTTP/1, each ended by a newline: the method, a space, and path
 * and query; then the headers, names in lower case. A byte that cannot be in
 * a header (RFC 9110 section 5.5: CR, LF) is a space. All others are as they
 * came, so that a signature over them can be verified again.
 *
 * The first line is for people: of a path that a web server has decoded,
 * "?" and spaces in it look like those between its parts. Method, path and
 * query are members of the quarantined event.
 *
 * Of a header that carries a secret there is "sha256:SALT:DIGEST", the
 * digest of SALT, a colon, and the value. The salt is made anew for each
 * call: a secret that is known can be compared with any of them, and a table
 * of digests, or the same secret in another call, is of no help to guess it.
 */
#ifndef HOOKDIR_HEAD_H
#define HOOKDIR_HEAD_H

#include "message/header.h"
#include "message/message.h"

/* 16 bytes as hexadecimal digits, and a NUL */
#define HEAD_SALT_SIZE 33

/* -1: ERROR_CRYPTO. */
int head_make_salt(char salt[HEAD_SALT_SIZE], struct error *err);

/* The first line, and Content-Type. Look at buf_check() for memory. */
void head_start(struct buf *out, const struct message *m);

/*
 * One more header. name: as in HTTP or in RFC 3875, which has "_" for "-".
 * What is HEADER_WITHHELD is left out. 0, or -1 and ERROR_CRYPTO; look at
 * buf_check() for memory.
 */
int head_add(struct buf *out, const char salt[HEAD_SALT_SIZE], struct span name,
    const char *value, enum header_secrecy secrecy, struct error *err);

/*
 * Is it the digest of that secret, as head_add() writes it? 1, 0, or -1:
 * ERROR_CRYPTO, ERROR_MEMORY.
 */
int head_digest_is(struct span digest, struct span secret, struct error *err);

/*
 * The other direction; line is the first one as a whole. *rest begins as the
 * whole text, and is then that of the headers. False when it is no such line.
 */
bool head_read_request(struct span *rest, struct span *line);
bool head_read_header(struct span *rest, struct span *name, struct span *value);

#endif
