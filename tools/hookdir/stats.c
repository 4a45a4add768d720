/* SPDX-License-Identifier: MIT */
/*
 * stats - hookdir stats: how many messages, how large, how old
 *
 * Types come from outside: of their names there is a limited number, of a
 * limited length and fit to be shown. The others are counted together.
 */
#include "hookdir/stats.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "hookdir/arguments.h"
#include "hookdir/pretty.h"
#include "hookdir/spools.h"
#include "json/json.h"

#define TYPE_MAX   255 /* bytes */
#define OTHER	   "other"
#define NO_EVENT   "-"
#define OUTPUT_MAX ((size_t)16 << 20)

enum format {
	FORMAT_TEXT,
	FORMAT_JSON,
	FORMAT_PROMETHEUS
};

static void
name_of(struct span type, char name[TYPE_MAX + 1])
{
	if (type.len == 0)
		type = span_of(NO_EVENT);
	else if (type.len > TYPE_MAX || !pretty_is_plain(type))
		type = span_of(OTHER);
	memcpy(name, type.at, type.len);
	name[type.len] = '\0';
}

static struct type *
known_type(struct stats *stats, char *name)
{
	ENTRY wanted = { .key = name }, *found;

	return hsearch_r(wanted, FIND, &found, &stats->index) ? found->data
							      : NULL;
}

/* The entry of that name; NULL without memory. */
static struct type *
find_type(struct stats *stats, char *name)
{
	struct type *type = known_type(stats, name);
	ENTRY entry, *entered;

	if (type)
		return type;
	if (stats->type_count >= STATS_TYPES && strcmp(name, OTHER) != 0)
		return find_type(stats, (char[]){ OTHER });
	type = &stats->types[stats->type_count];
	type->name = strdup(name);
	if (!type->name)
		return NULL;
	stats->type_count++;
	entry = (ENTRY){ .key = type->name, .data = type };
	return hsearch_r(entry, ENTER, &entered, &stats->index) ? type : NULL;
}

static void
add(struct sum *sum, uint64_t bytes, time_t arrived)
{
	/* One whose age is not known is no reason for an alarm. */
	if (arrived && (!sum->oldest || arrived < sum->oldest))
		sum->oldest = arrived;
	sum->count++;
	sum->bytes += bytes;
}

static int
visit(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct stats *stats = context;
	struct look *look = &stats->look;
	char text[TYPE_MAX + 1];
	struct type *type;
	time_t arrived;
	uint64_t bytes;

	if (!look_at(look, &stats->queue, state, file, name))
		return 0;
	name_of(look_type(look), text);
	type = find_type(stats, text);
	if (!type)
		return error_set(err, ERROR_MEMORY, "no memory for types");
	bytes = (uint64_t)look->st.st_size;
	arrived = look->arrived.tv_sec;
	add(&type->sums[state], bytes, arrived);
	add(&stats->sums[state], bytes, arrived);
	if (state != QUEUE_QUARANTINE && arrived > stats->newest)
		stats->newest = arrived;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct type *first = a, *second = b;

	return strcmp(first->name, second->name);
}

/* The index points into them, and is not used any more. */
static void
sort_types(struct stats *stats)
{
	qsort(
	    stats->types, stats->type_count, sizeof(stats->types[0]), compare);
}

static void
print_sum(
    const char *state, const struct sum *sum, const char *type, time_t now)
{
	char bytes[TOOL_SHORT_SIZE], oldest[TOOL_SHORT_SIZE] = "-";

	tool_short_size(sum->bytes, bytes);
	if (sum->oldest)
		tool_short_span(now - sum->oldest, oldest);
	(void)printf("%-10s  %10llu  %7s  %6s%s%s\n", state,
	    (unsigned long long)sum->count, bytes, oldest, *type ? "  " : "",
	    type);
}

static void
print_text(const struct stats *stats, time_t now)
{
	const struct sum *sum;
	size_t i, state;

	(void)printf("%-10s  %10s  %7s  %6s  %s\n", "STATE", "MESSAGES",
	    "BYTES", "OLDEST", "TYPE");
	for (state = 0; state < QUEUE_STATES; state++) {
		print_sum(queue_state_name((enum queue_state)state),
		    &stats->sums[state], "", now);
		for (i = 0; i < stats->type_count; i++) {
			sum = &stats->types[i].sums[state];
			if (sum->count)
				print_sum("", sum, stats->types[i].name, now);
		}
	}
}

static void
append_sum(struct buf *out, const struct sum *sum)
{
	buf_printf(out, "{\"count\":%llu,\"bytes\":%llu,\"oldest\":",
	    (unsigned long long)sum->count, (unsigned long long)sum->bytes);
	if (sum->oldest)
		buf_printf(
		    out, "%lld", (long long)(clock_now().tv_sec - sum->oldest));
	else
		buf_append_text(out, "null");
}

static void
append_types(struct buf *out, const struct stats *stats, size_t state)
{
	const char *comma = "";
	const struct sum *sum;
	size_t i;

	buf_append_text(out, ",\"types\":{");
	for (i = 0; i < stats->type_count; i++) {
		sum = &stats->types[i].sums[state];
		if (sum->count == 0)
			continue;
		buf_append_text(out, comma);
		json_append_string(out, span_of(stats->types[i].name));
		buf_append_byte(out, ':');
		append_sum(out, sum);
		buf_append_byte(out, '}');
		comma = ",";
	}
	buf_append_byte(out, '}');
}

static void
append_path(struct buf *out, const char *path)
{
	struct buf utf8 = BUF_INIT(2 * PATH_MAX);

	utf8_append_latin1(&utf8, span_of(path));
	json_append_string(out, buf_span(&utf8));
	buf_free(&utf8);
}

static void
append_json(struct buf *out, const struct stats *stats)
{
	size_t state;

	buf_append_text(out, "{\"spool\":");
	append_path(out, stats->queue.path);
	buf_append_text(out, ",\"states\":{");
	for (state = 0; state < QUEUE_STATES; state++) {
		buf_printf(out, "%s\"%s\":", state ? "," : "",
		    queue_state_name((enum queue_state)state));
		append_sum(out, &stats->sums[state]);
		append_types(out, stats, state);
		buf_append_byte(out, '}');
	}
	buf_append_text(out, "}}\n");
}

static void
print_json(const struct stats *stats)
{
	struct buf out = BUF_INIT(OUTPUT_MAX);
	struct error err = ERROR_INIT;

	append_json(&out, stats);
	if (buf_check(&out, &err) < 0)
		(void)tool_error(&err);
	else
		(void)fwrite(out.at, 1, out.len, stdout);
	buf_free(&out);
}

/* Names of spools stand before the tables where there are several. */
static void
print(struct stats *const *all, size_t count, enum format format, bool headed)
{
	time_t now = clock_now().tv_sec;
	size_t i;

	for (i = 0; i < count; i++) {
		if (format == FORMAT_JSON) {
			print_json(all[i]);
			continue;
		}
		if (headed) {
			(void)fputs(i ? "\n" : "", stdout);
			tool_print(stdout,
			    span_of(spools_name(all[i]->queue.path)), PATH_MAX);
			(void)putchar('\n');
		}
		print_text(all[i], now);
	}
	if (format == FORMAT_TEXT && count == 0)
		(void)puts("no spools");
}

static int
print_metrics(struct stats *const *all, size_t count)
{
	struct buf out = BUF_INIT(OUTPUT_MAX);
	struct error err = ERROR_INIT;
	int code = EX_OK;

	stats_metrics(&out, all, count);
	if (buf_check(&out, &err) < 0)
		code = tool_error(&err);
	else
		(void)fwrite(out.at, 1, out.len, stdout);
	buf_free(&out);
	return code;
}

static int
count(struct stats *stats, const char *path)
{
	struct error err = ERROR_INIT;
	int i, code = tool_open_queue(&stats->queue, path);

	if (code != EX_OK)
		return code;
	look_init(&stats->look);
	if (!hcreate_r((size_t)STATS_TYPES * 2, &stats->index))
		return tool_fail(EX_OSERR, "no memory for types");
	for (i = 0; i < QUEUE_STATES; i++)
		if (queue_each(&stats->queue, (enum queue_state)i, visit, stats,
			&err) < 0)
			return tool_error(&err);
	sort_types(stats);
	/* The history is no reason to keep back the rest. */
	if (last_read(&stats->last, stats->queue.root, &err) < 0)
		tool_warn("%s: %s", path, err.text);
	return EX_OK;
}

static void
finish(struct stats *stats)
{
	while (stats->type_count > 0)
		free(stats->types[--stats->type_count].name);
	hdestroy_r(&stats->index);
	look_free(&stats->look);
	queue_close(&stats->queue);
	free(stats);
}

/* What could not be counted is left out, and its code returned. */
static int
count_all(const struct spools *spools, struct stats **all, size_t *counted)
{
	int code = EX_OK, one;
	struct stats *stats;
	size_t i;

	for (i = 0; i < spools->count; i++) {
		stats = calloc(1, sizeof(*stats));
		if (!stats)
			return tool_fail(EX_OSERR, "no memory");
		one = count(stats, spools->paths[i]);
		if (one == EX_OK)
			all[(*counted)++] = stats;
		else
			finish(stats);
		code = one == EX_OK ? code : one;
	}
	return code;
}

static int
stats_of(const struct spools *spools, enum format format, bool headed)
{
	struct stats **all = calloc(spools->count + 1, sizeof(all[0]));
	size_t counted = 0;
	int code, printed = EX_OK;

	if (!all)
		return tool_fail(EX_OSERR, "no memory");
	code = count_all(spools, all, &counted);
	if (counted || code == EX_OK) {
		if (format == FORMAT_PROMETHEUS)
			printed = print_metrics(all, counted);
		else
			print(all, counted, format, headed);
	}
	while (counted > 0)
		finish(all[--counted]);
	free((void *)all);
	return tool_finish(code == EX_OK ? printed : code);
}

int
tool_stats(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, FORMAT_JSON },
		{ "prometheus", no_argument, NULL, FORMAT_PROMETHEUS },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct spools spools = SPOOLS_INIT;
	enum format format = FORMAT_TEXT;
	struct error err = ERROR_INIT;
	int operands = 0, got, code;

	while ((got = arguments_next(argc, argv, options, &operands)) != -1)
		format = (enum format)got;
	if (spools_read(&spools, argv + 1, operands, &err) < 0)
		code = tool_error(&err);
	else
		code = stats_of(&spools, format, operands != 1);
	spools_free(&spools);
	return code;
}
