/* SPDX-License-Identifier: MIT */
/* Puts quotes around whatever comes. */
#include "json/json.h"

void __wrap_json_append_string(struct buf *out, struct span utf8);

void
__wrap_json_append_string(struct buf *out, struct span utf8)
{
	buf_append_byte(out, '"');
	buf_append_span(out, utf8);
	buf_append_byte(out, '"');
}
