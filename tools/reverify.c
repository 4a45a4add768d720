/* SPDX-License-Identifier: MIT */
/*
 * reverify - hookdir reverify: a second look at calls in quarantine
 *
 * For calls that were refused because a key here was wrong. They go the way
 * that they would have gone in the handler, judged by the time at which
 * they came. A call is delivered, and flushed, before it leaves quarantine/:
 * a power cut in between leaves it in both, and the next time delivers it
 * once more under the same id.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "arguments.h"
#include "call.h"
#include "envelope.h"
#include "io.h"
#include "keyring.h"
#include "names.h"
#include "secret.h"
#include "verify.h"

#define KEY_MAX ((size_t)64 << 10)

struct work {
	struct queue queue;
	struct spool spool;
	const struct sender *sender;
	const char *event; /* HOOKDIR_EVENT, or NULL */
	struct call_headers headers;
	struct keyring keys;
	struct buf key; /* owned: the file's */
	struct names names;
	unsigned long delivered, refused, unreadable;
};

enum outcome {
	OUTCOME_SKIPPED,
	OUTCOME_DELIVERED,
	OUTCOME_REFUSED,
	OUTCOME_UNREADABLE
};

static void
report(const struct spool_name *name, const char *rule, const char *text)
{
	tool_print(stdout, span_of(name->base), NAME_MAX);
	(void)printf(": %s: ", rule);
	tool_print(stdout, span_of(text), SIZE_MAX);
	(void)putchar('\n');
}

/*
 * 1: open, and ours alone as long as it is open. 0: gone, or another one of
 * us has it.
 */
static int
lock(struct work *work, const char *file, int *fd, struct error *err)
{
	struct error failed = ERROR_INIT;
	struct stat opened, named;

	*fd = queue_open_file(
	    &work->queue, QUEUE_QUARANTINE, file, &opened, &failed);
	if (*fd < 0 && failed.errnum != ENOENT)
		*err = failed;
	if (*fd < 0)
		return failed.errnum == ENOENT ? 0 : -1;
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0 &&
	    fstatat(work->queue.states[QUEUE_QUARANTINE], file, &named,
		AT_SYMLINK_NOFOLLOW) == 0 &&
	    named.st_ino == opened.st_ino && named.st_dev == opened.st_dev)
		return 1;
	io_discard(fd);
	return 0;
}

static int
deliver(
    struct work *work, struct message *m, const char *file, struct error *err)
{
	char name[SPOOL_NAME_SIZE];
	struct envelope envelope;
	int rc = envelope_write(&envelope, m, err);

	if (rc == 0)
		rc = spool_deliver(&work->spool, m->received, envelope.pieces,
		    envelope.count, name, err);
	envelope_free(&envelope);
	if (rc == 0 &&
	    unlinkat(work->queue.states[QUEUE_QUARANTINE], file, 0) < 0 &&
	    errno != ENOENT)
		return error_system(err,
		    "delivered as %s, but cannot remove %s from quarantine/",
		    name, file);
	return rc;
}

/* -1: a fault, and nothing more is to be tried. */
static int
verify(struct work *work, struct call *call, const char *file,
    enum outcome *outcome, struct error *err)
{
	struct message *m = &call->message;

	m->sender = work->sender;
	m->event = work->event;
	if (message_verify(m, &work->keys, err) < 0) {
		*outcome = OUTCOME_REFUSED;
		return error_class(err->code) == CLASS_FAULT ? -1 : 0;
	}
	*outcome = OUTCOME_DELIVERED;
	return deliver(work, m, file, err);
}

static bool
is_of_sender(const struct work *work, const struct call *call)
{
	return span_is(
	    event_get(&call->event, EVENT_SENDER), work->sender->name);
}

/*
 * The attributes are read even from what cannot be read whole, so calls of
 * others are told from broken ones of ours.
 */
static int
look_into(struct work *work, int fd, const char *file, enum outcome *outcome,
    struct error *verdict)
{
	struct call call;
	int rc;

	call_init(&call);
	rc = call_read(&call, fd, &work->headers, verdict);
	if (event_get(&call.event, EVENT_SENDER).len &&
	    !is_of_sender(work, &call)) {
		*outcome = OUTCOME_SKIPPED;
		rc = 0;
	} else if (rc == 0) {
		rc = verify(work, &call, file, outcome, verdict);
	} else {
		*outcome = OUTCOME_UNREADABLE;
		rc = verdict->code == ERROR_FORM ? 0 : -1;
	}
	call_free(&call);
	return rc;
}

static void
count(struct work *work, const struct spool_name *name, enum outcome outcome,
    const struct error *verdict)
{
	switch (outcome) {
	case OUTCOME_SKIPPED:
		if (work->names.count == 0)
			break;
		report(name, "not-this-sender", work->sender->name);
		work->unreadable++;
		break;
	case OUTCOME_DELIVERED:
		work->delivered++;
		break;
	case OUTCOME_REFUSED:
		report(name, error_rule(verdict->code), verdict->text);
		work->refused++;
		break;
	case OUTCOME_UNREADABLE:
		report(name, "unreadable", verdict->text);
		work->unreadable++;
		break;
	}
}

static int
visit(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct work *work = context;
	struct error verdict = ERROR_INIT;
	enum outcome outcome = OUTCOME_SKIPPED;
	struct name *wanted = names_find(&work->names, name->base);
	int fd, rc;

	(void)state;
	if (work->names.count && !wanted)
		return 0;
	if (wanted)
		wanted->found = true;
	rc = lock(work, file, &fd, err);
	if (rc != 1)
		return rc;
	rc = look_into(work, fd, file, &outcome, &verdict);
	io_discard(&fd);
	if (rc < 0)
		*err = verdict;
	else
		count(work, name, outcome, &verdict);
	return rc;
}

static int
run(struct work *work)
{
	struct error err = ERROR_INIT;
	int code = EX_OK;
	size_t i;

	if (spool_open(&work->spool, work->queue.path, &err) < 0)
		return tool_error(&err);
	if (queue_each(&work->queue, QUEUE_QUARANTINE, visit, work, &err) < 0)
		code = tool_error(&err);
	else if (work->unreadable)
		code = EX_DATAERR;
	for (i = 0; err.code == ERROR_NONE && i < work->names.count; i++)
		if (!work->names.all[i].found)
			code = tool_fail(EX_NOINPUT,
			    "%s: no such call in quarantine/",
			    work->names.all[i].called);
	(void)printf("%lu delivered, %lu still refused, %lu unreadable\n",
	    work->delivered, work->refused, work->unreadable);
	spool_close(&work->spool);
	return tool_finish(code);
}

/* The whole file but the newline at its end. */
static int
read_key_file(struct work *work, const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	size_t got = 0;
	char *room;

	if (fd < 0)
		return error_system(err, "cannot open %s", path);
	/* At once: what grows would leave copies behind. */
	room = buf_room(&work->key, KEY_MAX);
	rc = room ? io_read_at(fd, room, KEY_MAX, 0, &got, path, err)
		  : buf_check(&work->key, err);
	io_discard(&fd);
	work->key.len = got;
	if (rc == 0 && got == KEY_MAX)
		return error_set(
		    err, ERROR_CONFIGURATION, "%s: too large for a key", path);
	if (got > 0 && room[got - 1] == '\n')
		work->key.len--;
	return rc;
}

/* -1: ERROR_CONFIGURATION and others. */
static int
read_keys(struct work *work, const char *file, struct error *err)
{
	const char *key = getenv("HOOKDIR_KEY");
	const char *previous = getenv("HOOKDIR_KEY_PREVIOUS");

	if (!file && !key)
		return error_set(err, ERROR_CONFIGURATION,
		    "no key: neither --key-file nor HOOKDIR_KEY");
	if (file && read_key_file(work, file, err) < 0)
		return -1;
	if (keyring_add(&work->keys, "current",
		file ? buf_span(&work->key) : span_of(key), err) < 0)
		return -1;
	if (previous)
		return keyring_add(
		    &work->keys, "previous", span_of(previous), err);
	return 0;
}

static int
read_sender(struct work *work, const char *name)
{
	if (!name)
		name = getenv("HOOKDIR_SENDER");
	if (!name)
		return tool_usage("which sender? --sender or HOOKDIR_SENDER");
	work->sender = sender_find(name);
	if (!work->sender)
		return tool_usage("there is no sender %s", name);
	if (work->sender->scheme == SCHEME_NONE)
		return tool_usage("the sender %s signs nothing: there is "
				  "nothing to verify",
		    name);
	return EX_OK;
}

static int
prepare(struct work *work, int count, char **operands, const char *key_file)
{
	struct error err = ERROR_INIT;
	int i;

	for (i = 1; i < count; i++)
		if (names_add(&work->names, operands[i], &err) < 0)
			return tool_error(&err);
	names_sort(&work->names);
	work->event = getenv("HOOKDIR_EVENT");
	if (work->event && !*work->event)
		work->event = NULL;
	if (call_headers_read(&work->headers, work->sender,
		getenv("HOOKDIR_HEADERS"), &err) < 0 ||
	    read_keys(work, key_file, &err) < 0)
		return tool_error(&err);
	return tool_open_queue(&work->queue, operands[0]);
}

static void
finish(struct work *work)
{
	secret_wipe(work->key.at, work->key.size);
	buf_free(&work->key);
	call_headers_free(&work->headers);
	names_free(&work->names);
}

int
tool_reverify(int argc, char **argv)
{
	static const struct option options[] = {
		{ "sender", required_argument, NULL, 's' },
		{ "key-file", required_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct work work = { .spool = SPOOL_INIT, .key = BUF_INIT(KEY_MAX) };
	const char *sender = NULL, *key_file = NULL;
	int operands = 0, got, code;

	while ((got = arguments_next(argc, argv, options, &operands)) != -1)
		if (got == 's')
			sender = optarg;
		else
			key_file = optarg;
	if (operands == 0)
		return tool_usage("which spool?");
	code = read_sender(&work, sender);
	if (code != EX_OK)
		return code;
	code = prepare(&work, operands, argv + 1, key_file);
	if (code == EX_OK) {
		code = run(&work);
		queue_close(&work.queue);
	}
	finish(&work);
	return code;
}
