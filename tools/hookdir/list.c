/* SPDX-License-Identifier: MIT */
/*
 * list - hookdir list: what is in a spool, like mailq(1)
 *
 * A row is written as soon as its file is met in the directory, and the
 * memory of one row is used for all.
 */
#include <errno.h>
#include <string.h>

#include "hookdir/arguments.h"
#include "base/clock.h"
#include "json/json.h"
#include "hookdir/look.h"
#include "hookdir/pretty.h"
#include "base/utf8.h"

#define ROW_MAX	    ((size_t)16 << 20)
#define ALL_STATES  ((1u << QUEUE_STATES) - 1)
#define WAITING	    (ALL_STATES & ~(1u << QUEUE_QUARANTINE))
#define ID_WIDTH    12 /* of an id this much, and "..." */
#define NAME_WIDTH  32
#define TYPE_WIDTH  36
#define TEXT_WIDTH  80
#define ERROR_WIDTH 400

struct listing {
	struct queue queue;
	unsigned states;
	const char *type; /* a glob, or NULL */
	time_t since;	  /* or 0 */
	bool json;
	struct timespec now;
	struct look look;
	struct buf log, row;
	uint64_t count;
};

/* What a row says beside what the look tells. */
struct row {
	enum queue_state state;
	const char *file;
	const struct spool_name *name;
	struct span error; /* empty: none */
};

/* What stands in cur/ without a lock, see claim.h */
static const char *const left_behind[] = {
	[SPOOL_END_NONE] = "its runner has died: run or requeue puts it back",
	[SPOOL_END_DONE] = "done; run removes or archives it when it can",
	[SPOOL_END_ARCHIVE] = "done; run --archive archives it when it can",
	[SPOOL_END_FAILED] = "given up; run moves it to failed/ when it can",
};

/* What failed the last time; a message that never ran costs no look. */
static struct span
last_error(struct listing *listing, const struct row *row)
{
	struct error ignored = ERROR_INIT;
	struct span rest, line = { NULL, 0 };

	if (listing->look.failed.code)
		return span_of(listing->look.failed.text);
	if (row->state == QUEUE_CUR && !listing->look.locked)
		return span_of(left_behind[row->name->end]);
	buf_reset(&listing->log);
	if (row->name->tries || row->name->later || row->name->next ||
	    row->state == QUEUE_FAILED)
		(void)queue_log_read(
		    &listing->queue, row->name, &listing->log, &ignored);
	rest = buf_span(&listing->log);
	(void)span_cut(&rest, '\n', &line);
	return line;
}

static void
print_column(struct span text, size_t max, size_t width)
{
	size_t used = text.len > max ? max + 3 : text.len;

	if (text.len == 0) {
		text = span_of("-");
		used = 1;
	}
	tool_print(stdout, text, max);
	(void)printf("%*s", used < width ? (int)(width - used) + 2 : 2, "");
}

static void
print_next(const struct listing *listing, const struct row *row)
{
	int64_t left = row->name->next - listing->now.tv_sec;
	char span[TOOL_SHORT_SIZE], text[TOOL_SHORT_SIZE + 4] = "-";

	if (row->name->next &&
	    spool_name_is_due(row->name, listing->now.tv_sec))
		(void)snprintf(text, sizeof(text), "now");
	else if (row->name->next) {
		tool_short_span(left, span);
		(void)snprintf(text, sizeof(text), "in %s", span);
	}
	(void)printf("%-7s  ", text);
}

static void
print_row(struct listing *listing, const struct row *row)
{
	const struct look *look = &listing->look;
	struct span subject = event_get(&look->event, EVENT_SUBJECT);
	struct span why =
	    row->error.len ? row->error : event_get(&look->event, EVENT_REASON);
	char age[TOOL_SHORT_SIZE] = "-", size[TOOL_SHORT_SIZE];

	if (look->arrived.tv_sec)
		tool_short_span(
		    listing->now.tv_sec - look->arrived.tv_sec, age);
	tool_short_size((uint64_t)look->st.st_size, size);
	(void)printf("%5s  %6s  %-10s  %5u  ", age, size,
	    queue_state_name(row->state), row->name->tries + row->name->later);
	print_next(listing, row);
	print_column(span_of(row->name->base), NAME_MAX, NAME_WIDTH);
	print_column(event_get(&look->event, EVENT_ID), ID_WIDTH, ID_WIDTH + 3);
	print_column(look_type(look), TEXT_WIDTH, TYPE_WIDTH);
	tool_print(stdout, subject.len ? subject : span_of("-"), TEXT_WIDTH);
	(void)putchar('\n');
	if (why.len) {
		(void)fputs("       ", stdout);
		tool_print(stdout, why, ERROR_WIDTH);
		(void)putchar('\n');
	}
}

static void
print_header(void)
{
	(void)printf("%5s  %6s  %-10s  %5s  %-7s  %-*s  %-*s  %-*s  %s\n",
	    "AGE", "SIZE", "STATE", "TRIES", "NEXT", NAME_WIDTH, "NAME",
	    ID_WIDTH + 3, "ID", TYPE_WIDTH, "TYPE", "SUBJECT");
	(void)fflush(stdout);
}

/* Text of any bytes as a JSON string; null where there is none. */
static void
append_string(struct buf *out, const char *name, struct span text)
{
	if (text.len)
		json_append_member(out, name, text, utf8_append_latin1);
	else
		buf_printf(out, ",\"%s\":null", name);
}

static void
append_file(struct buf *out, const struct row *row)
{
	struct buf path = BUF_INIT(2 * NAME_MAX);

	buf_printf(&path, "%s/%s", queue_state_name(row->state), row->file);
	append_string(out, "file", buf_span(&path));
	buf_free(&path);
}

static void
append_attributes(struct buf *out, const struct event *event)
{
	static const struct {
		const char *name;
		enum event_attribute which;
	} members[] = { { "id", EVENT_ID }, { "source", EVENT_SOURCE },
		{ "subject", EVENT_SUBJECT }, { "reference", EVENT_REFERENCE },
		{ "time", EVENT_TIME }, { "reason", EVENT_REASON } };
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		append_string(
		    out, members[i].name, event_get(event, members[i].which));
}

static void
append_next(struct buf *out, time_t next)
{
	const struct timespec when = { next, 0 };
	char text[CLOCK_RFC3339_SIZE] = "";

	if (next)
		clock_rfc3339(when, text);
	append_string(out, "next", span_of(text));
}

/* A row too large for its memory is left out, and said so. */
static void
print_json(struct listing *listing, const struct row *row)
{
	const struct look *look = &listing->look;
	struct error failed = ERROR_INIT;
	struct buf *out = &listing->row;

	buf_reset(out);
	buf_append_text(out, "{\"state\":\"");
	buf_append_text(out, queue_state_name(row->state));
	buf_append_byte(out, '"');
	append_string(out, "name", span_of(row->name->base));
	append_file(out, row);
	append_string(out, "type", look_type(look));
	append_attributes(out, &look->event);
	if (look->arrived.tv_sec)
		buf_printf(out, ",\"age\":%lld",
		    (long long)(listing->now.tv_sec - look->arrived.tv_sec));
	else
		buf_append_text(out, ",\"age\":null");
	buf_printf(out, ",\"size\":%lld,\"tries\":%u,\"later\":%u",
	    (long long)look->st.st_size, row->name->tries, row->name->later);
	append_next(out, row->name->next);
	append_string(out, "error", row->error);
	buf_append_text(out, "}\n");
	if (buf_check(out, &failed) < 0)
		tool_warn("%s: %s", row->name->base, failed.text);
	else
		pretty_plain(stdout, buf_span(out));
}

static int
visit(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct listing *listing = context;
	struct look *look = &listing->look;
	struct row row = { state, file, name, { NULL, 0 } };

	if (name->arrived.tv_sec && name->arrived.tv_sec < listing->since)
		return 0;
	if (!look_at(look, &listing->queue, state, file, name) ||
	    look->arrived.tv_sec < listing->since ||
	    !look_matches(look, listing->type))
		return 0;
	row.error = last_error(listing, &row);
	if (listing->json)
		print_json(listing, &row);
	else
		print_row(listing, &row);
	/* Whoever waits for the first one has it at once. */
	if (listing->count++ == 0)
		(void)fflush(stdout);
	if (ferror(stdout))
		return error_system(err, "cannot write to standard output");
	return 0;
}

static int
list(struct listing *listing)
{
	struct error err = ERROR_INIT;
	int i, rc = 0;

	if (!listing->json)
		print_header();
	for (i = 0; rc == 0 && i < QUEUE_STATES; i++)
		if (listing->states & 1u << i)
			rc = queue_each(&listing->queue, (enum queue_state)i,
			    visit, listing, &err);
	if (rc < 0)
		return tool_error(&err);
	if (!listing->json && listing->count == 0)
		(void)puts("no messages");
	return tool_finish(EX_OK);
}

static void
read_options(int argc, char **argv, struct listing *listing, int *operands)
{
	static const struct option options[] = {
		{ "state", required_argument, NULL, 's' },
		{ "type", required_argument, NULL, 't' },
		{ "since", required_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
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
	int operands = 0, code;

	read_options(argc, argv, &listing, &operands);
	if (operands != 1)
		return tool_usage(
		    operands ? "one spool at a time" : "which spool?");
	code = tool_open_queue(&listing.queue, argv[1]);
	if (code != EX_OK)
		return code;
	listing.now = clock_now();
	look_init(&listing.look);
	code = list(&listing);
	look_free(&listing.look);
	buf_free(&listing.log);
	buf_free(&listing.row);
	queue_close(&listing.queue);
	return code;
}
