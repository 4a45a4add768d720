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
	CHECK((rc == 0 || err.code == ERROR_EXPIRED ||
		  err.code == ERROR_NOT_YET_VALID) ==
	    (used && strcmp(used, "current") == 0));
	CHECK(rc == 0 || error_class(err.code) == CLASS_VERDICT);
	return err.code;
}

/* In the alphabet of base64, without padding, upper and lower case apart */
static void
append_plain(struct buf *out, const char *text)
{
	for (; *text; text++)
		if (*text != '=')
			buf_append_byte(out,
			    *text == '-'       ? '+'
				: *text == '_' ? '/'
					       : *text);
	buf_append_byte(out, '\0');
}

/* Is the MAC of this body anywhere in the header, in one of its two forms? */
static bool
is_in(const struct parts *p, const unsigned char mac[32], const char *header)
{
	struct buf text = BUF_INIT(FUZZ_ROOM), plain = BUF_INIT(FUZZ_ROOM);
	struct rule rule = *p->rule;
	struct parts bare = *p;
	bool found = false;
	int hex;

	rule.time_prefix = NULL;
	bare.rule = &rule;
	append_plain(&plain, header);
	for (hex = 0; hex < 2; hex++) {
		struct buf needle = BUF_INIT(FUZZ_ROOM);

		rule.hex = hex;
		buf_reset(&text);
		call_append_header(&bare, mac, &text);
		buf_append_byte(&text, '\0');
		append_plain(&needle, text.at);
		found |= hex ? strcasestr(plain.at, needle.at) != NULL
			     : strstr(plain.at, needle.at) != NULL;
		buf_free(&needle);
	}
	buf_free(&plain);
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

static bool
is_of_id(char c)
{
	return c &&
	    strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		   "0123456789._~+/=-",
		c);
}

/* Can it be the id of the call? */
static bool
is_id(struct span text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if (!is_of_id(text.at[i]))
			return false;
	return text.len > 0 && text.len <= 256;
}

static bool
is_json_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Does it begin and end with brackets that fit? */
static bool
is_bracketed(struct span text)
{
	size_t from = 0, to = text.len;

	while (from < to && is_json_blank(text.at[from]))
		from++;
	while (to > from && is_json_blank(text.at[to - 1]))
		to--;
	return to - from >= 2 &&
	    ((text.at[from] == '{' && text.at[to - 1] == '}') ||
		(text.at[from] == '[' && text.at[to - 1] == ']'));
}

/* Is there a dotted word around brackets, which could be part of an id? */
static bool
is_movable(struct span body)
{
	struct span rest = body;
	bool dot = false;

	while (rest.len && is_of_id(rest.at[0])) {
		dot |= rest.at[0] == '.';
		rest = span_skip(rest, 1);
	}
	if (dot && is_bracketed(rest))
		return true;
	dot = false;
	while (body.len && is_of_id(body.at[body.len - 1])) {
		dot |= body.at[body.len - 1] == '.';
		body.len--;
	}
	return dot && is_bracketed(body);
}

/* In how many ways can id, time and body be cut out of their text? */
static size_t
count_cuts(const struct parts *p, struct span body)
{
	struct buf text = BUF_INIT(FUZZ_ROOM);
	size_t i, cuts = 0;

	buf_printf(&text, "%s.%s.", p->id, p->time);
	buf_append_span(&text, body);
	for (i = 0; i + 12 <= text.len; i++)
		cuts += text.at[i] == '.' && text.at[i + 11] == '.' &&
		    is_time((struct span){ text.at + i + 1, 10 }) &&
		    is_id((struct span){ text.at, i });
	buf_free(&text);
	return cuts;
}

/* Is the id one, and no other cut of the text id, time and body? */
static bool
is_certain(const struct parts *p, struct span body)
{
	if (!p->rule->id_header)
		return true;
	return is_id(span_of(p->id)) &&
	    (strchr(p->id, '.') ? is_bracketed(body) : !is_movable(body)) &&
	    count_cuts(p, body) <= 1;
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

	/*
	 * A time that would end the member of the list is another header; and
	 * white space around a value is none of it.
	 */
	if ((p->rule->time_prefix && strchr(p->time, ',')) ||
	    strpbrk(p->time, " \t") || strpbrk(p->id, " \t"))
		goto out;
	call_sign(p, mac);
	call_append_header(p, mac, &header);
	got = verdict_on(sender, p, buf_span(&header), p->body);
	if (!is_certain(p, p->body)) {
		CHECK(got == ERROR_FORM);
		goto out;
	}
	CHECK(got ==
	    (!tolerance				  ? ERROR_NONE
		    : then < 0			  ? ERROR_FORM
		    : then < CALL_NOW - tolerance ? ERROR_EXPIRED
		    : then > CALL_NOW + tolerance ? ERROR_NOT_YET_VALID
						  : ERROR_NONE));
	if (got == ERROR_FORM)
		goto out;
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
	    (is_certain(p, buf_span(&other)) ? ERROR_SIGNATURE : ERROR_FORM));
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
