/* SPDX-License-Identifier: MIT */
/*
 * list - hookdir list: what is in a spool, like mailq(1)
 *
 * The names of all messages are read and sorted by arrival; then each is
 * looked at, with the memory of one row for all. Unsorted, a row is written
 * as soon as its file is met in the directory.
 */
#include "hookdir/list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "hookdir/arguments.h"
#include "hookdir/spools.h"

#define ROW_MAX	   ((size_t)16 << 20)
#define ALL_STATES ((1u << QUEUE_STATES) - 1)
#define WAITING	   (ALL_STATES & ~(1u << QUEUE_QUARANTINE))

struct entry {
	struct timespec arrived;
	enum queue_state state;
	char *file; /* owned */
};

struct entries {
	struct entry *at; /* owned */
	size_t count, size;
};

/* The context of visits. */
struct walk {
	struct listing *listing;
	struct entries entries;
};

/* What stands in cur/ without a lock, see claim.h */
static const char *const left_behind[] = {
	[SPOOL_END_NONE] = "its runner has died: run or requeue puts it back",
	[SPOOL_END_DONE] = "done; run removes or archives it when it can",
	[SPOOL_END_ARCHIVE] = "done; run --archive archives it when it can",
	[SPOOL_END_FAILED] = "given up; run moves it to failed/ when it can",
};

/* The last line that says anything. */
static struct span
last_line(struct span rest)
{
	struct span line, last = { NULL, 0 };

	while (span_cut(&rest, '\n', &line))
		if (line.len)
			last = line;
	return last;
}

/* What failed the last time; a message that never ran costs no look. */
static void
find_error(struct listing *listing, struct row *row)
{
	struct error ignored = ERROR_INIT;
	struct span rest;

	if (listing->look.failed.code) {
		row->error = span_of(listing->look.failed.text);
		return;
	}
	if (row->state == QUEUE_CUR && !listing->look.locked) {
		row->error = span_of(left_behind[row->name->end]);
		return;
	}
	buf_reset(&listing->log);
	if (row->name->tries || row->name->later || row->name->next ||
	    row->state == QUEUE_FAILED)
		(void)queue_log_read(
		    &listing->queue, row->name, &listing->log, &ignored);
	rest = buf_span(&listing->log);
	(void)span_cut(&rest, '\n', &row->error);
	row->output = last_line(rest);
}

static int
show(struct listing *listing, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct look *look = &listing->look;
	struct row row = { state, file, name, { NULL, 0 }, { NULL, 0 } };

	if (!look_at(look, &listing->queue, state, file, name) ||
	    look->arrived.tv_sec < listing->since ||
	    !look_matches(look, listing->type))
		return 0;
	find_error(listing, &row);
	if (listing->json)
		list_json(listing, &row);
	else
		list_row(listing, &row);
	/* A reader that waits for the first one has it at once. */
	if (listing->count++ == 0)
		(void)fflush(stdout);
	if (ferror(stdout))
		return error_system(err, "cannot write to standard output");
	return 0;
}

static int
keep(struct walk *walk, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct entries *entries = &walk->entries;
	size_t size = entries->size ? 2 * entries->size : 64;
	struct entry *entry;
	struct stat st;

	if (entries->count == entries->size) {
		entry = reallocarray(entries->at, size, sizeof(*entry));
		if (!entry)
			return error_set(err, ERROR_MEMORY,
			    "no memory for so many names; --unsorted needs "
			    "none");
		entries->at = entry;
		entries->size = size;
	}
	entry = &entries->at[entries->count];
	*entry = (struct entry){ name->arrived, state, strdup(file) };
	if (!entry->file)
		return error_set(err, ERROR_MEMORY, "no memory for names");
	if (!name->arrived.tv_sec &&
	    fstatat(walk->listing->queue.states[state], file, &st,
		AT_SYMLINK_NOFOLLOW) == 0)
		entry->arrived = look_arrival(name, &st);
	entries->count++;
	return 0;
}

static int
visit(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct walk *walk = context;
	struct listing *listing = walk->listing;

	if (name->arrived.tv_sec && name->arrived.tv_sec < listing->since)
		return 0;
	return listing->unsorted ? show(listing, state, file, name, err)
				 : keep(walk, state, file, name, err);
}

static int
compare(const void *a, const void *b)
{
	const struct entry *one = a, *two = b;

	if (one->arrived.tv_sec != two->arrived.tv_sec)
		return one->arrived.tv_sec < two->arrived.tv_sec ? -1 : 1;
	if (one->arrived.tv_nsec != two->arrived.tv_nsec)
		return one->arrived.tv_nsec < two->arrived.tv_nsec ? -1 : 1;
	return strcmp(one->file, two->file);
}

static int
show_sorted(struct walk *walk, struct error *err)
{
	struct entries *entries = &walk->entries;
	struct spool_name name;
	size_t i;
	int rc = 0;

	if (entries->count)
		qsort(entries->at, entries->count, sizeof(entries->at[0]),
		    compare);
	for (i = 0; rc == 0 && i < entries->count; i++)
		if (spool_name_parse(entries->at[i].file, &name))
			rc = show(walk->listing, entries->at[i].state,
			    entries->at[i].file, &name, err);
	return rc;
}

static int
list(struct listing *listing)
{
	struct walk walk = { listing, { NULL, 0, 0 } };
	struct error err = ERROR_INIT;
	int i, rc = 0;

	listing->count = 0;
	if (!listing->json)
		list_header(listing);
	for (i = 0; rc == 0 && i < QUEUE_STATES; i++)
		if (listing->states & 1u << i)
			rc = queue_each(&listing->queue, (enum queue_state)i,
			    visit, &walk, &err);
	if (rc == 0)
		rc = show_sorted(&walk, &err);
	while (walk.entries.count > 0)
		free(walk.entries.at[--walk.entries.count].file);
	free(walk.entries.at);
	if (rc < 0)
		return tool_error(&err);
	if (!listing->json && listing->count == 0)
		(void)puts("no messages");
	return EX_OK;
}

static void
print_heading(const struct listing *listing, bool first)
{
	(void)fputs(first ? "" : "\n", stdout);
	terminal_start(&listing->terminal, COLOUR_BOLD);
	tool_print(stdout, span_of(spools_name(listing->queue.path)), PATH_MAX);
	terminal_end(&listing->terminal, COLOUR_BOLD);
	(void)putchar('\n');
}

/* One that cannot be read does not keep back the others. */
static int
list_all(struct listing *listing, const struct spools *spools, bool headed)
{
	int code = EX_OK, one;
	size_t i;

	for (i = 0; i < spools->count; i++) {
		one = tool_open_queue(&listing->queue, spools->paths[i]);
		if (one == EX_OK && headed && !listing->json)
			print_heading(listing, i == 0);
		if (one == EX_OK)
			one = list(listing);
		queue_close(&listing->queue);
		code = one == EX_OK ? code : one;
	}
	if (spools->count == 0 && !listing->json)
		(void)puts("no spools");
	return tool_finish(code);
}

static void
read_options(int argc, char **argv, struct listing *listing, int *operands)
{
	static const struct option options[] = {
		{ "state", required_argument, NULL, 's' },
		{ "type", required_argument, NULL, 't' },
		{ "since", required_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "unsorted", no_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int got;

	while ((got = arguments_next(argc, argv, options, operands)) != -1)
		switch (got) {
		case 's':
			listing->states = tool_read_states("--state", optarg);
			break;
		case 't':
			listing->type = optarg;
			break;
		case 'a':
			listing->since = tool_read_time("--since", optarg);
			break;
		case 'u':
			listing->unsorted = true;
			break;
		default:
			listing->json = true;
		}
}

int
tool_list(int argc, char **argv)
{
	struct listing listing = { .states = WAITING,
		.log = BUF_INIT(QUEUE_LOG_MAX),
		.row = BUF_INIT(ROW_MAX) };
	struct spools spools = SPOOLS_INIT;
	struct error err = ERROR_INIT;
	int operands = 0, code;

	read_options(argc, argv, &listing, &operands);
	listing.now = clock_now();
	terminal_look(&listing.terminal);
	look_init(&listing.look);
	if (spools_read(&spools, argv + 1, operands, &err) < 0)
		code = tool_error(&err);
	else
		code = list_all(&listing, &spools, operands != 1);
	spools_free(&spools);
	look_free(&listing.look);
	buf_free(&listing.log);
	buf_free(&listing.row);
	return code;
}
