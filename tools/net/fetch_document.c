/* SPDX-License-Identifier: MIT */
/*
 * fetch_document - one document, from the reference to its event
 *
 * Tradecloud's own documents take two steps: the API says what there is and
 * names an address that is good for a minute, and that is asked. Those by
 * url are a partner's word, and are asked for only where the operator has
 * named the host.
 */
#include <stdio.h>
#include <string.h>

#include "net/fetch_download.h"
#include "net/fetch_event.h"
#include "net/fetch_past.h"
#include "base/io.h"
#include "message/media_type.h"
#include "hookdir/tool.h"

#define DOCUMENT_PATH "/v2/object-storage/document/"
#define METADATA_MAX  ((size_t)1 << 20)
#define TYPE	      "com.tradecloud1.document.fetched"
#define PATH_SIZE     400 /* the path of any id */

/* One document on its way. */
struct passage {
	struct fetch_job *job;
	const struct fetch_reference *reference;
	struct fetch_item *item;
	char id[SHA256_HEX_SIZE]; /* of its event */
	struct fetch_past past;
	bool begun; /* a download was, in this process */
	struct fetch_download download;
	int fd;
	struct buf metadata;	 /* the API's answer; empty for those by url */
	struct json_value about; /* that, or the element that refers to it */
};

/* Was it refused for good, so that the event has to say so? */
static bool
is_refusal(const struct error *err)
{
	return err->code == ERROR_FORM || err->code == ERROR_TOO_LARGE;
}

static int
ask_metadata(struct passage *p, struct error *err)
{
	struct span id = buf_span(&p->reference->text);
	struct json_value answer;
	char path[PATH_SIZE];

	if (!fetch_api_is_id(id))
		return error_set(err, ERROR_FORM,
		    "not an objectId: it has 1 to 256 of letters, digits and "
		    "-_.~");
	(void)snprintf(path, sizeof(path), DOCUMENT_PATH "%.*s/metadata",
	    (int)id.len, id.at);
	buf_reset(&p->metadata);
	p->about = p->reference->element;
	if (fetch_api_get(&p->job->api, path, &p->metadata, err) < 0)
		return -1;
	if (!json_scan(buf_span(&p->metadata), &answer))
		return error_set(err, ERROR_INCOMPLETE,
		    "GET %.150s: the answer is not JSON", path);
	p->about = answer;
	return 0;
}

/* What a member says; nothing where it is no text, or more than a name. */
static void
take_member(struct json_value object, const char *name, struct buf *out)
{
	struct json_value value;

	if (json_member(object, name, &value) && value.raw.len <= METADATA_MAX)
		(void)json_decode_string(value, out);
}

/*
 * Counted before it begins, and so also where the process is killed: a
 * document that takes longer than every try may take comes to an end, too,
 * without another request.
 */
static int
download(
    struct passage *p, bool presigned, struct span address, struct error *err)
{
	const struct fetch_options *options = p->job->options;
	uint64_t left = options->max_event - p->job->sum;

	if (!p->begun && p->past.tries >= options->tries)
		return error_set(err, ERROR_FORM,
		    "not complete after %u tries, which were cut off",
		    p->past.tries);
	if (!p->begun)
		p->past.tries++;
	p->begun = true;
	if (fetch_past_write(p->job->api.dir, p->id, &p->past, err) < 0)
		return -1;
	p->download.most = left < options->max_size ? left : options->max_size;
	return fetch_download(p->job, presigned, address, &p->download, err);
}

/* The address is good for a minute: nothing comes between. */
static int
ask_by_id(struct passage *p, struct error *err)
{
	struct buf address = BUF_INIT(METADATA_MAX);
	int rc = ask_metadata(p, err);

	if (rc == 0)
		take_member(p->about, "downloadUrl", &address);
	if (rc == 0 && address.len == 0 && !address.failed)
		rc = error_set(err, ERROR_FORM,
		    "%.100s: no downloadUrl in its metadata",
		    p->reference->text.at);
	if (rc == 0)
		rc = buf_check(&address, err);
	if (rc == 0)
		rc = download(p, true, buf_span(&address), err);
	buf_free(&address);
	return rc;
}

/* Its minute may have gone by: then there is another address to be had. */
static int
obtain(struct passage *p, struct error *err)
{
	struct error first = ERROR_INIT;
	long *status = &p->download.status;

	if (!p->reference->by_id)
		return download(p, false, buf_span(&p->reference->text), err);
	if (ask_by_id(p, &first) == 0)
		return 0;
	if (*status != 403 && *status != 410) {
		*err = first;
		return -1;
	}
	*status = 0;
	if (ask_by_id(p, err) == 0)
		return 0;
	if (*status == 403 || *status == 410)
		err->code = ERROR_INCOMPLETE;
	return -1;
}

static void
append_type(const struct passage *p, struct buf *out)
{
	struct buf named = BUF_INIT(METADATA_MAX);
	struct span type;

	take_member(p->about, "contentType", &named);
	type = media_type_of(buf_span(&named));
	if (!type.len)
		type = media_type_of(buf_span(&p->download.type));
	if (type.len && type.len < 256)
		buf_append_span(out, type);
	else
		buf_append_text(out, "application/octet-stream");
	out->failed |= named.failed;
	buf_free(&named);
}

/* Where it is, for people: no query, which may let anybody in. */
static void
append_source(const struct passage *p, struct buf *out)
{
	struct span text = buf_span(&p->reference->text);
	struct error why = ERROR_INIT;
	struct fetch_url url = FETCH_URL_INIT;

	if (p->reference->by_id) {
		buf_append_text(out, p->job->config->base);
		buf_append_text(out, DOCUMENT_PATH);
		if (fetch_api_is_id(text))
			buf_append_span(out, text);
		return;
	}
	if (fetch_url_read(&url, text, &why) < 0 ||
	    fetch_url_append(&url, out, &why) < 0)
		buf_append_text(out, p->job->config->base);
	out->failed |= why.code == ERROR_MEMORY;
	fetch_url_free(&url);
}

/*
 * The same for each repeat, and no other's: an event may refer to several
 * documents whose addresses differ in the query alone.
 */
static int
make_id(const struct passage *p, char id[SHA256_HEX_SIZE], struct error *err)
{
	struct buf text = BUF_INIT(FETCH_HEAD_MAX);
	int rc = -1;

	buf_append_span(&text, event_get(&p->job->event, EVENT_ID));
	buf_append_text(
	    &text, p->reference->by_id ? "\nobjectId\n" : "\nurl\n");
	buf_append_span(&text, buf_span(&p->reference->text));
	if (buf_check(&text, err) == 0)
		rc = sha256_hex(buf_span(&text), id, err);
	buf_free(&text);
	return rc;
}

static void
append_file(const struct passage *p, struct buf *head)
{
	struct buf name = BUF_INIT(METADATA_MAX);

	if (p->item->document[0] != '\0') {
		buf_printf(
		    head, ",\"dataref\":\"documents/%s\"", p->item->document);
		fetch_event_add(
		    head, "datasha256", span_of(p->download.sha256));
		buf_printf(head, ",\"datasize\":%llu",
		    (unsigned long long)p->download.size);
	}
	take_member(p->about, "filename", &name);
	if (name.len == 0)
		take_member(p->reference->element, "name", &name);
	fetch_event_add(head, "filename", buf_span(&name));
	head->failed |= name.failed;
	buf_free(&name);
}

/*
 * Not as data: beside dataref that would be the document. Line breaks between
 * its tokens, the only controls that JSON has, become spaces.
 */
static void
add_metadata(const struct passage *p, struct buf *head)
{
	struct buf text = BUF_INIT(FETCH_HEAD_MAX);
	size_t i;

	buf_append_span(&text, p->about.raw);
	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] < ' ')
			text.at[i] = ' ';
	fetch_event_add(head, "metadata", buf_span(&text));
	head->failed |= text.failed;
	buf_free(&text);
}

static int
write_event(struct passage *p, const struct error *refusal, struct error *err)
{
	struct buf head = BUF_INIT(FETCH_HEAD_MAX);
	struct buf source = BUF_INIT(FETCH_URL_MAX * 4);
	struct buf type = BUF_INIT(METADATA_MAX);
	struct fetch_context context = { .type = TYPE };
	int rc;

	append_source(p, &source);
	append_type(p, &type);
	context.id = span_of(p->id);
	context.source = buf_span(&source);
	if (p->reference->by_id)
		context.subject = buf_span(&p->reference->text);
	if (p->item->document[0] != '\0')
		context.data_type = buf_span(&type);
	fetch_event_begin(&head, p->job, &context);
	append_file(p, &head);
	add_metadata(p, &head);
	fetch_event_add(&head, "dataerror", span_of(refusal->text));
	head.failed |= source.failed || type.failed;
	rc = fetch_event_write(
	    p->job, p->item, &head, (struct span){ NULL, 0 }, err);
	buf_free(&type);
	buf_free(&source);
	buf_free(&head);
	return rc;
}

/*
 * The element that refers to it has the time of its last change, if anything
 * has. An objectId without one is taken for one that never changes.
 */
static int
make_delivered_key(
    const struct passage *p, char key[SHA256_HEX_SIZE], struct error *err)
{
	static const char *const names[] = { "lastUpdatedAt", "meta" };
	struct buf text = BUF_INIT(FETCH_HEAD_MAX);
	struct json_value value;
	size_t i;
	int rc = -1;

	buf_append_span(&text, buf_span(&p->reference->text));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		buf_append_byte(&text, '\n');
		if (json_member(p->reference->element, names[i], &value))
			buf_append_span(&text, value.raw);
	}
	if (buf_check(&text, err) == 0)
		rc = sha256_hex(buf_span(&text), key, err);
	buf_free(&text);
	return rc;
}

/*
 * Is it worth another try? Not after as many as there may be; but those do
 * not count that failed because of this machine: a full disk, no memory, no
 * network.
 */
static bool
may_help(struct passage *p, const struct error *why)
{
	struct error ignored = ERROR_INIT;

	if (is_refusal(why))
		return false;
	/* What was cut off is judged by the next try, which has the time. */
	if (!p->begun || fetch_http_signal())
		return true;
	if (why->code != ERROR_INCOMPLETE ||
	    (!p->download.reached && !fetch_http_reaches(&p->job->api.base))) {
		p->past.tries--;
		(void)fetch_past_write(
		    p->job->api.dir, p->id, &p->past, &ignored);
		return true;
	}
	return p->past.tries < p->job->options->tries;
}

/* The document, or the reason why there is none. */
static int
fetch_or_refuse(struct passage *p, struct error *refusal, struct error *err)
{
	if (obtain(p, refusal) == 0) {
		p->job->sum += p->download.size;
		return fetch_outbox_keep(&p->fd, err);
	}
	fetch_outbox_drop(&p->job->outbox, p->item, &p->fd);
	if (may_help(p, refusal)) {
		*err = *refusal;
		return -1;
	}
	tool_warn("a document is left out: %s", refusal->text);
	return 0;
}

/* A document that an earlier try of this event has fetched. */
static bool
take_over(struct passage *p)
{
	uint64_t size = 0;

	if (p->past.name[0] == '\0')
		return false;
	p->item = fetch_outbox_adopt(
	    &p->job->outbox, p->past.name, p->past.size, &size);
	if (p->item)
		p->job->sum += size;
	else
		p->past.name[0] = '\0';
	return p->item != NULL;
}

/* From here on it is kept, whatever becomes of the others. */
static int
keep(struct passage *p, struct error *err)
{
	(void)snprintf(
	    p->past.name, sizeof(p->past.name), "%s", p->item->event.name);
	p->past.size =
	    p->item->document[0] != '\0' ? (int64_t)p->download.size : -1;
	if (fetch_past_write(p->job->api.dir, p->id, &p->past, err) < 0)
		return -1;
	p->item->kept = true;
	return 0;
}

static int
fetch_new(struct passage *p, struct error *err)
{
	struct error refusal = ERROR_INIT;

	p->item = fetch_outbox_add(&p->job->outbox, err);
	if (!p->item)
		return -1;
	p->fd = fetch_outbox_begin(&p->job->outbox, p->item, err);
	if (p->fd < 0 || fetch_download_init(&p->download, p->fd, err) < 0 ||
	    fetch_or_refuse(p, &refusal, err) < 0)
		return -1;
	if (write_event(p, &refusal, err) < 0)
		return -1;
	return keep(p, err);
}

int
fetch_document(struct fetch_job *job, const struct fetch_reference *reference,
    struct error *err)
{
	struct passage p = { .job = job,
		.reference = reference,
		.fd = -1,
		.metadata = BUF_INIT(METADATA_MAX),
		.about = reference->element };
	char delivered[SHA256_HEX_SIZE] = "";
	int rc = make_id(&p, p.id, err);

	if (rc == 0 && reference->by_id)
		rc = make_delivered_key(&p, delivered, err);
	if (rc < 0 ||
	    (delivered[0] && fetch_past_is_delivered(job->api.dir, delivered)))
		return rc;
	fetch_past_read(job->api.dir, p.id, &p.past);
	if (!take_over(&p))
		rc = fetch_new(&p, err);
	if (p.item) {
		memcpy(p.item->key, p.id, sizeof(p.id));
		memcpy(p.item->delivered, delivered, sizeof(delivered));
	}
	io_discard(&p.fd);
	fetch_download_free(&p.download);
	buf_free(&p.metadata);
	return rc;
}
