/* SPDX-License-Identifier: MIT */
/*
 * calls - calls of each sender, signed as the sender would
 */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#include "fuzz.h"
#include "jose/keyring.h"
#include "message/message.h"

#define CALL_KEY     "a key of thirty-two bytes or more"
#define CALL_KEY_B64 "whsec_YSBrZXkgb2YgdGhpcnR5LXR3byBieXRlcyBvciBtb3Jl"
#define CALL_NOW     1795280733

/* What a sender that signs with an HMAC puts together. */
struct parts {
	const struct sender_signature *rule;
	const char *id, *time;
	struct span body;
};

static inline struct keyring
call_keys(const struct sender *sender)
{
	struct keyring ring = { { { "current", { NULL, 0 } } },
		sender->scheme != SCHEME_NONE };

	ring.keys[0].bytes =
	    span_of(sender->signature.key_is_base64 ? CALL_KEY_B64 : CALL_KEY);
	return ring;
}

static inline void
call_set_header(struct message *m, const char *name, struct span value)
{
	struct header *header = &m->headers[m->header_count];

	if (!value.len)
		return;
	m->header_count++;
	header->name = name;
	header->value = (struct buf)BUF_INIT(MESSAGE_TEXT_MAX);
	buf_append_span(&header->value, value);
}

/* The value of the header of this very name, whatever its spelling means. */
static inline struct span
call_kept_header(const struct message *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->header_count; i++)
		if (strcmp(m->headers[i].name, name) == 0)
			return buf_span(&m->headers[i].value);
	return (struct span){ NULL, 0 };
}

static inline void
call_sign(const struct parts *p, unsigned char mac[32])
{
	struct buf text = BUF_INIT(FUZZ_ROOM);
	const char *c;

	for (c = p->rule->pattern; *c; c++)
		if (*c != '%')
			buf_append_byte(&text, *c);
		else if (*++c == 'b')
			buf_append_span(&text, p->body);
		else
			buf_append_text(&text, *c == 'i' ? p->id : p->time);
	fuzz_mac(span_of(CALL_KEY), buf_span(&text), mac);
	buf_free(&text);
}

/* The header that says so. */
static inline void
call_append_header(
    const struct parts *p, const unsigned char mac[32], struct buf *out)
{
	int i;

	if (p->rule->time_prefix)
		buf_printf(out, "%s%s%c", p->rule->time_prefix, p->time,
		    p->rule->separator);
	buf_append_text(out, p->rule->prefix);
	for (i = 0; p->rule->encoding == ENCODING_HEX && i < 32; i++)
		buf_printf(out, "%02x", mac[i]);
	if (p->rule->encoding == ENCODING_BASE64)
		fuzz_base64(out, (struct span){ (const char *)mac, 32 }, false);
}

#endif
