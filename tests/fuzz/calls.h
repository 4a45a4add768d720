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

/* What the senders sign, said once more and in another way. */
struct rule {
	const char *sender, *header, *prefix;
	char separator;
	bool hex;
	const char *pattern; /* %i: the id */
	const char *id_header, *time_header, *time_prefix;
	unsigned tolerance;
	bool key_is_base64;
};

static const struct rule call_rules[] = {
	{ "standard-webhooks", "webhook-signature", "v1,", ' ', false,
	    "%i.%t.%b", "webhook-id", "webhook-timestamp", NULL, 300, true },
	{ "github", "X-Hub-Signature-256", "sha256=", '\0', true, "%b", NULL,
	    NULL, NULL, 0, false },
	{ "shopify", "X-Shopify-Hmac-SHA256", "", '\0', false, "%b", NULL, NULL,
	    NULL, 0, false },
	{ "stripe", "Stripe-Signature", "v1=", ',', true, "%t.%b", NULL, NULL,
	    "t=", 300, false },
};

static inline const struct rule *
call_rule(const struct sender *sender)
{
	size_t i;

	for (i = 0; i < sizeof(call_rules) / sizeof(call_rules[0]); i++)
		if (strcmp(call_rules[i].sender, sender->name) == 0)
			return &call_rules[i];
	return NULL;
}

/* What a sender that signs with an HMAC puts together. */
struct parts {
	const struct rule *rule;
	const char *id, *time;
	struct span body;
};

static inline struct keyring
call_keys(const struct sender *sender)
{
	struct keyring ring = { { { "current", { NULL, 0 } } },
		sender->scheme != SCHEME_NONE };

	const struct rule *rule = call_rule(sender);

	ring.keys[0].bytes =
	    span_of(rule && rule->key_is_base64 ? CALL_KEY_B64 : CALL_KEY);
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
	for (i = 0; p->rule->hex && i < 32; i++)
		buf_printf(out, "%02x", mac[i]);
	if (!p->rule->hex)
		fuzz_base64(out, (struct span){ (const char *)mac, 32 }, false);
}

#endif
