/* SPDX-License-Identifier: MIT */
/*
 * feed_write - put messages as lines into the pipe to a command
 *
 * Events go from their files to the pipe in pieces, whatever their size; many
 * small ones go in one write.
 */
#include "run/feed_parts.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

/* Line breaks can only be between the tokens of an event. */
static void
flatten(char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (bytes[i] == '\n' || bytes[i] == '\r')
			bytes[i] = ' ';
}

/* A piece of the event that is being written. 1: there is room for more. */
static int
append_event(struct feed *feed, struct error *err)
{
	struct task *task = feed->given[feed->written];
	size_t floor = feed->out_len, room = FEED_BUFFER - 1 - floor, got;
	off_t rest = task->claim.size - feed->at;

	if (rest < (off_t)room)
		room = (size_t)rest;
	if (io_read_at(task->claim.fd, feed->out + floor, room, feed->at, &got,
		task->name, err) < 0)
		return -1;
	flatten(feed->out + floor, got);
	feed->out_len += got;
	feed->at += (off_t)got;
	if (got == room && feed->at < task->claim.size)
		return 0;
	while (feed->out_len > floor && feed->out[feed->out_len - 1] == ' ')
		feed->out_len--;
	feed->out[feed->out_len++] = '\n';
	feed->written++;
	feed->begun = false;
	feed->at = 0;
	return 1;
}

/* NAME TAB. False: there is no room for it. */
static bool
append_name(struct feed *feed)
{
	const struct task *task = feed->given[feed->written];
	size_t len = strlen(task->name);

	/* And room for something of the event. */
	if (FEED_BUFFER - feed->out_len < len + 64)
		return false;
	memcpy(feed->out + feed->out_len, task->name, len);
	feed->out_len += len;
	feed->out[feed->out_len++] = '\t';
	feed->begun = true;
	return true;
}

static int
fill(struct feed *feed, struct error *err)
{
	int rc = 1;

	while (rc == 1 && feed->written < feed->count &&
	    FEED_BUFFER - feed->out_len > 64)
		rc = feed->begun || append_name(feed) ? append_event(feed, err)
						      : 0;
	if (rc == 1 && feed->written == feed->count && feed->idle &&
	    !feed->told && feed->out_len < FEED_BUFFER) {
		feed->out[feed->out_len++] = '\n';
		feed->told = true;
	}
	return rc < 0 ? -1 : 0;
}

/* It reads no more; what it has may still be answered. */
void
feed_lose_input(struct runner *runner, struct slot *slot)
{
	io_discard(&slot->feed->input);
	slot->feed->lost = true;
	slot->feed->out_at = slot->feed->out_len = 0;
	feed_close_input(runner, slot);
}

void
feed_write(struct runner *runner, struct slot *slot)
{
	struct feed *feed = slot->feed;
	struct error err = ERROR_INIT;
	ssize_t sent = 0;

	while (feed->input >= 0 && sent >= 0) {
		if (fill(feed, &err) < 0) {
			feed_say(runner, slot, "is to end: %s", err.text);
			feed_break_off(slot);
			return;
		}
		if (feed->out_at == feed->out_len)
			return;
		sent = write(feed->input, feed->out + feed->out_at,
		    feed->out_len - feed->out_at);
		if (sent > 0)
			feed->out_at += (size_t)sent;
		if (feed->out_at == feed->out_len)
			feed->out_at = feed->out_len = 0;
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			feed_lose_input(runner, slot);
	}
}
