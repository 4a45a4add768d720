/* SPDX-License-Identifier: MIT */
/*
 * fuzz_base64 - one text for any bytes, and no other is taken
 */
#include "base/base64.h"
#include "fuzz.h"
#include "base/hex.h"

typedef bool decoder(struct span text, struct buf *out);
typedef void encoder(struct span bytes, struct buf *out);

static void
check_alphabet(struct span given, decoder *decode, encoder *encode, bool url)
{
	struct buf bytes = BUF_INIT(FUZZ_ROOM), text = BUF_INIT(FUZZ_ROOM);
	struct buf other = BUF_INIT(FUZZ_ROOM);

	if (decode(given, &bytes)) {
		CHECK(!bytes.failed);
		encode(buf_span(&bytes), &text);
		CHECK(fuzz_same(buf_span(&text), given));
	} else {
		CHECK(bytes.len == 0);
	}
	buf_reset(&bytes);
	buf_reset(&text);
	encode(given, &text);
	fuzz_base64(&other, given, url);
	CHECK(fuzz_same(buf_span(&text), buf_span(&other)));
	CHECK(decode(buf_span(&text), &bytes));
	CHECK(fuzz_same(buf_span(&bytes), given));
	buf_free(&bytes);
	buf_free(&text);
	buf_free(&other);
}

static void
check_hex(struct span given)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	struct buf bytes = BUF_INIT(FUZZ_ROOM);
	bool want = given.len % 2 == 0;
	const char *at;
	size_t i;
	int value;

	for (i = 0; i < given.len; i++)
		want = want && given.at[i] && strchr(digits, given.at[i]);
	CHECK(hex_decode(given, &bytes) == want);
	CHECK(bytes.len == (want ? given.len / 2 : 0));
	for (i = 0; want && i < given.len; i++) {
		at = strchr(digits + 16, given.at[i]);
		if (!at)
			at = strchr(digits, given.at[i]);
		value = (int)(at - digits) % 16;
		CHECK(((unsigned char)bytes.at[i / 2] >> (i % 2 ? 0 : 4) &
			  15) == value);
	}
	buf_free(&bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in;
	struct span given;

	input_start(&in, data, size);
	given = input_rest(&in);
	check_alphabet(given, base64url_decode, base64url_encode, true);
	check_alphabet(given, base64_decode, base64_encode, false);
	check_hex(given);
	input_end(&in);
	return 0;
}
