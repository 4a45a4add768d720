/* SPDX-License-Identifier: MIT */
/*
 * fuzz_signature - with each sender that signs, only the right MAC passes
 *
 * A byte chooses the sender, another how the header is made: as it stands
 * in the input, or with a good signature in it. Then id, time and header, a
 * NUL behind each, and the body.
 */
#include "calls.h"
#include "message/signature.h"

static const char *const senders[] = { "standard-webhooks", "github", "shopify",
	"stripe" };

/* The verdict on a call with these parts. */
static enum error_code
verdict_on(const struct sender *sender, const struct parts *p,
    struct span header, struct span body)
{
	struct keyring ring = call_keys(sender);
	struct error err = ERROR_INIT;
	const char *used = NULL;
	struct message m;
	int rc;

	message_init(&m, FUZZ_ROOM);
	m.sender = sender;
	m.method = "POST";
	m.received = (struct timespec){ CALL_NOW, 0 };
	if (p->rule->id_header)
		call_set_header(&m, p->rule->id_header, span_of(p->id));
	if (p->rule->time_header)
		call_set_header(&m, p->rule->time_header, span_of(p->time));
	call_set_header(&m, p->rule->header, header);
	buf_append_span(&m.body, body);
	rc = signature_verify(&m, &ring, &used, &err);
	message_free(&m);
	CHECK((rc == 0) == (err.code == ERROR_NONE));
	CHECK((rc == 0) == (used && strcmp(used, "current") == 0));
	CHECK(rc == 0 || error_class(err.code) == CLASS_VERDICT);
	return err.code;
}

/* Is the MAC of this body anywhere in the header? */
static bool
is_in(const struct parts *p, const unsigned char mac[32], const char *header)
{
	struct buf text = BUF_INIT(FUZZ_ROOM);
	struct parts bare = *p;
	struct rule rule = *p->rule;
	bool found;

	rule.time_prefix = NULL;
	bare.rule = &rule;
	call_append_header(&bare, mac, &text);
	buf_append_byte(&text, '\0');
	found = rule.hex
	    ? strcasestr(header, text.at) != NULL
	    : strstr(header, text.at) != NULL;
	buf_free(&text);
	return found;
}

static bool
is_time(struct span text)
{
	size_t i;

	for (i = 0; i < text.len && i < 10; i++)
		if (text.at[i] < (i ? '0' : '1') || text.at[i] > '9')
			return false;
	return text.len == 10;
}

/* Can it be the time of the call? -1: it is none. */
static long long
seconds(const char *text)
{
	return is_time(span_of(text)) ? strtoll(text, NULL, 10) : -1;
}

/* Can it be the id of the call? */
static bool
is_id(struct span text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (text.at[i] < 0x21 || text.at[i] > 0x7e ||
		    strchr(",\"<[{", text.at[i]))
			return false;
	return text.len > 0 && text.len <= 256;
}

/* Is the id one, and no other cut of the text id, time and body? */
static bool
is_certain(const struct parts *p)
{
	struct buf text = BUF_INIT(FUZZ_ROOM);
	size_t i, cuts = 0;

	if (!p->rule->id_header)
		return true;
	buf_append_text(&text, p->id);
	buf_append_byte(&text, '.');
	buf_append_text(&text, p->time);
	buf_append_byte(&text, '.');
	buf_append_span(&text, p->body);
	for (i = 0; i + 12 <= text.len; i++)
		cuts += text.at[i] == '.' && text.at[i + 11] == '.' &&
		    is_time((struct span){ text.at + i + 1, 10 }) &&
		    is_id((struct span){ text.at, i });
	buf_free(&text);
	return is_id(span_of(p->id)) && cuts <= 1;
}

static void
check_signed(const struct sender *sender, const struct parts *p,
    const uint8_t *data, size_t size)
{
	struct buf header = BUF_INIT(FUZZ_ROOM), other = BUF_INIT(FUZZ_ROOM);
	size_t bit = fuzz_number(data, size, 256);
	long long then = seconds(p->time);
	unsigned tolerance = p->rule->tolerance;
	unsigned char mac[32];
	enum error_code got;

	/* A time that would end the member of the list is another header. */
	if (p->rule->time_prefix && strpbrk(p->time, ", "))
		goto out;
	call_sign(p, mac);
	call_append_header(p, mac, &header);
	got = verdict_on(sender, p, buf_span(&header), p->body);
	if (!is_certain(p)) {
		CHECK(got == ERROR_FORM);
		goto out;
	}
	CHECK(got ==
	    (!tolerance				  ? ERROR_NONE
		    : then < 0			  ? ERROR_FORM
		    : then < CALL_NOW - tolerance ? ERROR_EXPIRED
		    : then > CALL_NOW + tolerance ? ERROR_NOT_YET_VALID
						  : ERROR_NONE));
	mac[bit / 8] ^= (unsigned char)(1u << bit % 8);
	call_append_header(p, mac, &other);
	CHECK(verdict_on(sender, p, buf_span(&other), p->body) ==
	    ERROR_SIGNATURE);
	mac[bit / 8] ^= (unsigned char)(1u << bit % 8);
	mac[31] ^= 1;
	buf_reset(&other);
	call_append_header(p, mac, &other);
	CHECK(verdict_on(sender, p, buf_span(&other), p->body) ==
	    ERROR_SIGNATURE);
	buf_reset(&other);
	buf_append_span(&other, p->body);
	buf_append_byte(&other, 'x');
	CHECK(verdict_on(sender, p, buf_span(&header), buf_span(&other)) ==
	    ERROR_SIGNATURE);
out:
	buf_free(&header);
	buf_free(&other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sender *sender;
	unsigned char mac[32];
	const char *header;
	struct parts p;
	struct input in;
	unsigned how;

	input_start(&in, data, size);
	sender = sender_find(senders[input_byte(&in) % 4]);
	how = input_byte(&in);
	p.rule = call_rule(sender);
	p.id = input_text(&in);
	p.time = input_text(&in);
	header = input_text(&in);
	p.body = input_rest(&in);
	if (how % 2) {
		check_signed(sender, &p, data, size);
	} else if (verdict_on(sender, &p, span_of(header), p.body) ==
	    ERROR_NONE) {
		if (p.rule->time_prefix)
			p.time = strstr(header, p.rule->time_prefix);
		CHECK(p.time);
		/* Stripe's time is in the header: it ends at the comma. */
		if (p.rule->time_prefix)
			p.time = input_copy(&in,
			    (struct span){
				p.time + 2, strcspn(p.time + 2, ",") + 1 },
			    0);
		if (p.rule->time_prefix)
			((char *)(uintptr_t)p.time)[strcspn(p.time, ",")] =
			    '\0';
		call_sign(&p, mac);
		CHECK(is_in(&p, mac, header));
	}
	input_end(&in);
	return 0;
}
