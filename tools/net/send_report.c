/* SPDX-License-Identifier: MIT */
/*
 * send_report - what became of many calls: a progress line and a table
 *
 * What the other side has said is printed with tool_print() alone.
 */
#include "net/send_report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define SHOW_EVERY 0.2 /* seconds */

static double
seconds_now(void)
{
	return (double)clock_monotonic() / 1e6;
}

int
send_report_init(
    struct send_report *report, unsigned long count, struct error *err)
{
	memset(report, 0, sizeof(*report));
	report->count = count;
	report->seconds = calloc(count, sizeof(*report->seconds));
	report->begun = report->shown = seconds_now();
	report->progress = count > 1 && isatty(STDERR_FILENO);
	if (!report->seconds)
		return error_set(err, ERROR_MEMORY, "no memory");
	return 0;
}

void
send_report_free(struct send_report *report)
{
	free(report->seconds);
	report->seconds = NULL;
}

static void
note_kind(struct send_report *report, const struct send_answer *answer)
{
	struct send_kind *kind = report->kinds;

	while (kind->count && kind < report->kinds + SEND_KINDS - 1 &&
	    strcmp(kind->first.kind, answer->kind) != 0)
		kind++;
	if (kind->count == 0)
		kind->first = *answer;
	kind->count++;
}

static unsigned long
accepted(const struct send_report *report)
{
	return report->verdicts[SEND_ACCEPTED];
}

static void
show_progress(struct send_report *report)
{
	double now = seconds_now();

	if (!report->progress || now < report->shown + SHOW_EVERY)
		return;
	report->shown = now;
	(void)fprintf(stderr,
	    "\r%lu of %lu answered, %.0f a second, %lu not accepted\033[K",
	    report->done, report->count,
	    (double)report->done / (now - report->begun),
	    report->done - accepted(report));
}

void
send_report_add(void *context, const struct send_answer *answer)
{
	struct send_report *report = context;

	report->done++;
	report->verdicts[answer->verdict]++;
	if (answer->verdict != SEND_NONE)
		report->seconds[report->answered++] = (float)answer->seconds;
	note_kind(report, answer);
	show_progress(report);
}

/* One that hookdir did not take goes before one that may pass. */
static int
exit_code(const struct send_report *report)
{
	if (report->verdicts[SEND_FOREIGN])
		return EX_PROTOCOL;
	if (report->verdicts[SEND_REFUSED])
		return EX_DATAERR;
	if (accepted(report) < report->count)
		return EX_TEMPFAIL;
	return EX_OK;
}

static void
print_detail(const struct send_answer *answer)
{
	if (answer->detail[0] == '\0')
		return;
	(void)fputs(": ", stdout);
	tool_print(stdout, span_of(answer->detail), sizeof(answer->detail) * 4);
}

static void
print_one(const struct send_answer *answer)
{
	if (answer->status)
		(void)printf("%ld ", answer->status);
	tool_print(stdout, span_of(answer->kind), sizeof(answer->kind) * 4);
	(void)printf(" (%.1f ms)", answer->seconds * 1e3);
	print_detail(answer);
	(void)putchar('\n');
}

static int
compare(const void *a, const void *b)
{
	float left = *(const float *)a, right = *(const float *)b;

	return (left > right) - (left < right);
}

/* The smallest time that at least this part of the calls took no longer. */
static double
percentile(const struct send_report *report, double part)
{
	double rank = part * (double)report->answered;
	unsigned long i = (unsigned long)rank;

	if ((double)i < rank)
		i++;
	return (double)report->seconds[i ? i - 1 : 0] * 1e3;
}

static void
print_latency(struct send_report *report)
{
	static const struct {
		const char *name;
		double part;
	} columns[] = { { "min", 0 }, { "median", 0.5 }, { "p90", 0.9 },
		{ "p99", 0.99 }, { "max", 1 } };
	size_t i, count = sizeof(columns) / sizeof(columns[0]);

	if (report->answered == 0)
		return;
	qsort(report->seconds, report->answered, sizeof(*report->seconds),
	    compare);
	(void)fputs("answer in ms", stdout);
	for (i = 0; i < count; i++)
		(void)printf(" %9s", columns[i].name);
	(void)printf("\n%12s", "");
	for (i = 0; i < count; i++)
		(void)printf(" %9.1f", percentile(report, columns[i].part));
	(void)putchar('\n');
}

static void
print_table(struct send_report *report)
{
	double seconds = seconds_now() - report->begun;
	const struct send_kind *kind;

	(void)printf("%lu of %lu accepted, %.1f s, %.1f a second\n",
	    accepted(report), report->count, seconds,
	    (double)report->done / seconds);
	print_latency(report);
	for (kind = report->kinds;
	     kind < report->kinds + SEND_KINDS && kind->count; kind++) {
		(void)printf("%9lu  ", kind->count);
		if (kind == report->kinds + SEND_KINDS - 1)
			(void)fputs("of other kinds", stdout);
		else
			tool_print(stdout, span_of(kind->first.kind),
			    sizeof(kind->first.kind) * 4);
		if (kind->first.verdict != SEND_ACCEPTED)
			print_detail(&kind->first);
		(void)putchar('\n');
	}
	if (report->done < report->count)
		(void)printf("%9lu  not sent, or not answered before the end\n",
		    report->count - report->done);
}

int
send_report_print(struct send_report *report)
{
	if (report->progress)
		(void)fputs("\r\033[K", stderr);
	if (report->count == 1 && report->done == 1)
		print_one(&report->kinds[0].first);
	else
		print_table(report);
	return exit_code(report);
}
