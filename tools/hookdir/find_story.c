/* SPDX-License-Identifier: MIT */
/*
 * find_story - what became of a message, a line a step
 *
 * All text from outside goes through tool_print().
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hookdir/find.h"
#include "hookdir/tool.h"

#define SHOWN	     20 /* hits for people; the newest */
#define TEXT_WIDTH   120
#define DETAIL_WIDTH 400
#define ROW_MAX	     ((size_t)4 << 20)

/* What a member says, for a terminal; false where it says nothing. */
static bool
print_member(const char *before, struct span line, const char *name)
{
	struct buf text = BUF_INIT(ROW_MAX);
	bool says;

	find_text(line, name, &text);
	says = text.len > 0;
	if (says) {
		(void)fputs(before, stdout);
		tool_print(stdout, buf_span(&text), DETAIL_WIDTH);
	}
	buf_free(&text);
	return says;
}

static void
print_when(struct span line)
{
	struct span time = history_member(line, "time");
	struct timespec when = { 0, 0 };

	(void)clock_read_rfc3339(time.at, time.len, &when);
	(void)fputs("  ", stdout);
	tool_print_time(stdout, when.tv_sec);
	(void)fputs("  ", stdout);
}

static void
print_user(struct span line)
{
	struct span by = history_member(line, "by");
	const struct passwd *user;

	if (by.len == 0)
		return;
	user = getpwuid((uid_t)strtoul(by.at, NULL, 10));
	if (user)
		(void)printf(" by %s", user->pw_name);
	else
		(void)printf(" by user %.*s", (int)by.len, by.at);
}

/* What happened, in words for people. */
static const struct {
	const char *event, *words;
} steps[] = {
	{ "accepted", "received" },
	{ "duplicate", "received again, stored before" },
	{ "handshake", "a handshake was answered" },
	{ "refused", "refused" },
	{ "fetched", "fetched" },
	{ "reconciled", "missing, fetched from the sender" },
	{ "done", "run, done" },
	{ "retry", "run, failed" },
	{ "failed", "run, failed for good" },
	{ "superseded", "superseded" },
};

static const char *
words_of(struct span event)
{
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (span_is(event, steps[i].event))
			return steps[i].words;
	return NULL;
}

static void
print_step(struct span line)
{
	struct span event = history_member(line, "event");
	const char *words = words_of(event);

	print_when(line);
	if (words)
		(void)fputs(words, stdout);
	else
		tool_print(stdout, event, TEXT_WIDTH);
	if (!words)
		print_user(line);
	if (history_member(line, "rule").len) {
		(void)print_member(" with status ", line, "status");
		(void)print_member(": ", line, "rule");
	} else {
		(void)print_member(" with key ", line, "key");
		(void)print_member(", bytes ", line, "bytes");
	}
	(void)print_member(": ", line, "detail");
	(void)putchar('\n');
}

static void
print_log(const struct find *find, const struct find_hit *hit)
{
	struct buf log = BUF_INIT(QUEUE_LOG_MAX);
	struct error ignored = ERROR_INIT;
	struct span rest, line;

	if (queue_log_read(&find->queue, &hit->name, &log, &ignored) == 0 &&
	    log.len) {
		(void)puts("  its command said:");
		rest = buf_span(&log);
		while (span_cut(&rest, '\n', &line)) {
			(void)fputs("    ", stdout);
			tool_print(stdout, line, DETAIL_WIDTH);
			(void)putchar('\n');
		}
	}
	buf_free(&log);
}

static void
print_waiting(const struct find_hit *hit)
{
	int64_t left = hit->name.next - clock_now().tv_sec;
	char span[TOOL_SHORT_SIZE];

	(void)fputs("waiting to be run", stdout);
	if (hit->name.next && left > 0) {
		tool_short_span(left, span);
		(void)printf(" again in %s", span);
	}
	if (hit->locked)
		(void)fputs("; a command has it", stdout);
}

/* The states that a file can be in. */
static void
print_state(const struct find_hit *hit)
{
	switch (hit->state) {
	case QUEUE_NEW:
		print_waiting(hit);
		break;
	case QUEUE_CUR:
		(void)fputs(hit->locked ? "being run"
			: hit->name.end
			? "ended; the next run moves it"
			: "left by a run that died: hookdir run puts "
			  "it back",
		    stdout);
		break;
	case QUEUE_HOLD:
		(void)fputs("held; hookdir release lets it be run", stdout);
		break;
	case QUEUE_FAILED:
		(void)fputs(
		    "dead letter; hookdir requeue has it run again", stdout);
		break;
	case QUEUE_QUARANTINE:
		(void)fputs("in quarantine, ", stdout);
		tool_print(stdout, buf_span(&hit->why), DETAIL_WIDTH);
		(void)fputs("; hookdir reverify checks it again", stdout);
	}
}

/* A message without a file, by the last thing that happened to it. */
static void
print_gone(struct span last)
{
	static const struct {
		const char *event, *words;
	} ends[] = {
		{ "done", "done, its file is removed" },
		{ "superseded", "not run, its file is removed" },
		{ "dropped", "dropped, its file is removed" },
		{ "expired", "expired, its file is removed" },
		{ "refused", "refused, and not kept" },
		{ "requeued", "requeued, its file is gone since" },
	};
	struct span event = history_member(last, "event"),
		    detail = history_member(last, "detail");
	size_t i;

	if (span_is(event, "requeued") && detail.len) {
		(void)fputs("delivered under another name", stdout);
		return;
	}
	if (span_is(event, "expired") && span_begins(detail, "archived")) {
		(void)fputs("in the archive of hookdir expire", stdout);
		return;
	}
	for (i = 0; i + 1 < sizeof(ends) / sizeof(ends[0]); i++)
		if (span_is(event, ends[i].event)) {
			(void)fputs(ends[i].words, stdout);
			return;
		}
	(void)fputs("not in the spool: another program has taken it", stdout);
}

static void
print_now(const struct find_hit *hit, struct span last)
{
	(void)fputs("  now: ", stdout);
	if (hit->archived)
		(void)fputs("done, kept", stdout);
	else if (hit->found)
		print_state(hit);
	else
		print_gone(last);
	if (hit->file) {
		(void)fputs(", ", stdout);
		tool_print(stdout, span_of(hit->file), PATH_MAX);
	}
	(void)putchar('\n');
}

static void
print_head(const struct find *find, const struct find_hit *hit)
{
	struct span name =
	    buf_span(hit->reference.len ? &hit->reference : &hit->subject);

	if (hit->found && hit->state == QUEUE_QUARANTINE && !hit->archived) {
		(void)fputs("refused call, not verified", stdout);
	} else {
		tool_print(stdout, name.len ? name : span_of("-"), TEXT_WIDTH);
		(void)fputs("  ", stdout);
		tool_print(stdout,
		    hit->type.len ? buf_span(&hit->type) : span_of("-"),
		    TEXT_WIDTH);
	}
	if (hit->reference.len && hit->subject.len) {
		(void)fputs("  subject ", stdout);
		tool_print(stdout, buf_span(&hit->subject), TEXT_WIDTH);
	}
	(void)fputs("\n  in ", stdout);
	tool_print(stdout, span_of(find->queue.path), PATH_MAX);
	if (hit->named) {
		(void)fputs(", ", stdout);
		tool_print(stdout, span_of(hit->key), NAME_MAX);
	}
	if (hit->id.len) {
		(void)fputs(", id ", stdout);
		tool_print(stdout, buf_span(&hit->id), TEXT_WIDTH);
	}
	(void)putchar('\n');
}

static void
print_hit(const struct find *find, const struct find_hit *hit)
{
	struct span last = { NULL, 0 }, *lines;
	size_t count, i;

	print_head(find, hit);
	lines = find_sorted_steps(hit, &count);
	for (i = 0; i < count; i++)
		print_step(lines[i]);
	if (count)
		last = lines[count - 1];
	if (!count && hit->name.arrived.tv_sec) {
		(void)fputs("  ", stdout);
		tool_print_time(stdout, hit->name.arrived.tv_sec);
		(void)puts("  received; the history has no line of it");
	}
	print_now(hit, last);
	if (hit->found && !hit->archived && hit->state != QUEUE_QUARANTINE)
		print_log(find, hit);
	free(lines);
}

static int
compare_hits(const void *a, const void *b)
{
	const struct find_hit *one = *(struct find_hit *const *)a,
			      *two = *(struct find_hit *const *)b;
	int order = strcmp(one->when, two->when);

	return order ? order
		     : spool_name_compare(one->name.base, two->name.base);
}

static void
set_when(struct find_hit *hit)
{
	struct span rest = buf_span(&hit->steps), line, time;

	while (span_cut(&rest, '\n', &line)) {
		time = history_member(line, "time");
		if (time.len < sizeof(hit->when) &&
		    (hit->when[0] == '\0' ||
			memcmp(time.at, hit->when, time.len) < 0))
			(void)snprintf(hit->when, sizeof(hit->when), "%.*s",
			    (int)time.len, time.at);
	}
	if (hit->when[0] == '\0')
		clock_rfc3339(hit->name.arrived, hit->when);
}

static void
drop_merged(struct find *find)
{
	size_t i, kept = 0;
	struct find_hit *hit;

	for (i = 0; i < find->count; i++) {
		hit = find->all[i];
		if (hit->merged) {
			buf_free(&hit->steps);
			buf_free(&hit->id);
			buf_free(&hit->type);
			buf_free(&hit->subject);
			buf_free(&hit->reference);
			buf_free(&hit->why);
			free(hit);
		} else {
			set_when(hit);
			find->all[kept++] = hit;
		}
	}
	find->count = kept;
}

void
find_print(struct find *find)
{
	size_t i = 0;

	drop_merged(find);
	if (find->count)
		qsort(
		    find->all, find->count, sizeof(find->all[0]), compare_hits);
	if (!find->json && find->count > SHOWN) {
		i = find->count - SHOWN;
		(void)printf("%s%zu older messages in %s; --since, a longer "
			     "text or --json shows others\n",
		    find->too_many ? "more than " : "", i, find->queue.path);
	}
	for (; i < find->count; i++) {
		if (find->json)
			find_print_json(find, find->all[i]);
		else
			print_hit(find, find->all[i]);
	}
	find->hits += find->count;
}
