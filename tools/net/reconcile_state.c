/* SPDX-License-Identifier: MIT */
/*
 * reconcile_state - how far earlier runs came
 *
 * Lines of a name and a value. Without its first line it is none.
 */
#include "net/reconcile_state.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "net/reconcile_kind.h"

#define FIRST_LINE "hookdir reconcile 1"

static void
take_state(struct reconcile_state *state, struct span line)
{
	struct span name;
	size_t i;

	(void)span_cut(&line, ' ', &name);
	if (span_is(name, "from"))
		state->from = reconcile_time(line);
	else if (span_is(name, "changed"))
		state->changed = reconcile_time(line);
	else if (span_is(name, "source") && line.len < sizeof(state->source)) {
		memcpy(state->source, line.at, line.len);
		state->source[line.len] = '\0';
	}
	for (i = 0; i < RECONCILE_RESOURCES; i++)
		if (span_is(name, reconcile_kinds[i].name))
			state->complete[i] = reconcile_time(line);
}

void
reconcile_state_read(int dir, struct reconcile_state *state)
{
	struct error ignored = ERROR_INIT;
	char bytes[4096];
	struct span text = { bytes, 0 }, line;
	struct stat st;
	size_t i;
	int fd =
	    dir < 0 ? -1 : io_open_file(dir, RECONCILE_STATE, &st, &ignored);

	memset(state, 0, sizeof(*state));
	state->from = state->changed = INT64_MIN;
	for (i = 0; i < RECONCILE_RESOURCES; i++)
		state->complete[i] = INT64_MIN;
	if (fd < 0)
		return;
	if (io_read_at(fd, bytes, sizeof(bytes), 0, &text.len, RECONCILE_STATE,
		&ignored) == 0 &&
	    span_cut(&text, '\n', &line) && span_is(line, FIRST_LINE))
		while (span_cut(&text, '\n', &line))
			take_state(state, line);
	io_discard(&fd);
}

static void
append_time(struct buf *out, const char *name, int64_t time)
{
	const struct timespec when = { time / 1000000, time % 1000000 * 1000 };
	char text[CLOCK_RFC3339_SIZE];

	if (time < 0)
		return;
	clock_rfc3339(when, text);
	buf_printf(out, "%s %s\n", name, text);
}

int
reconcile_state_write(
    int dir, const struct reconcile_state *state, struct error *err)
{
	struct buf text = BUF_INIT(4096);
	size_t i;
	int rc = -1;

	buf_printf(&text, "%s\n", FIRST_LINE);
	append_time(&text, "from", state->from);
	for (i = 0; i < RECONCILE_RESOURCES; i++)
		append_time(&text, reconcile_kinds[i].name, state->complete[i]);
	append_time(&text, "changed", state->changed);
	if (state->source[0])
		buf_printf(&text, "source %s\n", state->source);
	if (buf_check(&text, err) == 0)
		rc = reconcile_replace(
		    dir, RECONCILE_STATE, buf_span(&text), err);
	buf_free(&text);
	return rc;
}

int
reconcile_replace(
    int dir, const char *name, struct span text, struct error *err)
{
	char draft[64];
	struct iovec piece = { (void *)(uintptr_t)text.at, text.len };
	int fd, rc = -1;

	(void)snprintf(draft, sizeof(draft), "%s.new", name);
	(void)unlinkat(dir, draft, 0);
	fd = io_create(dir, draft, 0640, err);
	if (fd >= 0 && io_write_all(fd, &piece, 1, name, err) == 0 &&
	    io_fsync(fd, name, err) == 0 && io_close(&fd, name, err) == 0) {
		rc = renameat(dir, draft, dir, name);
		if (rc < 0)
			(void)error_system(err, "cannot rename %s", name);
	}
	io_discard(&fd);
	if (rc == 0)
		return io_fsync(dir, "reconcile/", err);
	(void)unlinkat(dir, draft, 0);
	return -1;
}
