/* SPDX-License-Identifier: MIT */
/*
 * media_type - media types (RFC 2046, in the grammar of RFC 2045 section 5.1)
 */
#ifndef HOOKDIR_MEDIA_TYPE_H
#define HOOKDIR_MEDIA_TYPE_H

#include "base/buf.h"

/*
 * What is a media type at the start of a Content-Type header's value: type,
 * subtype, and as many parameters as are well-formed. An empty span where
 * there is none. Spaces are taken around ";" alone (RFC 9110 5.6.6).
 */
struct span media_type_of(struct span header);

#endif
