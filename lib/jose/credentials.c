/* SPDX-License-Identifier: MIT */
/*
 * credentials - the Authorization header (RFC 9110 section 11.6.2)
 */
#include "jose/credentials.h"

#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/form.h"
#include "base/secret.h"

/* RFC 6750 2.1: b64token. */
static bool
is_b64token(struct span text)
{
	size_t len = text.len, i;

	while (len && text.at[len - 1] == '=')
		len--;
	for (i = 0; i < len; i++)
		if (!memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "abcdefghijklmnopqrstuvwxyz0123456789-._~+/",
			text.at[i], 68))
			return false;
	return len > 0;
}

/* RFC 7617 section 2: the first colon is the one between them. */
static void
read_basic(struct credentials *c, struct span encoded)
{
	const char *colon;

	if (!base64_decode(encoded, &c->decoded) || !c->decoded.len)
		return;
	colon = memchr(c->decoded.at, ':', c->decoded.len);
	if (!colon)
		return;
	c->user.at = c->decoded.at;
	c->user.len = (size_t)(colon - c->decoded.at);
	c->secret.at = colon + 1;
	c->secret.len = c->decoded.len - c->user.len - 1;
	c->scheme = CREDENTIALS_BASIC;
}

int
credentials_parse(struct credentials *c, const char *header, struct error *err)
{
	struct span rest;
	size_t len;

	memset(c, 0, sizeof(*c));
	c->decoded.max = CREDENTIALS_MAX;
	if (!header || !*header)
		return 0;
	c->scheme = CREDENTIALS_OTHER;
	len = strcspn(header, " ");
	rest = span_of(header + len);
	while (rest.len && *rest.at == ' ') {
		rest.at++;
		rest.len--;
	}
	if (rest.len > CREDENTIALS_MAX)
		return 0;
	/* RFC 9110 11.1: the scheme's case does not matter. */
	if (len == 6 && strncasecmp(header, "Bearer", len) == 0 &&
	    is_b64token(rest)) {
		c->scheme = CREDENTIALS_BEARER;
		c->token = rest;
	} else if (len == 5 && strncasecmp(header, "Basic", len) == 0) {
		read_basic(c, rest);
	}
	return buf_check(&c->decoded, err);
}

void
credentials_free(struct credentials *c)
{
	secret_wipe(c->decoded.at, c->decoded.size);
	buf_free(&c->decoded);
	c->scheme = CREDENTIALS_NONE;
}

static bool
same(struct span a, struct span b)
{
	return a.len == b.len && secret_equal(a.at, b.at, a.len);
}

static bool
match_exact(struct span user, struct span secret, const char *client_id,
    const struct keyring *secrets, const char **used)
{
	bool known = same(user, span_of(client_id)), match = false;
	size_t i;

	for (i = 0; i < secrets->count; i++)
		if (same(secret, secrets->keys[i].bytes) && !match) {
			match = true;
			if (known)
				*used = secrets->keys[i].name;
		}
	return known && match;
}

bool
credentials_match(struct span user, struct span secret, bool maybe_encoded,
    const char *client_id, const struct keyring *secrets, const char **used,
    struct error *err)
{
	struct buf plain_user = BUF_INIT(CREDENTIALS_MAX);
	struct buf plain_secret = BUF_INIT(CREDENTIALS_MAX);
	bool match = match_exact(user, secret, client_id, secrets, used);

	if (!match && maybe_encoded) {
		form_decode(user, &plain_user);
		form_decode(secret, &plain_secret);
		match = buf_check(&plain_user, err) == 0 &&
		    buf_check(&plain_secret, err) == 0 &&
		    match_exact(buf_span(&plain_user), buf_span(&plain_secret),
			client_id, secrets, used);
		secret_wipe(plain_secret.at, plain_secret.size);
	}
	buf_free(&plain_user);
	buf_free(&plain_secret);
	return match;
}
