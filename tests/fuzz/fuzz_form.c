/* SPDX-License-Identifier: MIT */
/*
 * fuzz_form - forms, beside a reader that was written the slow way
 *
 * A name, a NUL, and the form.
 */
#include "base/form.h"
#include "fuzz.h"
#include "base/hex.h"

static int
value_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c >= 'A' && c <= 'F' ? strchr(digits, c + 32)
	    : c				      ? strchr(digits, c)
					      : NULL;

	return at ? (int)(at - digits) : -1;
}

static void
decode_slowly(struct span text, struct buf *out)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		if (text.at[i] == '%' && i + 2 < text.len &&
		    value_of(text.at[i + 1]) >= 0 &&
		    value_of(text.at[i + 2]) >= 0) {
			buf_append_byte(out,
			    (char)(value_of(text.at[i + 1]) * 16 +
				value_of(text.at[i + 2])));
			i += 2;
		} else {
			buf_append_byte(
			    out, text.at[i] == '+' ? ' ' : text.at[i]);
		}
	}
}

/* As form_field(): how many there are, and the first one's value. */
static size_t
find_slowly(struct span form, const char *name, struct buf *out)
{
	struct buf key = BUF_INIT(FUZZ_ROOM);
	size_t start, end, equals, count = 0;

	for (start = 0; start < form.len; start = end + 1) {
		for (end = start; end < form.len && form.at[end] != '&'; end++)
			;
		for (equals = start; equals < end && form.at[equals] != '=';
		     equals++)
			;
		buf_reset(&key);
		decode_slowly(
		    (struct span){ form.at + start, equals - start }, &key);
		if (equals == start && equals == end)
			continue;
		if (!span_is(buf_span(&key), name))
			continue;
		if (count++ == 0 && equals < end)
			decode_slowly((struct span){ form.at + equals + 1,
					  end - equals - 1 },
			    out);
	}
	buf_free(&key);
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf got = BUF_INIT(FUZZ_ROOM), want = BUF_INIT(FUZZ_ROOM);
	const char *name;
	struct span form;
	struct input in;

	input_start(&in, data, size);
	name = input_text(&in);
	form = input_rest(&in);
	form_decode(form, &got);
	decode_slowly(form, &want);
	CHECK(fuzz_same(buf_span(&got), buf_span(&want)));
	buf_reset(&got);
	buf_reset(&want);
	CHECK(form_field(form, name, &got) == find_slowly(form, name, &want));
	CHECK(fuzz_same(buf_span(&got), buf_span(&want)));
	buf_free(&got);
	buf_free(&want);
	input_end(&in);
	return 0;
}
