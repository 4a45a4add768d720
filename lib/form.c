/* SPDX-License-Identifier: MIT */
/*
 * form - application/x-www-form-urlencoded (WHATWG URL, section 5.1)
 */
#include "form.h"

#include <string.h>

#include "hex.h"

void
form_decode(struct span text, struct buf *out)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.at[i] == '%' && i + 2 < text.len &&
		    hex_decode((struct span){ text.at + i + 1, 2 }, out))
			i += 2;
		else
			buf_append_byte(
			    out, text.at[i] == '+' ? ' ' : text.at[i]);
	}
}

/* Cut off what stands before the separator, or all of it. */
static struct span
cut(struct span *rest, char separator)
{
	const char *end = memchr(rest->at, separator, rest->len);
	struct span part = { rest->at,
		end ? (size_t)(end - rest->at) : rest->len };

	rest->at += part.len + (end != NULL);
	rest->len -= part.len + (end != NULL);
	return part;
}

static bool
is_named(struct span encoded, const char *name)
{
	struct buf decoded = BUF_INIT(encoded.len + 1);
	bool same;

	form_decode(encoded, &decoded);
	same = !decoded.failed && span_is(buf_span(&decoded), name);
	buf_free(&decoded);
	return same;
}

size_t
form_field(struct span form, const char *name, struct buf *out)
{
	struct span pair, key;
	size_t count = 0;

	while (form.len) {
		pair = cut(&form, '&');
		if (!pair.len)
			continue;
		key = cut(&pair, '=');
		if (!is_named(key, name))
			continue;
		if (count++ == 0)
			form_decode(pair, out);
	}
	return count;
}
