/* SPDX-License-Identifier: MIT */
/*
 * form - application/x-www-form-urlencoded (WHATWG URL, section 5.1)
 */
#include "base/form.h"

#include <ctype.h>
#include <string.h>

#include "base/hex.h"

/* One character of encoded text; how many bytes of it that takes. */
static size_t
decode_one(struct span text, char *byte)
{
	size_t used = hex_percent(text, byte);

	if (used == 1 && *byte == '+')
		*byte = ' ';
	return used;
}

void
form_decode(struct span text, struct buf *out)
{
	size_t used;
	char byte;

	for (; text.len; text.at += used, text.len -= used) {
		used = decode_one(text, &byte);
		buf_append_byte(out, byte);
	}
}

static bool
is_named(struct span encoded, const char *name)
{
	size_t used;
	char byte;

	for (; encoded.len && *name; name++) {
		used = decode_one(encoded, &byte);
		if (byte != *name)
			return false;
		encoded.at += used;
		encoded.len -= used;
	}
	return !encoded.len && !*name;
}

static bool
is_name(struct span encoded)
{
	size_t i;

	for (i = 0; i < encoded.len; i++)
		if (!isalnum((unsigned char)encoded.at[i]) &&
		    !memchr("-._~%+*", encoded.at[i], 7))
			return false;
	return encoded.len > 0;
}

bool
form_is(struct span text)
{
	struct span pair, name;

	while (span_cut(&text, '&', &pair)) {
		if (!pair.len)
			continue;
		if (!memchr(pair.at, '=', pair.len) ||
		    !span_cut(&pair, '=', &name) || !is_name(name))
			return false;
	}
	return true;
}

size_t
form_field(struct span form, const char *name, struct buf *out)
{
	struct span pair, key;
	size_t count = 0;

	while (span_cut(&form, '&', &pair))
		if (span_cut(&pair, '=', &key) && is_named(key, name) &&
		    count++ == 0)
			form_decode(pair, out);
	return count;
}
