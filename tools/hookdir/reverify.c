/* SPDX-License-Identifier: MIT */
/*
 * reverify - hookdir reverify: a second look at calls in quarantine
 *
 * For calls that were refused because something here was wrong: a key, the
 * sender, the clock. They go the way that they would have gone in the
 * handler, by the rules of one sender, whichever the endpoint had. A call is
 * delivered, and flushed, before it leaves quarantine/: a power cut in
 * between leaves it in both, and the next time delivers it once more under
 * the same id.
 *
 * A file that cannot be opened, locked or read is reported and passed over.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "hookdir/arguments.h"
#include "hookdir/call.h"
#include "spool/deliver.h"
#include "message/envelope.h"
#include "base/io.h"
#include "hookdir/names.h"
#include "queue/claim.h"
#include "hookdir/reverify.h"
#include "message/verify.h"
#include "hookdir/remember.h"

struct work {
	struct queue queue;
	struct spool spool;
	struct rules rules;
	struct names names;
	unsigned long delivered, duplicates, refused, unreadable;
	bool failed; /* some of these by a system call */
};

enum outcome {
	OUTCOME_SKIPPED, /* gone, or another process has it */
	OUTCOME_DELIVERED,
	OUTCOME_DUPLICATE,
	OUTCOME_REFUSED,
	OUTCOME_UNREADABLE
};

static void
report_call(const struct spool_name *name, const char *rule, const char *text)
{
	tool_print(stdout, span_of(name->base), NAME_MAX);
	(void)printf(": %s: ", rule);
	tool_print(stdout, span_of(text), SIZE_MAX);
	(void)putchar('\n');
}

/*
 * 1: open, and this process's alone as long as it is open. 0: gone, or
 * another process has it.
 */
static int
lock_call(struct work *work, const char *file, int *fd, struct error *err)
{
	struct stat st;
	enum claim_result rc =
	    claim_lock(&work->queue, QUEUE_QUARANTINE, file, fd, &st, err);

	if (rc == CLAIM_TAKEN)
		rc =
		    claim_check(&work->queue, QUEUE_QUARANTINE, file, *fd, err);
	if (rc == CLAIM_TAKEN)
		return 1;
	io_discard(fd);
	return rc == CLAIM_FAILED ? -1 : 0;
}

/* A line for the call and one for the message that was made of it, or NULL. */
static void
note(const struct work *work, const char *call, const char *message)
{
	struct error gone = ERROR_INIT;
	struct spool_name from, to;
	char detail[NAME_MAX + 64];
	int fd = -1;
	struct stat st;

	if (message) {
		fd = io_open_file(work->spool.new_, message, &st, &gone);
		(void)spool_name_parse(message, &to);
		(void)spool_name_parse(call, &from);
		(void)snprintf(detail, sizeof(detail),
		    "verified now, was refused as %s", from.base);
		remember(
		    work->spool.root, &to, fd, "accepted", span_of(detail));
		(void)snprintf(detail, sizeof(detail),
		    "verified now, delivered as %s", to.base);
	} else {
		(void)snprintf(detail, sizeof(detail),
		    "verified now, its message was stored before");
	}
	if (spool_name_parse(call, &from))
		remember(
		    work->spool.root, &from, fd, "requeued", span_of(detail));
	io_discard(&fd);
}

static int
deliver_call(struct work *work, struct message *m, const char *file,
    enum outcome *outcome, struct error *err)
{
	char name[SPOOL_NAME_SIZE];
	struct error off = ERROR_INIT;
	struct envelope envelope;
	int rc = envelope_write(&envelope, m, err);

	if (rc == 0)
		rc = deliver_message(&work->spool, m, &envelope,
		    work->rules.dedup, name, &off, err);
	envelope_free(&envelope);
	if (rc < 0)
		return -1;
	if (off.code != ERROR_NONE)
		tool_warn("repeats of %s will be stored: %s", name, off.text);
	*outcome = rc ? OUTCOME_DELIVERED : OUTCOME_DUPLICATE;
	note(work, file, rc ? name : NULL);
	if (unlinkat(work->queue.states[QUEUE_QUARANTINE], file, 0) < 0 &&
	    errno != ENOENT)
		return error_system(err,
		    "delivered as %s, but cannot remove %s from quarantine/",
		    rc ? name : "another message", file);
	return 0;
}

/* RFC 9110 9.1: methods are case-sensitive; the list is as in Allow. */
static bool
is_served(const char *methods, const char *method)
{
	size_t len = strlen(method);

	for (; *methods; methods += strspn(methods, ", ")) {
		if (strcspn(methods, ", ") == len && len &&
		    strncmp(methods, method, len) == 0)
			return true;
		methods += strcspn(methods, ", ");
	}
	return false;
}

/* -1: a local error, and nothing more is to be tried. */
static int
verify(struct work *work, struct call *call, const char *file,
    enum outcome *outcome, struct error *err)
{
	struct message *m = &call->message;

	m->sender = work->rules.sender;
	m->event = work->rules.event;
	m->schemes = &work->rules.signing.schemes;
	m->places = &work->rules.signing.places;
	m->any_time = work->rules.ignore_time;
	*outcome = OUTCOME_REFUSED;
	if (!is_served(m->sender->methods, m->method)) {
		(void)error_set(err, ERROR_METHOD, "%s sends %s alone",
		    m->sender->name, m->sender->methods);
		return 0;
	}
	if (message_verify(m, &work->rules.signing.keys, err) < 0)
		return error_class(err->code) == CLASS_FAULT ? -1 : 0;
	return deliver_call(work, m, file, outcome, err);
}

static int
look_into(struct work *work, int fd, const char *file, enum outcome *outcome,
    struct error *verdict)
{
	struct call call;
	int rc;

	call_init(&call);
	rc = call_read(&call, fd, &work->rules.kept, verdict);
	if (rc == 0) {
		rc = verify(work, &call, file, outcome, verdict);
	} else {
		*outcome = OUTCOME_UNREADABLE;
		rc = verdict->code == ERROR_MEMORY ? -1 : 0;
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
		break;
	case OUTCOME_DELIVERED:
		work->delivered++;
		break;
	case OUTCOME_DUPLICATE:
		work->duplicates++;
		break;
	case OUTCOME_REFUSED:
		report_call(name, error_rule(verdict->code), verdict->text);
		work->refused++;
		break;
	case OUTCOME_UNREADABLE:
		report_call(name, "unreadable", verdict->text);
		work->unreadable++;
		work->failed |= verdict->code == ERROR_SYSTEM;
		break;
	}
}

static int
reverify_call(void *context, enum queue_state state, const char *file,
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
	rc = lock_call(work, file, &fd, &verdict);
	if (rc == 1)
		rc = look_into(work, fd, file, &outcome, &verdict);
	else if (rc < 0)
		outcome = OUTCOME_UNREADABLE, rc = 0;
	io_discard(&fd);
	if (rc < 0)
		*err = verdict;
	else
		count(work, name, outcome, &verdict);
	return rc;
}

static int
reverify_all(struct work *work)
{
	struct error err = ERROR_INIT;
	int code = EX_OK;
	size_t i;

	if (spool_open(&work->spool, work->queue.path, &err) < 0)
		return tool_error(&err);
	if (queue_each(
		&work->queue, QUEUE_QUARANTINE, reverify_call, work, &err) < 0)
		code = tool_error(&err);
	else if (work->failed)
		code = EX_IOERR;
	else if (work->unreadable)
		code = EX_DATAERR;
	for (i = 0; err.code == ERROR_NONE && i < work->names.count; i++)
		if (!work->names.all[i].found)
			code = tool_fail(EX_NOINPUT,
			    "%s: no such call in quarantine/",
			    work->names.all[i].called);
	(void)printf("%lu delivered, ", work->delivered);
	if (work->rules.dedup)
		(void)printf("%lu duplicate, ", work->duplicates);
	(void)printf("%lu still refused, %lu unreadable\n", work->refused,
	    work->unreadable);
	spool_close(&work->spool);
	return tool_finish(code);
}

static int
read_names(struct work *work, int count, char **operands, struct error *err)
{
	int i;

	for (i = 1; i < count; i++)
		if (names_add(&work->names, operands[i], err) < 0)
			return -1;
	names_sort(&work->names);
	return 0;
}

int
tool_reverify(int argc, char **argv)
{
	static const struct option options[] = {
		{ "sender", required_argument, NULL, 's' },
		{ "key-file", required_argument, NULL, 'k' },
		{ "conf", required_argument, NULL, 'c' },
		{ "ignore-time", no_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct work work = { .spool = SPOOL_INIT };
	const char *sender = NULL, *key_file = NULL;
	char path[PATH_MAX];
	struct error err = ERROR_INIT;
	int count = 0, got, code;

	while ((got = arguments_next(argc, argv, options, &count)) != -1)
		if (got == 's')
			sender = optarg;
		else if (got == 'k')
			key_file = optarg;
		else if (got == 'c')
			work.rules.conf_path = optarg;
		else
			work.rules.ignore_time = true;
	if (count == 0)
		return tool_usage("which spool?");
	code = rules_read(
	    &work.rules, tool_spool(argv[1], path), sender, key_file);
	if (code == EX_OK && read_names(&work, count, argv + 1, &err) < 0)
		code = tool_error(&err);
	if (code == EX_OK)
		code = tool_open_queue(&work.queue, argv[1]);
	if (code == EX_OK) {
		code = reverify_all(&work);
		queue_close(&work.queue);
	}
	rules_free(&work.rules);
	names_free(&work.names);
	return code;
}
