/* SPDX-License-Identifier: MIT */
/*
 * reference - the number by which people know what a message is about
 */
#include "message/reference.h"

#include "base/utf8.h"

/* A longer value is not read at all. */
#define VALUE_MAX (1u << 20)

/* Is there a character that people can see? */
static bool
is_blank(struct span text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] > ' ')
			return false;
	return true;
}

void
reference_append_text(struct span text, struct buf *out)
{
	if (is_blank(text))
		return;
	if (text.len > REFERENCE_MAX && utf8_valid(text))
		text = utf8_cut(text, REFERENCE_MAX);
	else if (text.len > REFERENCE_MAX)
		text.len = REFERENCE_MAX;
	utf8_append_printable(out, text);
}

/* False where the value is no text and no number, or says nothing. */
static bool
append_value(struct json_value value, struct buf *out)
{
	struct buf text = BUF_INIT(VALUE_MAX);
	size_t before = out->len;

	if (value.type == JSON_TYPE_NUMBER)
		reference_append_text(value.raw, out);
	else if (json_decode_string(value, &text))
		reference_append_text(buf_span(&text), out);
	out->failed |= text.failed && value.raw.len < VALUE_MAX;
	buf_free(&text);
	return out->len > before;
}

void
reference_append(const struct sender *sender, const struct json_members *data,
    struct buf *out)
{
	const char *const *paths = sender->reference_paths;
	struct json_value value;
	size_t i;

	for (i = 0; i < SENDER_PATHS_MAX && paths[i]; i++)
		if (json_path(data, paths[i], &value) &&
		    append_value(value, out))
			return;
}
