/* SPDX-License-Identifier: MIT */
/*
 * send_call - a message as its sender sends it
 */
#include "net/send_call.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <openssl/rand.h>

#include "base/base64.h"
#include "base/clock.h"
#include "json/json.h"
#include "jose/jwt.h"
#include "base/secret.h"
#include "message/signature.h"

#define TEXT_MAX 65536 /* bytes of a header */
#define ID_SIZE	 37    /* of a UUID, and a NUL */

/* What is new in each message. */
struct fresh {
	char id[ID_SIZE];
	char seconds[24]; /* since 1970 */
	struct timespec now;
};

/* RFC 9562 5.4: a random UUID. */
static int
make_id(char id[ID_SIZE], struct error *err)
{
	unsigned char b[16];

	if (RAND_bytes(b, sizeof(b)) != 1)
		return error_set(err, ERROR_CRYPTO, "no random bytes");
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	(void)snprintf(id, ID_SIZE,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
	    b[11], b[12], b[13], b[14], b[15]);
	return 0;
}

static int
make_fresh(struct fresh *fresh, struct error *err)
{
	fresh->now = clock_now();
	(void)snprintf(fresh->seconds, sizeof(fresh->seconds), "%lld",
	    (long long)fresh->now.tv_sec);
	return make_id(fresh->id, err);
}

/* A text of struct sender_sample with what is new in it. */
static void
append_sample(const char *text, const struct fresh *fresh, struct buf *out)
{
	char when[CLOCK_RFC3339_SIZE];

	clock_rfc3339(fresh->now, when);
	for (; *text; text++)
		if (text[0] == '%' && (text[1] == 'i' || text[1] == 't'))
			buf_append_text(out, *++text == 'i' ? fresh->id : when);
		else
			buf_append_byte(out, *text);
}

bool
send_call_is_header(const char *text)
{
	size_t name = strspn(text,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	    "!#$%&'*+-.^_`|~");

	/* RFC 9110 5.5: a line break would begin another header. */
	return name > 0 && text[name] == ':' && !strpbrk(text, "\r\n");
}

/* The value of a header in the list; NULL where it is not there. */
static const char *
find_header(const struct curl_slist *list, const char *name)
{
	size_t len = strlen(name);
	const char *value;

	for (; list; list = list->next)
		if (strncasecmp(list->data, name, len) == 0 &&
		    list->data[len] == ':') {
			value = list->data + len + 1;
			return value + strspn(value, " ");
		}
	return NULL;
}

/* line is "Name: value" and a NUL; it is wiped. */
static int
add_line(struct send_call *call, struct buf *line, struct error *err)
{
	struct curl_slist *list = NULL;
	int rc = buf_check(line, err);

	if (rc == 0)
		list = curl_slist_append(call->headers, line->at);
	if (rc == 0 && !list)
		rc = error_set(err, ERROR_MEMORY, "no memory");
	if (list)
		call->headers = list;
	secret_wipe(line->at, line->size);
	buf_free(line);
	return rc;
}

/* Unless the call has it already: headers of the command line win. */
static int
add_header(struct send_call *call, const char *name, struct span value,
    struct error *err)
{
	struct buf line = BUF_INIT(TEXT_MAX);

	if (find_header(call->headers, name))
		return 0;
	buf_append_text(&line, name);
	buf_append_text(&line, ": ");
	buf_append_span(&line, value);
	buf_append_byte(&line, '\0');
	return add_line(call, &line, err);
}

static int
add_asked(const struct send_rule *rule, struct send_call *call,
    const struct fresh *fresh, struct error *err)
{
	const char *const *sample = rule->sample ? rule->sample->headers : NULL;
	struct buf line = BUF_INIT(TEXT_MAX);
	char name[128];
	size_t i;

	for (i = 0; i < rule->header_count; i++) {
		buf_append_text(&line, rule->headers[i]);
		buf_append_byte(&line, '\0');
		if (add_line(call, &line, err) < 0)
			return -1;
	}
	for (i = 0; sample && i < 4 && sample[i]; i++) {
		(void)snprintf(name, sizeof(name), "%.*s",
		    (int)strcspn(sample[i], ":"), sample[i]);
		if (find_header(call->headers, name))
			continue;
		append_sample(sample[i], fresh, &line);
		buf_append_byte(&line, '\0');
		if (add_line(call, &line, err) < 0)
			return -1;
	}
	return 0;
}

/* The payload as it is, or in a token as SCHEME_JWT has it. */
static int
make_body(const struct send_rule *rule, struct send_call *call,
    const struct fresh *fresh, struct error *err)
{
	struct buf made = BUF_INIT(TEXT_MAX);
	struct span payload = rule->payload;
	int rc = 0;

	if (rule->sample) {
		append_sample(rule->sample->body, fresh, &made);
		payload = buf_span(&made);
	}
	if (rule->sender->scheme == SCHEME_JWT) {
		buf_append_text(&call->body, "{\"data\":\"");
		rc = jwt_sign(rule->key, "{\"alg\":\"HS256\"}", payload,
		    &call->body, err);
		buf_append_text(&call->body, "\"}");
	} else {
		buf_append_span(&call->body, payload);
	}
	if (rc == 0)
		rc = buf_check(&made, err);
	if (rc == 0)
		rc = buf_check(&call->body, err);
	buf_free(&made);
	return rc;
}

static struct span
header_of_call(const void *headers, struct span name)
{
	char text[128];
	const char *value;

	(void)snprintf(text, sizeof(text), "%.*s", (int)name.len, name.at);
	value = find_header(headers, text);
	return span_of(value ? value : "");
}

/* The header with the signature, which is the first that the scheme names. */
static int
add_signature(const struct send_rule *rule, struct send_call *call,
    const struct scheme *scheme, struct span time, struct error *err)
{
	const struct key key = { "current", rule->key };
	const struct signature_parts parts = { buf_span(&call->body), time,
		span_of("POST"), header_of_call, call->headers };
	struct buf name = BUF_INIT(TEXT_MAX), value = BUF_INIT(TEXT_MAX);
	int rc = signature_make(
	    scheme, rule->sender->base64, &key, &parts, &value, err);

	buf_append_span(&name, scheme->headers[0]);
	buf_append_byte(&name, '\0');
	if (rc == 0)
		rc = buf_check(&name, err);
	if (rc == 0)
		rc = add_header(call, name.at, buf_span(&value), err);
	buf_free(&name);
	buf_free(&value);
	return rc;
}

/* SCHEME_HMAC: the header with the signature, and that of the time. */
static int
sign(const struct send_rule *rule, struct send_call *call,
    const struct fresh *fresh, struct error *err)
{
	struct scheme_text site = { { NULL } };
	struct buf time = BUF_INIT(TEXT_MAX), name = BUF_INIT(TEXT_MAX);
	struct scheme_set set;
	const struct scheme *scheme = &set.of[0];
	const char *given = NULL;
	int rc = -1;

	if (rule->sender->signature[0].item[SCHEME_SIGNED] &&
	    strstr(rule->sender->signature[0].item[SCHEME_SIGNED], "%u"))
		site.item[SCHEME_URL] = rule->url;
	if (sender_schemes_with(rule->sender, &site, &set, err) < 0 ||
	    signature_make_time(
		scheme->time_format, fresh->now.tv_sec, &time, err) < 0)
		goto out;
	if (scheme->time.len && !scheme->time_in_list) {
		buf_append_span(&name, scheme->time);
		buf_append_byte(&name, '\0');
		if (buf_check(&name, err) < 0 ||
		    add_header(call, name.at, buf_span(&time), err) < 0)
			goto out;
		given = find_header(call->headers, name.at);
	}
	rc = add_signature(
	    rule, call, scheme, given ? span_of(given) : buf_span(&time), err);
out:
	buf_free(&time);
	buf_free(&name);
	return rc;
}

/*
 * A sender that does not sign shows a password or a token. RFC 6750 2.1: a
 * token holds no colon.
 */
static int
authorize(
    const struct send_rule *rule, struct send_call *call, struct error *err)
{
	struct buf value = BUF_INIT(2 * TEXT_MAX);
	int rc;

	if (rule->key.len == 0 || rule->key_is_in_url)
		return 0;
	if (memchr(rule->key.at, ':', rule->key.len)) {
		buf_append_text(&value, "Basic ");
		base64_encode(rule->key, &value);
	} else {
		buf_append_text(&value, "Bearer ");
		buf_append_span(&value, rule->key);
	}
	rc = buf_check(&value, err);
	if (rc == 0)
		rc = add_header(call, "Authorization", buf_span(&value), err);
	secret_wipe(value.at, value.size);
	buf_free(&value);
	return rc;
}

static const char *
type_of(struct span body)
{
	struct json_value root;

	return json_scan(body, &root) ? "application/json"
				      : "application/octet-stream";
}

int
send_call_make(
    const struct send_rule *rule, struct send_call *call, struct error *err)
{
	const struct sender *sender = rule->sender;
	struct fresh fresh;

	if (make_fresh(&fresh, err) < 0 ||
	    add_asked(rule, call, &fresh, err) < 0 ||
	    make_body(rule, call, &fresh, err) < 0)
		return -1;
	if (sender->id_header &&
	    add_header(call, sender->id_header, span_of(fresh.id), err) < 0)
		return -1;
	if (sender->scheme == SCHEME_HMAC && sign(rule, call, &fresh, err) < 0)
		return -1;
	if (sender->scheme == SCHEME_TOKEN &&
	    add_header(call, sender->signature[0].item[SCHEME_HEADER],
		rule->key, err) < 0)
		return -1;
	if (sender->scheme == SCHEME_NONE && authorize(rule, call, err) < 0)
		return -1;
	/* "Expect:" keeps libcurl from waiting for a 100. */
	if (add_header(call, "Content-Type",
		span_of(type_of(buf_span(&call->body))), err) < 0)
		return -1;
	return add_header(call, "Expect", (struct span){ NULL, 0 }, err);
}

void
send_call_free(struct send_call *call)
{
	struct curl_slist *line;

	for (line = call->headers; line; line = line->next)
		secret_wipe(line->data, strlen(line->data));
	curl_slist_free_all(call->headers);
	call->headers = NULL;
	buf_free(&call->body);
}
