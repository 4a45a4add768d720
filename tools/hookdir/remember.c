/* SPDX-License-Identifier: MIT */
/*
 * remember - the line of a consumer or an operator in a spool's history
 */
#include "hookdir/remember.h"

#include <unistd.h>

#include "base/clock.h"
#include "message/event.h"
#include "spool/history.h"
#include "hookdir/tool.h"

static void
add(int root, const struct history_entry *entry)
{
	struct error err = ERROR_INIT;
	static bool said;

	if (history_add(root, HISTORY_OUT, entry, &err) == 0 || said)
		return;
	said = true;
	tool_warn("the history has gaps: %s", err.text);
}

void
remember(int root, const struct spool_name *name, int fd, const char *event,
    struct span detail)
{
	struct history_entry entry = HISTORY_ENTRY_INIT;
	struct error ignored = ERROR_INIT;
	struct event message;

	event_init(&message);
	if (fd >= 0 && event_peek(&message, fd, &ignored) == 0)
		event_find_reference(&message, fd);
	entry.time = clock_now();
	entry.event = event;
	entry.name = span_of(name->base);
	entry.id = event_get(&message, EVENT_ID);
	entry.type = event_get(&message, EVENT_TYPE);
	entry.subject = event_get(&message, EVENT_SUBJECT);
	entry.reference = event_get(&message, EVENT_REFERENCE);
	entry.detail = detail;
	entry.by = (int64_t)getuid();
	add(root, &entry);
	event_free(&message);
}
