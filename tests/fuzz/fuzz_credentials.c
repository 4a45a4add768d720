/* SPDX-License-Identifier: MIT */
/*
 * fuzz_credentials - the Authorization header, and whose secret it holds
 *
 * A client's id, its secret, and the header, a NUL behind each.
 */
#include "jose/credentials.h"
#include "base/form.h"
#include "fuzz.h"

/* RFC 7617: what was parsed is what the header says in base64. */
static void
check_basic(const struct credentials *c, const char *header)
{
	struct buf pair = BUF_INIT(FUZZ_ROOM), text = BUF_INIT(FUZZ_ROOM);
	struct span end = span_of(header);

	buf_append_span(&pair, c->user);
	buf_append_byte(&pair, ':');
	buf_append_span(&pair, c->secret);
	fuzz_base64(&text, buf_span(&pair), false);
	CHECK(!c->user.len || !memchr(c->user.at, ':', c->user.len));
	CHECK(end.len > text.len);
	end.at += end.len - text.len;
	end.len = text.len;
	CHECK(fuzz_same(end, buf_span(&text)));
	buf_free(&pair);
	buf_free(&text);
}

static bool
is_client(struct span user, struct span secret, const char *id,
    const char *client_secret)
{
	return span_is(user, id) && span_is(secret, client_secret);
}

static void
check_match(
    const struct credentials *c, const char *id, const char *client_secret)
{
	struct keyring ring = { { { "current", span_of(client_secret) } }, 1 };
	struct buf user = BUF_INIT(FUZZ_ROOM), secret = BUF_INIT(FUZZ_ROOM);
	struct error err = ERROR_INIT;
	const char *used = NULL;
	bool exact = is_client(c->user, c->secret, id, client_secret), got;

	form_decode(c->user, &user);
	form_decode(c->secret, &secret);
	got = credentials_match(
	    c->user, c->secret, false, id, &ring, &used, &err);
	CHECK(got == exact);
	got =
	    credentials_match(c->user, c->secret, true, id, &ring, &used, &err);
	CHECK(got ==
	    (exact ||
		is_client(
		    buf_span(&user), buf_span(&secret), id, client_secret)));
	CHECK(!got || strcmp(used, "current") == 0);
	CHECK(err.code == ERROR_NONE);
	buf_free(&user);
	buf_free(&secret);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *id, *secret, *header;
	struct error err = ERROR_INIT;
	struct credentials c;
	struct input in;

	input_start(&in, data, size);
	id = input_text(&in);
	secret = input_text(&in);
	header = input_text(&in);
	CHECK(credentials_parse(&c, header, &err) == 0);
	CHECK((c.scheme == CREDENTIALS_NONE) == !*header);
	if (c.scheme == CREDENTIALS_BEARER)
		CHECK(c.token.len && c.token.at > header &&
		    c.token.at + c.token.len == header + strlen(header) &&
		    !strpbrk(c.token.at, " ,\"\t\r\n"));
	if (c.scheme == CREDENTIALS_BASIC)
		check_basic(&c, header);
	check_match(&c, id, secret);
	credentials_free(&c);
	input_end(&in);
	return 0;
}
