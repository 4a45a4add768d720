/* SPDX-License-Identifier: MIT */
/*
 * stats_metrics - spools in Prometheus' text format
 *
 * Names and units are those that Prometheus recommends. Each series has the
 * label spool, so that files of several spools do not collide, and no label
 * has text of a sender's. Times are times, not ages, and absent where there
 * is none.
 */
#include <sys/statvfs.h>

#include "base/utf8.h"
#include "hookdir/spools.h"
#include "hookdir/stats.h"

struct metrics {
	struct buf *out;
	const struct stats *stats; /* of the spool that is written */
	const char *name;	   /* of the metric */
};

/* "Exposition formats": a label's value is UTF-8 with these escapes. */
static void
append_value(struct buf *out, const char *text)
{
	struct buf utf8 = BUF_INIT(2 * PATH_MAX);
	size_t i;

	utf8_append_latin1(&utf8, span_of(text));
	out->failed |= utf8.failed;
	for (i = 0; i < utf8.len; i++) {
		if (utf8.at[i] == '"' || utf8.at[i] == '\\')
			buf_append_byte(out, '\\');
		if (utf8.at[i] == '\n')
			buf_append_text(out, "\\n");
		else
			buf_append_byte(out, utf8.at[i]);
	}
	buf_free(&utf8);
}

/* A sample; label is NULL where there is none but the spool. */
static void
append(const struct metrics *m, const char *label, const char *value,
    uint64_t number)
{
	buf_printf(m->out, "%s{spool=\"", m->name);
	append_value(m->out, spools_name(m->stats->queue.path));
	if (label) {
		buf_printf(m->out, "\",%s=\"", label);
		append_value(m->out, value);
	}
	buf_printf(m->out, "\"} %llu\n", (unsigned long long)number);
}

static void
append_time(
    const struct metrics *m, const char *label, const char *value, time_t when)
{
	if (when > 0)
		append(m, label, value, (uint64_t)when);
}

static void
messages(const struct metrics *m)
{
	int i;

	for (i = 0; i < QUEUE_STATES; i++)
		append(m, "state", queue_state_name((enum queue_state)i),
		    m->stats->sums[i].count);
}

static void
bytes(const struct metrics *m)
{
	int i;

	for (i = 0; i < QUEUE_STATES; i++)
		append(m, "state", queue_state_name((enum queue_state)i),
		    m->stats->sums[i].bytes);
}

static void
oldest(const struct metrics *m)
{
	int i;

	for (i = 0; i < QUEUE_STATES; i++)
		append_time(m, "state", queue_state_name((enum queue_state)i),
		    m->stats->sums[i].oldest);
}

/* A message in the spool shows it as well, where the history does not. */
static void
accepted(const struct metrics *m)
{
	time_t last = m->stats->last.accepted;

	if (m->stats->newest > last)
		last = m->stats->newest;
	append_time(m, NULL, NULL, last);
}

static void
refused(const struct metrics *m)
{
	int code;

	for (code = 0; code < LAST_RULES; code++)
		append_time(m, "rule", error_rule((enum error_code)code),
		    m->stats->last.refused[code]);
}

static void
keys(const struct metrics *m)
{
	const struct last *last = &m->stats->last;
	size_t i;

	for (i = 0; i < last->used_count; i++)
		append_time(m, "key", last->used[i].name, last->used[i].when);
}

static void
free_bytes(const struct metrics *m)
{
	struct statvfs fs;

	if (fstatvfs(m->stats->queue.root, &fs) == 0)
		append(m, NULL, NULL,
		    (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize);
}

/* A file system without a table of inodes, such as btrfs, has none. */
static void
free_inodes(const struct metrics *m)
{
	struct statvfs fs;

	if (fstatvfs(m->stats->queue.root, &fs) == 0 && fs.f_files)
		append(m, NULL, NULL, fs.f_favail);
}

static void
build(const struct metrics *m)
{
	append(m, "version", HOOKDIR_VERSION, 1);
}

static const struct {
	const char *name, *help;
	void (*write)(const struct metrics *);
} families[] = {
	{ "hookdir_spool_messages", "Messages, by state.", messages },
	{ "hookdir_spool_bytes", "Size of the messages, by state.", bytes },
	{ "hookdir_spool_oldest_timestamp_seconds",
	    "When the oldest message of a state arrived.", oldest },
	{ "hookdir_last_accepted_timestamp_seconds",
	    "When the last message was accepted.", accepted },
	{ "hookdir_last_refused_timestamp_seconds",
	    "When a call was last refused, by the rule that it broke.",
	    refused },
	{ "hookdir_key_last_used_timestamp_seconds",
	    "When a key last verified a message.", keys },
	{ "hookdir_disk_free_bytes",
	    "Room that the spool's file system has left.", free_bytes },
	{ "hookdir_disk_free_inodes",
	    "Inodes that the spool's file system has left.", free_inodes },
	{ "hookdir_build_info", "The version of hookdir that counted.", build },
};

void
stats_metrics(struct buf *out, struct stats *const *all, size_t count)
{
	struct metrics m = { .out = out };
	size_t i, j;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		m.name = families[i].name;
		buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", m.name,
		    families[i].help, m.name);
		for (j = 0; j < count; j++) {
			m.stats = all[j];
			families[i].write(&m);
		}
	}
}
