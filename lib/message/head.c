/* SPDX-License-Identifier: MIT */
/*
 * head - the head of a call, as quarantine/ keeps it
 */
#include "message/head.h"

#include <ctype.h>
#include <string.h>

#include <openssl/rand.h>

#include "base/hmac.h"
#include "base/secret.h"

int
head_make_salt(char salt[HEAD_SALT_SIZE], struct error *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[(HEAD_SALT_SIZE - 1) / 2];
	size_t i;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return error_set(err, ERROR_CRYPTO, "no random bytes");
	for (i = 0; i < sizeof(bytes); i++) {
		salt[2 * i] = digits[bytes[i] >> 4];
		salt[2 * i + 1] = digits[bytes[i] & 15];
	}
	salt[HEAD_SALT_SIZE - 1] = '\0';
	return 0;
}

/* One line it must stay. */
static void
append_line(struct buf *out, struct span text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		buf_append_byte(out,
		    text.at[i] == '\n' || text.at[i] == '\r' ? ' '
							     : text.at[i]);
}

static void
append_header(struct buf *out, struct span name, struct span value)
{
	size_t i;

	for (i = 0; i < name.len; i++)
		buf_append_byte(out,
		    name.at[i] == '_'
			? '-'
			: (char)tolower((unsigned char)name.at[i]));
	buf_append_text(out, ": ");
	append_line(out, value);
	buf_append_byte(out, '\n');
}

void
head_start(struct buf *out, const struct message *m)
{
	append_line(out, span_of(m->method));
	buf_append_byte(out, ' ');
	append_line(out, m->path);
	if (m->query.len) {
		buf_append_byte(out, '?');
		append_line(out, m->query);
	}
	buf_append_byte(out, '\n');
	if (m->content_type.len)
		append_header(out, span_of("content-type"), m->content_type);
}

static int
append_digest(struct buf *out, const char salt[HEAD_SALT_SIZE],
    struct span name, const char *value, struct error *err)
{
	struct buf text = BUF_INIT(MESSAGE_HEAD_MAX);
	char digest[SHA256_HEX_SIZE];
	int rc = -1;

	buf_printf(&text, "%s:", salt);
	buf_append_text(&text, value);
	if (buf_check(&text, err) < 0 ||
	    sha256_hex(buf_span(&text), digest, err) < 0)
		goto out;
	secret_wipe(text.at, text.len);
	buf_reset(&text);
	buf_printf(&text, "sha256:%s:%s", salt, digest);
	append_header(out, name, buf_span(&text));
	rc = buf_check(&text, err);
out:
	secret_wipe(text.at, text.len);
	buf_free(&text);
	return rc;
}

int
head_digest_is(struct span digest, struct span secret, struct error *err)
{
	struct buf text = BUF_INIT(MESSAGE_HEAD_MAX);
	char made[SHA256_HEX_SIZE];
	struct span part, salt;
	int rc = -1;

	if (!span_cut(&digest, ':', &part) || !span_is(part, "sha256") ||
	    !span_cut(&digest, ':', &salt) || digest.len != sizeof(made) - 1)
		return 0;
	buf_append_span(&text, salt);
	buf_append_byte(&text, ':');
	buf_append_span(&text, secret);
	if (buf_check(&text, err) == 0 &&
	    sha256_hex(buf_span(&text), made, err) == 0)
		rc = secret_equal(digest.at, made, digest.len);
	secret_wipe(text.at, text.size);
	buf_free(&text);
	return rc;
}

int
head_add(struct buf *out, const char salt[HEAD_SALT_SIZE], struct span name,
    const char *value, enum header_secrecy secrecy, struct error *err)
{
	switch (secrecy) {
	case HEADER_OPEN:
		append_header(out, name, span_of(value));
		break;
	case HEADER_SECRET:
		return append_digest(out, salt, name, value, err);
	case HEADER_WITHHELD:
		break;
	}
	return 0;
}

bool
head_read_request(struct span *rest, struct span *line)
{
	return span_cut(rest, '\n', line) && memchr(line->at, ' ', line->len);
}

bool
head_read_header(struct span *rest, struct span *name, struct span *value)
{
	struct span line;

	if (!span_cut(rest, '\n', &line) || !span_cut(&line, ':', name) ||
	    !line.len || line.at[0] != ' ')
		return false;
	*value = (struct span){ line.at + 1, line.len - 1 };
	return true;
}
