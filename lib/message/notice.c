/* SPDX-License-Identifier: MIT */
/*
 * notice - a call without a body, whose address says what happened
 */
#include "message/notice.h"

#include <string.h>

#include "base/form.h"
#include "base/hex.h"

#define KINDS 2

/* What an address says: which kind, and the id as it stands there. */
struct address {
	const char *type; /* NULL: nothing we know */
	struct span id;
};

bool
notice_is(const struct message *m)
{
	const char *method = m->sender->notice.method;

	return method && strcmp(m->method, method) == 0;
}

static bool
in_query(const struct message *m, struct address *found)
{
	struct span rest = m->query, pair, name;
	size_t i;

	while (span_cut(&rest, '&', &pair)) {
		if (!span_cut(&pair, '=', &name) || !pair.len)
			continue;
		for (i = 0; i < KINDS; i++) {
			if (!span_is(name, m->sender->notice.kinds[i].query))
				continue;
			found->type = m->sender->notice.kinds[i].type;
			found->id = pair;
			return true;
		}
	}
	return false;
}

/* "order", and "orders" too. */
static bool
is_word(struct span part, const char *word)
{
	size_t len = strlen(word);

	return (part.len == len ||
		   (part.len == len + 1 && part.at[len] == 's')) &&
	    memcmp(part.at, word, len) == 0;
}

/* The word anywhere in the path, the id at its end. */
static bool
in_path(const struct message *m, struct address *found)
{
	struct span rest = m->path, part;
	const char *type = NULL;
	size_t i;

	while (span_cut(&rest, '/', &part)) {
		if (type && part.len && !rest.len) {
			found->type = type;
			found->id = part;
			return true;
		}
		for (i = 0; i < KINDS; i++)
			if (is_word(part, m->sender->notice.kinds[i].word))
				type = m->sender->notice.kinds[i].type;
	}
	return false;
}

/* RFC 3986 2.1: %XX is the byte; in a path a plus is a plus. */
static void
append_path_part(struct span part, struct buf *out)
{
	size_t used;
	char byte;

	for (; part.len; part.at += used, part.len -= used) {
		used = hex_percent(part, &byte);
		buf_append_byte(out, byte);
	}
}

static int
make_id(struct message *m, struct error *err)
{
	struct buf text = BUF_INIT(4 * MESSAGE_TEXT_MAX);
	int rc = -1;

	buf_printf(&text, "%s ", m->method);
	buf_append_span(&text, m->path);
	buf_append_byte(&text, '?');
	buf_append_span(&text, m->query);
	buf_printf(&text, " %lld.%09ld", (long long)m->received.tv_sec,
	    m->received.tv_nsec);
	if (buf_check(&text, err) == 0)
		rc = sha256_hex(buf_span(&text), m->made_id, err);
	buf_free(&text);
	m->id = span_of(m->made_id);
	return rc;
}

int
notice_read(struct message *m, struct error *err)
{
	struct address found = { NULL, { NULL, 0 } };

	if (in_query(m, &found))
		form_decode(found.id, &m->subject);
	else if (in_path(m, &found))
		append_path_part(found.id, &m->subject);
	buf_append_text(&m->type, m->sender->type_prefix);
	buf_append_text(
	    &m->type, found.type ? found.type : m->sender->type_fallback);
	if (buf_check(&m->type, err) < 0 || buf_check(&m->subject, err) < 0)
		return -1;
	return make_id(m, err);
}
