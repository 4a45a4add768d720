/* SPDX-License-Identifier: MIT */
/*
 * one - a command for one message
 */
#include "run/one.h"

#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "run/outcome.h"

/* Tries that are left if this one fails; 0: it is the last. */
static unsigned
tries_left(const struct runner *runner, const struct claim *claim)
{
	unsigned most = runner->options->retries + 1;

	return claim->name.tries < most ? most - claim->name.tries : 0;
}

static int
fill(struct environment *env, const struct runner *runner,
    const struct task *task, struct error *err)
{
	const struct claim *claim = &task->claim;

	environment_add_own(env);
	if (environment_add_event(env, claim->fd, err) < 0)
		return -1;
	environment_add(env, "CE_SEEN", span_of(task->seen));
	environment_add_number(env, "CE_TRY", claim->name.tries);
	environment_add_number(env, "CE_TRIES_LEFT", tries_left(runner, claim));
	return environment_finish(env, err);
}

static int
start(struct runner *runner, struct slot *slot, const struct task *task,
    int output, struct error *err)
{
	const struct claim *claim = &task->claim;
	const struct job_streams streams = { claim->fd, output, output, -1 };
	struct environment env = ENVIRONMENT_INIT;
	struct buf path = BUF_INIT(PATH_MAX + NAME_MAX + 16);
	int rc = -1;

	buf_printf(&path, "%s/%s/%s", runner->queue.path,
	    queue_state_name(claim->state), claim->file);
	buf_append_byte(&path, '\0');
	if (buf_check(&path, err) == 0 && fill(&env, runner, task, err) == 0)
		rc = job_start(
		    &slot->job, &runner->command, path.at, &env, &streams, err);
	buf_free(&path);
	environment_free(&env);
	return rc;
}

int
one_give(struct runner *runner, struct slot *slot, const struct task *task,
    struct error *err)
{
	int ends[2], rc;

	if (job_pipe(ends, 0, err) < 0)
		return -1;
	rc = start(runner, slot, task, ends[1], err);
	(void)close(ends[1]);
	if (rc < 0) {
		(void)close(ends[0]);
		return -1;
	}
	slot->job.output = ends[0];
	slot->task = *task;
	return 0;
}

void
one_ended(struct runner *runner, struct slot *slot, int status)
{
	const struct job *job = &slot->job;
	struct buf output = BUF_INIT(JOB_OUTPUT);
	struct outcome outcome = { FATE_STATUS, -1, NULL, { NULL, 0 } };
	char what[64];

	if (WIFEXITED(status) && !job->timed_out)
		outcome.status = WEXITSTATUS(status);
	/* Killed by us, in a hurry to end: that is not its fault. */
	if (outcome.status != EX_OK && outcome.status != EX_TEMPFAIL &&
	    outcome.status != EX_DATAERR && outcome.status != EX_CONFIG &&
	    runner->hurried && job->killed)
		outcome.fate = FATE_BACK;
	job_describe(job, status, what, sizeof(what));
	job_output(job, &output);
	outcome.what = what;
	outcome.output = buf_span(&output);
	run_settle(runner, &slot->task, &outcome);
	buf_free(&output);
}
