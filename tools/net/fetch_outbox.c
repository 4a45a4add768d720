/* SPDX-License-Identifier: MIT */
/*
 * fetch_outbox - several events and their documents, delivered together
 *
 * A name is taken by leaving an empty file in tmp/, which becomes the event.
 * Whatever ends us leaves no more than files in tmp/ and documents that no
 * event refers to.
 */
#include "net/fetch_outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "hookdir/remember.h"

#define DOCUMENT_MODE 0660 /* less the umask */

int
fetch_outbox_open(struct fetch_outbox *outbox, const struct spool *spool,
    size_t size, struct error *err)
{
	*outbox = (struct fetch_outbox)FETCH_OUTBOX_INIT;
	outbox->spool = spool;
	outbox->items = calloc(size, sizeof(*outbox->items));
	if (!outbox->items)
		return error_set(err, ERROR_MEMORY, "no memory");
	outbox->size = size;
	return 0;
}

struct fetch_item *
fetch_outbox_add(struct fetch_outbox *outbox, struct error *err)
{
	struct fetch_item *item = &outbox->items[outbox->count];
	struct delivery empty = { outbox->spool, clock_now(), NULL, 0 };

	if (outbox->count == outbox->size) {
		(void)error_set(err, ERROR_MEMORY, "no room in the outbox");
		return NULL;
	}
	item->received = empty.received;
	if (spool_write(&empty, &item->event, err) < 0)
		return NULL;
	/* There can be more items than descriptors. */
	io_discard(&item->event.fd);
	outbox->count++;
	return item;
}

/* The name of an event's document. False: it is not one of ours. */
static bool
document_name(const char *event, char name[SPOOL_NAME_SIZE])
{
	size_t len = strlen(event), end = strlen(".json");

	if (len <= end || len >= SPOOL_NAME_SIZE ||
	    strcmp(event + len - end, ".json") != 0)
		return false;
	(void)snprintf(
	    name, SPOOL_NAME_SIZE, "%.*s.bin", (int)(len - end), event);
	return true;
}

int
fetch_outbox_begin(const struct fetch_outbox *outbox, struct fetch_item *item,
    struct error *err)
{
	int fd;

	(void)document_name(item->event.name, item->document);
	fd = io_create(outbox->spool->tmp, item->document, DOCUMENT_MODE, err);
	if (fd < 0)
		item->document[0] = '\0';
	return fd;
}

static bool
is_file(int dir, const char *name, uint64_t *size)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return false;
	*size = (uint64_t)st.st_size;
	return true;
}

struct fetch_item *
fetch_outbox_adopt(
    struct fetch_outbox *outbox, const char *name, int64_t want, uint64_t *size)
{
	struct fetch_item *item = &outbox->items[outbox->count];
	int tmp = outbox->spool->tmp;

	if (outbox->count == outbox->size ||
	    !document_name(name, item->document) || !is_file(tmp, name, size) ||
	    *size == 0)
		return NULL;
	*size = 0;
	if (want < 0)
		item->document[0] = '\0';
	else if (!is_file(tmp, item->document, size) || *size != (uint64_t)want)
		return NULL;
	item->received = clock_now();
	(void)snprintf(item->event.name, sizeof(item->event.name), "%s", name);
	item->event.fd = -1;
	item->kept = true;
	outbox->count++;
	return item;
}

int
fetch_outbox_keep(int *fd, struct error *err)
{
	if (io_fsync(*fd, "a document", err) < 0)
		return -1;
	return io_close(fd, "a document", err);
}

void
fetch_outbox_drop(
    const struct fetch_outbox *outbox, struct fetch_item *item, int *fd)
{
	io_discard(fd);
	if (item->document[0] != '\0')
		(void)unlinkat(outbox->spool->tmp, item->document, 0);
	item->document[0] = '\0';
}

int
fetch_outbox_write(const struct fetch_outbox *outbox,
    const struct fetch_item *item, struct iovec *iov, int count,
    struct error *err)
{
	int fd, rc = -1;

	do {
		fd = openat(outbox->spool->tmp, item->event.name,
		    O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return error_system(err, "cannot open a file in tmp/");
	if (io_write_all(fd, iov, count, "to tmp/", err) == 0 &&
	    io_fsync(fd, "a file in tmp/", err) == 0 &&
	    io_close(&fd, "a file in tmp/", err) == 0)
		rc = 0;
	io_discard(&fd);
	return rc;
}

static bool
has_documents(const struct fetch_outbox *outbox)
{
	size_t i;

	for (i = 0; i < outbox->count; i++)
		if (outbox->items[i].document[0] != '\0')
			return true;
	return false;
}

/*
 * Its time is that of its delivery: one that was kept for another try may be
 * old, and hookdir expire must not take it for one whose event is gone.
 */
static int
move_document(int tmp, int to, const char *document)
{
	if (utimensat(tmp, document, NULL, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	return io_rename_new(tmp, document, to, document);
}

static int
move_documents(struct fetch_outbox *outbox, int to, struct error *err)
{
	struct fetch_item *item;
	size_t i;

	for (i = 0; i < outbox->count; i++) {
		item = &outbox->items[i];
		if (item->document[0] == '\0')
			continue;
		if (move_document(outbox->spool->tmp, to, item->document) < 0)
			return error_system(
			    err, "cannot move a document out of tmp/");
		item->moved = true;
	}
	return io_fsync(to, "documents/", err);
}

static int
publish_events(struct fetch_outbox *outbox, struct error *err)
{
	struct delivery written = { .spool = outbox->spool };
	struct fetch_item *item;
	size_t i;

	for (i = outbox->count; i-- > 0;) {
		item = &outbox->items[i];
		written.received = item->received;
		if (spool_publish(&written, &item->event, err) < 0)
			return -1;
		item->published = true;
	}
	return 0;
}

/* A document stays as long as its event may be somewhere. */
static void
take_back(struct fetch_outbox *outbox, int documents)
{
	struct fetch_item *item;
	size_t i;

	for (i = 0; i < outbox->count; i++) {
		item = &outbox->items[i];
		if (item->published &&
		    unlinkat(outbox->spool->new_, item->event.name, 0) == 0)
			item->published = false;
		if (item->moved && !item->published)
			(void)unlinkat(documents, item->document, 0);
	}
}

static void
note_all(const struct fetch_outbox *outbox)
{
	struct error gone = ERROR_INIT;
	const struct fetch_item *item;
	struct spool_name name;
	struct stat st;
	size_t i;
	int fd;

	for (i = 0; i < outbox->count; i++) {
		item = &outbox->items[i];
		if (!spool_name_parse(item->event.name, &name))
			continue;
		fd = io_open_file(
		    outbox->spool->new_, item->event.name, &st, &gone);
		remember(
		    outbox->spool->root, &name, fd, "fetched", span_of(""));
		io_discard(&fd);
	}
}

int
fetch_outbox_publish(struct fetch_outbox *outbox, struct error *err)
{
	int documents = -1, rc = 0;

	if (has_documents(outbox)) {
		documents =
		    spool_directory(outbox->spool->root, "documents", err);
		if (documents < 0)
			return -1;
		rc = move_documents(outbox, documents, err);
	}
	if (rc == 0)
		rc = publish_events(outbox, err);
	if (rc < 0)
		take_back(outbox, documents);
	else
		note_all(outbox);
	io_discard(&documents);
	return rc;
}

void
fetch_outbox_close(struct fetch_outbox *outbox)
{
	struct fetch_item *item;
	int none = -1;
	size_t i;

	for (i = 0; i < outbox->count; i++) {
		item = &outbox->items[i];
		if (item->published || item->kept)
			continue;
		spool_forget(outbox->spool, &item->event);
		fetch_outbox_drop(outbox, item, &none);
	}
	free(outbox->items);
	*outbox = (struct fetch_outbox)FETCH_OUTBOX_INIT;
}
