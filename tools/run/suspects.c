/* SPDX-License-Identifier: MIT */
/*
 * suspects - messages that were alone when the command died
 */
#include "run/suspects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/outcome.h"
#include "run/progress.h"
#include "hookdir/tool.h"

static void
settle_one(struct runner *runner, struct suspect *suspect, enum fate fate)
{
	const struct outcome outcome = { fate, -1, suspect->what,
		{ suspect->output, suspect->len } };

	run_settle(runner, suspect->task, &outcome);
	free(suspect->task);
	suspect->task = NULL;
}

static void
settle_all(struct runner *runner, enum fate fate)
{
	struct suspects *suspects = &runner->suspects;

	while (suspects->count > 0)
		settle_one(runner, &suspects->list[--suspects->count], fate);
}

/* How many different messages have died in a row, with this one. */
static unsigned
row_with(struct suspects *suspects, const char *base)
{
	unsigned i;

	for (i = 0; i < suspects->row; i++)
		if (strcmp(suspects->bases[i], base) == 0)
			return suspects->row;
	if (suspects->row + 1 == SUSPECTS_MAX)
		return SUSPECTS_MAX;
	(void)snprintf(
	    suspects->bases[suspects->row++], NAME_MAX + 1, "%s", base);
	return suspects->row;
}

void
suspects_add(struct runner *runner, struct task *task, const char *what,
    struct span output)
{
	struct suspects *suspects = &runner->suspects;
	struct suspect *suspect = &suspects->list[suspects->count++];

	suspect->task = task;
	(void)snprintf(suspect->what, sizeof(suspect->what), "%s", what);
	suspect->len = output.len < sizeof(suspect->output)
	    ? output.len
	    : sizeof(suspect->output);
	if (suspect->len)
		memcpy(suspect->output, output.at, suspect->len);
	if (row_with(suspects, task->claim.name.base) == SUSPECTS_MAX) {
		run_progress_clear();
		tool_fail(0,
		    "the command has died with %d different messages in a "
		    "row, each given alone, and has answered none: it is at "
		    "fault; nothing was counted",
		    SUSPECTS_MAX);
		runner_stop(runner, EX_CONFIG);
		settle_all(runner, FATE_UNGIVEN);
	}
}

void
suspects_clear(struct runner *runner)
{
	runner->suspects.row = 0;
	settle_all(runner, FATE_STATUS);
}

void
suspects_settle(struct runner *runner)
{
	settle_all(runner, FATE_STATUS);
}

void
suspects_return(struct runner *runner)
{
	settle_all(runner, FATE_UNGIVEN);
}
