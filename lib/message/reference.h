/* SPDX-License-Identifier: MIT */
/*
 * reference - the number by which people know what a message is about
 *
 * The order number on the invoice, not the sender's own id: the member of
 * the data that the sender's row of lib/sender.h names.
 */
#ifndef HOOKDIR_REFERENCE_H
#define HOOKDIR_REFERENCE_H

#include "json/json.h"
#include "message/sender.h"

#define REFERENCE_MAX 256 /* bytes; a longer one loses its end */

/*
 * Append the reference in a message's data, as text that CloudEvents allows
 * (lib/utf8.h). Appends nothing where there is none. Memory: buf_check().
 */
void reference_append(const struct sender *sender,
    const struct json_members *data, struct buf *out);

/* The same with a text that was found in another way. */
void reference_append_text(struct span text, struct buf *out);

#endif
