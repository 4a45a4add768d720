/* SPDX-License-Identifier: MIT */
/*
 * document - the document of an event, in documents/ of its spool
 *
 * hookdir fetch stores it as documents/BASE.bin, where BASE is the base of
 * the event's file name; see struct spool_name. It stays there while its
 * event is in the spool, in whatever state. An event never loses its document
 * before it is gone itself: a crash can leave a document without an event,
 * which hookdir expire removes, and never the reverse.
 */
#ifndef HOOKDIR_DOCUMENT_H
#define HOOKDIR_DOCUMENT_H

#include "queue/archive.h"
#include "spool/spool_name.h"

#define DOCUMENT_DIRECTORY "documents"
#define DOCUMENT_ENDING	   ".bin"

/*
 * Before an event moves to an archive: copy its document to documents/ in
 * the archive, and flush it. The one in the spool stays. root is the spool's
 * directory. 0: copied, or the event has none. -1: failed, and the event must
 * not be moved.
 */
int document_copy(int root, const struct spool_name *name,
    const struct archive *archive, struct error *err);

/*
 * After the event has been removed or archived: remove its document from the
 * spool. changed is the directory that the event was removed from, or has been
 * moved to; it is flushed first, so that a power cut does not bring the event
 * back without its document. -1 for changed: there is nothing to flush.
 * 1: removed. 0: there is none; or another file with the same base is still in
 * the spool, a copy, which keeps it. -1: failed, and the document is still
 * there.
 */
int document_remove(
    int root, const struct spool_name *name, int changed, struct error *err);

#endif
