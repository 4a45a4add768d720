/* SPDX-License-Identifier: MIT */
/*
 * stats - hookdir stats: how many messages, how large, how old
 *
 * Types come from outside: of their names there is a limited number, of a
 * limited length and fit to be shown. The others are counted together.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "hookdir/arguments.h"
#include "base/clock.h"
#include "json/json.h"
#include "hookdir/look.h"
#include "hookdir/pretty.h"

#define TYPES_MAX  1000
#define TYPE_MAX   255 /* bytes */
#define OTHER	   "other"
#define NO_EVENT   "-"
#define OUTPUT_MAX ((size_t)16 << 20)

#define AGE_UNKNOWN INT64_MIN

struct sum {
	uint64_t count, bytes;
	int64_t oldest; /* seconds since it arrived */
	bool has_oldest;
};

struct type {
	char *name; /* owned */
	struct sum sums[QUEUE_STATES];
};

enum format {
	FORMAT_TEXT,
	FORMAT_JSON,
	FORMAT_PROMETHEUS
};

struct stats {
	struct queue queue;
	enum format format;
	time_t now;
	struct look look;
	struct sum sums[QUEUE_STATES];
	/* One more than counts by itself, for OTHER. */
	struct type types[TYPES_MAX + 1];
	size_t type_count;
	struct hsearch_data index;
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
	if (stats->type_count >= TYPES_MAX && strcmp(name, OTHER) != 0)
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
add(struct sum *sum, uint64_t bytes, int64_t age)
{
	/* One whose age is not known is no reason for an alarm. */
	if (age != AGE_UNKNOWN && (!sum->has_oldest || age > sum->oldest)) {
		sum->oldest = age;
		sum->has_oldest = true;
	}
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
	uint64_t bytes;
	int64_t age;

	if (!look_at(look, &stats->queue, state, file, name))
		return 0;
	name_of(look_type(look), text);
	type = find_type(stats, text);
	if (!type)
		return error_set(err, ERROR_MEMORY, "no memory for types");
	bytes = (uint64_t)look->st.st_size;
	age = look->arrived.tv_sec ? stats->now - look->arrived.tv_sec
				   : AGE_UNKNOWN;
	add(&type->sums[state], bytes, age);
	add(&stats->sums[state], bytes, age);
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct type *first = a, *second = b;

	return strcmp(first->name, second->name);
}

/* From here on the index is of no use. */
static void
sort_types(struct stats *stats)
{
	qsort(
	    stats->types, stats->type_count, sizeof(stats->types[0]), compare);
}

static void
print_sum(const char *state, const struct sum *sum, const char *type)
{
	char bytes[TOOL_SHORT_SIZE], oldest[TOOL_SHORT_SIZE] = "-";

	tool_short_size(sum->bytes, bytes);
	if (sum->has_oldest)
		tool_short_span(sum->oldest, oldest);
	(void)printf("%-10s  %10llu  %7s  %6s%s%s\n", state,
	    (unsigned long long)sum->count, bytes, oldest, *type ? "  " : "",
	    type);
}

static void
print_text(const struct stats *stats)
{
	const struct sum *sum;
	size_t i, state;

	(void)printf("%-10s  %10s  %7s  %6s  %s\n", "STATE", "MESSAGES",
	    "BYTES", "OLDEST", "TYPE");
	for (state = 0; state < QUEUE_STATES; state++) {
		print_sum(queue_state_name((enum queue_state)state),
		    &stats->sums[state], "");
		for (i = 0; i < stats->type_count; i++) {
			sum = &stats->types[i].sums[state];
			if (sum->count)
				print_sum("", sum, stats->types[i].name);
		}
	}
}

static void
append_sum(struct buf *out, const struct sum *sum)
{
	buf_printf(out, "{\"count\":%llu,\"bytes\":%llu,\"oldest\":",
	    (unsigned long long)sum->count, (unsigned long long)sum->bytes);
	if (sum->has_oldest)
		buf_printf(out, "%lld", (long long)sum->oldest);
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
append_json(struct buf *out, const struct stats *stats)
{
	size_t state;

	buf_append_text(out, "{\"states\":{");
	for (state = 0; state < QUEUE_STATES; state++) {
		buf_printf(out, "%s\"%s\":", state ? "," : "",
		    queue_state_name((enum queue_state)state));
		append_sum(out, &stats->sums[state]);
		append_types(out, stats, state);
		buf_append_byte(out, '}');
	}
	buf_append_text(out, "}}\n");
}

/* Prometheus, "Exposition formats": a label's value has these escapes. */
static void
append_label(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_append_byte(out, '\\');
		buf_append_byte(out, *text);
	}
}

static void
append_sample(struct buf *out, const char *metric, size_t state,
    const char *type, uint64_t value)
{
	buf_printf(out, "%s{state=\"%s\",type=\"", metric,
	    queue_state_name((enum queue_state)state));
	append_label(out, type);
	buf_printf(out, "\"} %llu\n", (unsigned long long)value);
}

/* A state without messages says 0 under no type: its sum is never absent. */
static void
append_metric(struct buf *out, const struct stats *stats, const char *metric,
    const char *help, bool bytes)
{
	const struct sum *sum;
	size_t i, state;

	buf_printf(
	    out, "# HELP %s %s\n# TYPE %s gauge\n", metric, help, metric);
	for (state = 0; state < QUEUE_STATES; state++) {
		if (stats->sums[state].count == 0)
			append_sample(out, metric, state, "", 0);
		for (i = 0; i < stats->type_count; i++) {
			sum = &stats->types[i].sums[state];
			if (sum->count)
				append_sample(out, metric, state,
				    stats->types[i].name,
				    bytes ? sum->bytes : sum->count);
		}
	}
}

static void
append_oldest(struct buf *out, const struct stats *stats)
{
	size_t state;

	buf_append_text(out,
	    "# HELP hookdir_oldest_seconds Time since the oldest message "
	    "arrived, 0 where there is none.\n"
	    "# TYPE hookdir_oldest_seconds gauge\n");
	for (state = 0; state < QUEUE_STATES; state++)
		buf_printf(out, "hookdir_oldest_seconds{state=\"%s\"} %lld\n",
		    queue_state_name((enum queue_state)state),
		    (long long)stats->sums[state].oldest);
}

static void
append_prometheus(struct buf *out, const struct stats *stats)
{
	append_metric(out, stats, "hookdir_messages",
	    "Messages in the spool, by state and type.", false);
	append_metric(out, stats, "hookdir_bytes",
	    "Size of the messages in the spool, by state and type.", true);
	append_oldest(out, stats);
}

static int
print(struct stats *stats)
{
	struct buf out = BUF_INIT(OUTPUT_MAX);
	struct error err = ERROR_INIT;
	int code = EX_OK;

	sort_types(stats);
	if (stats->format == FORMAT_TEXT)
		print_text(stats);
	else if (stats->format == FORMAT_JSON)
		append_json(&out, stats);
	else
		append_prometheus(&out, stats);
	if (buf_check(&out, &err) < 0)
		code = tool_error(&err);
	else if (out.len)
		(void)fwrite(out.at, 1, out.len, stdout);
	buf_free(&out);
	return tool_finish(code);
}

static int
count(struct stats *stats)
{
	struct error err = ERROR_INIT;
	int i;

	if (!hcreate_r((size_t)TYPES_MAX * 2, &stats->index))
		return tool_fail(EX_OSERR, "no memory for types");
	for (i = 0; i < QUEUE_STATES; i++)
		if (queue_each(&stats->queue, (enum queue_state)i, visit, stats,
			&err) < 0)
			return tool_error(&err);
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
	struct stats stats = { .format = FORMAT_TEXT };
	int operands = 0, got, code;

	while ((got = arguments_next(argc, argv, options, &operands)) != -1)
		stats.format = (enum format)got;
	if (operands != 1)
		return tool_usage(
		    operands ? "one spool at a time" : "which spool?");
	code = tool_open_queue(&stats.queue, argv[1]);
	if (code != EX_OK)
		return code;
	stats.now = clock_now().tv_sec;
	look_init(&stats.look);
	code = count(&stats);
	if (code == EX_OK)
		code = print(&stats);
	finish(&stats);
	return code;
}
