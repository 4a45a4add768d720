/* SPDX-License-Identifier: MIT */
/*
 * requeue - hookdir requeue, hold and release: from one state to another
 *
 * A rename that either happens or does not: when a run has the message
 * meanwhile, we find it gone. Of what is in cur/, only that is touched which
 * no run and no command has a lock on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hookdir/arguments.h"
#include "queue/claim.h"
#include "hookdir/look.h"
#include "hookdir/names.h"
#include "base/io.h"
#include "hookdir/remember.h"
#include "queue/living.h"

struct move {
	enum queue_state from, to;
	const char *done;
	bool keep_tries, keep_next;
	bool drop_log; /* as if it had never been run */
};

static const struct move requeue = { QUEUE_FAILED, QUEUE_NEW, "requeued", false,
	false, true };
static const struct move hold = { QUEUE_NEW, QUEUE_HOLD, "held", true, true,
	false };
static const struct move release = { QUEUE_HOLD, QUEUE_NEW, "released", true,
	false, false };

struct work {
	const struct move *move;
	struct queue queue;
	bool all;
	const char *type; /* a glob, or NULL */
	bool from_cur;	  /* what a run that died has left there */
	struct names names;
	struct look look;
	unsigned long moved;
	int code;
};

/* After the move, by the file where it is now. */
static void
note(const struct work *work, enum queue_state state, const char *file)
{
	struct error gone = ERROR_INIT;
	struct spool_name name;
	struct stat st;
	int fd = queue_open_file(&work->queue, state, file, &st, &gone);

	if (spool_name_parse(file, &name))
		remember(
		    work->queue.root, &name, fd, work->move->done, span_of(""));
	io_discard(&fd);
}

static int
move_one(struct work *work, const char *file, const struct spool_name *name,
    struct error *err)
{
	const struct move *move = work->move;
	struct spool_name changed = *name;
	char target[NAME_MAX + 1];
	int rc;

	if (!move->keep_tries) {
		changed.tries = changed.later = 0;
		changed.alone = false;
	}
	if (!move->keep_next)
		changed.next = 0;
	spool_name_format(&changed, target);
	rc = queue_move(&work->queue, move->from, file, move->to, target, err);
	if (rc == 1) {
		work->moved++;
		note(work, move->to, target);
		if (move->drop_log)
			queue_log_remove(&work->queue, name);
	} else if (rc == 0 && (!work->all || errno == EEXIST)) {
		tool_warn("%s: gone from %s/, or its name is taken in %s/",
		    name->base, queue_state_name(move->from),
		    queue_state_name(move->to));
		work->code = EX_TEMPFAIL;
	}
	return rc < 0 ? -1 : 0;
}

/*
 * What no run has a lock on, unless a command that was given many lives
 * without its run and may have it. What is done is left to the next run,
 * which removes or archives it.
 */
static int
move_orphan(struct work *work, const char *file, const struct spool_name *name,
    struct error *err)
{
	struct claim claim = CLAIM_INIT;
	char target[NAME_MAX + 1];
	bool done =
	    name->end == SPOOL_END_DONE || name->end == SPOOL_END_ARCHIVE;
	enum claim_result rc = done
	    ? CLAIM_HELD
	    : living_take_over(&work->queue, file, &claim, err);

	if (rc == CLAIM_TAKEN) {
		claim.before = *name;
		spool_name_forget(&claim.before);
		if (claim_return(&work->queue, &claim, err) < 0)
			return -1;
		queue_log_remove(&work->queue, name);
		work->moved++;
		spool_name_format(&claim.before, target);
		note(work, QUEUE_NEW, target);
	} else if (rc != CLAIM_FAILED && !work->all) {
		tool_warn("%s: %s", name->base,
		    done ? "is done, and is not run again"
			 : "a run or its command has it");
		work->code = EX_TEMPFAIL;
	}
	return rc == CLAIM_FAILED ? -1 : 0;
}

static int
requeue_message(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct work *work = context;
	struct name *wanted = names_find(&work->names, name->base);

	if (!work->all && !wanted)
		return 0;
	if (wanted)
		wanted->found = true;
	if (work->type &&
	    (!look_at(&work->look, &work->queue, state, file, name) ||
		!look_matches(&work->look, work->type)))
		return 0;
	return work->from_cur ? move_orphan(work, file, name, err)
			      : move_one(work, file, name, err);
}

static enum queue_state
from(const struct work *work)
{
	return work->from_cur ? QUEUE_CUR : work->move->from;
}

static void
report_missing(struct work *work)
{
	size_t i;

	for (i = 0; i < work->names.count; i++) {
		if (work->names.all[i].found)
			continue;
		tool_warn("%s: no such message in %s/",
		    work->names.all[i].called, queue_state_name(from(work)));
		work->code = EX_NOINPUT;
	}
}

static int
do_work(struct work *work)
{
	struct error err = ERROR_INIT;

	if (queue_each(&work->queue, from(work), requeue_message, work, &err) <
	    0)
		work->code = tool_error(&err);
	else
		report_missing(work);
	(void)printf("%lu message%s %s\n", work->moved,
	    work->moved == 1 ? "" : "s", work->move->done);
	return tool_finish(work->code);
}

static int
read_names(int count, char **called, struct work *work)
{
	struct error err = ERROR_INIT;
	int i;

	if (work->all && count)
		return tool_usage("either names or --all");
	if (!work->all && !count)
		return tool_usage("which messages? --all is for all of them");
	for (i = 0; i < count; i++)
		if (names_add(&work->names, called[i], &err) < 0)
			return tool_error(&err);
	names_sort(&work->names);
	return EX_OK;
}

static void
read_state(struct work *work, const char *text)
{
	unsigned states = tool_read_states("--state", text);

	if (states != 1u << QUEUE_CUR && states != 1u << QUEUE_FAILED)
		exit(tool_usage("--state: cur or failed"));
	work->from_cur = states == 1u << QUEUE_CUR;
}

static void
read_options(int argc, char **argv, struct work *work, int *operands)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "type", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ "state", required_argument, NULL, 's' }, /* of requeue */
		{ NULL, 0, NULL, 0 },
	};
	struct option known[sizeof(options) / sizeof(options[0])];
	int got;

	memcpy(known, options, sizeof(options));
	if (work->move != &requeue)
		memset(&known[3], 0, sizeof(known[3]));
	while ((got = arguments_next(argc, argv, known, operands)) != -1)
		switch (got) {
		case 'a':
			work->all = true;
			break;
		case 's':
			read_state(work, optarg);
			break;
		default:
			work->type = optarg;
		}
}

static int
run(const struct move *move, int argc, char **argv)
{
	struct work work = { .move = move, .names = NAMES_INIT };
	int operands = 0, code;

	read_options(argc, argv, &work, &operands);
	if (operands == 0)
		return tool_usage("which spool?");
	code = read_names(operands - 1, argv + 2, &work);
	if (code == EX_OK)
		code = tool_open_queue(&work.queue, argv[1]);
	if (code == EX_OK) {
		look_init(&work.look);
		code = do_work(&work);
		look_free(&work.look);
		queue_close(&work.queue);
	}
	names_free(&work.names);
	return code;
}

int
tool_requeue(int argc, char **argv)
{
	return run(&requeue, argc, argv);
}

int
tool_hold(int argc, char **argv)
{
	return run(&hold, argc, argv);
}

int
tool_release(int argc, char **argv)
{
	return run(&release, argc, argv);
}
