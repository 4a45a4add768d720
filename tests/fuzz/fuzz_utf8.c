/* SPDX-License-Identifier: MIT */
/*
 * fuzz_utf8 - UTF-8 by code points, and texts made fit for JSON
 */
#include "fuzz.h"
#include "json/json.h"
#include "base/utf8.h"

/* RFC 3629 section 3, by the code point that the bytes say. */
static size_t
length_by_value(struct span bytes)
{
	static const unsigned long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned first = bytes.len ? (unsigned char)bytes.at[0] : 0x80;
	size_t len = first < 0x80 ? 1
	    : first >> 5 == 6	  ? 2
	    : first >> 4 == 14	  ? 3
	    : first >> 3 == 30	  ? 4
				  : 0;
	unsigned long point = len > 1 ? first & (0xffu >> (len + 1)) : first;
	size_t i;

	if (!len || bytes.len < len)
		return 0;
	for (i = 1; i < len; i++) {
		if (((unsigned char)bytes.at[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | ((unsigned char)bytes.at[i] & 0x3f);
	}
	if (point < least[len] || point > 0x10ffff ||
	    (point >= 0xd800 && point <= 0xdfff))
		return 0;
	return len;
}

static bool
valid_by_value(struct span bytes)
{
	size_t len;

	for (; bytes.len; bytes.at += len, bytes.len -= len) {
		len = length_by_value(bytes);
		CHECK(utf8_length(bytes) == len);
		if (!len)
			return false;
	}
	return true;
}

/* Quoted, judged and read again, it is what it was. */
static void
check_quoting(struct span text)
{
	struct buf quoted = BUF_INIT(FUZZ_ROOM), said = BUF_INIT(FUZZ_ROOM);
	struct json_value value;
	size_t i;

	json_append_string(&quoted, text);
	CHECK(json_scan(buf_span(&quoted), &value));
	CHECK(value.type == JSON_TYPE_STRING && value.raw.len == quoted.len);
	CHECK(json_decode_string(value, &said));
	CHECK(fuzz_same(buf_span(&said), text));
	for (i = 0; i < quoted.len; i++)
		CHECK((unsigned char)quoted.at[i] >= 0x20 &&
		    quoted.at[i] != 0x7f);
	buf_free(&quoted);
	buf_free(&said);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT(FUZZ_ROOM);
	struct span given;
	struct input in;
	bool valid;

	input_start(&in, data, size);
	given = input_rest(&in);
	valid = valid_by_value(given);
	CHECK(utf8_valid(given) == valid);
	utf8_append_latin1(&text, given);
	CHECK(utf8_valid(buf_span(&text)));
	CHECK(fuzz_same(buf_span(&text), given) == valid);
	check_quoting(buf_span(&text));
	buf_free(&text);
	input_end(&in);
	return 0;
}
