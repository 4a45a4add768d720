/* SPDX-License-Identifier: MIT */
/*
 * doctor_messages - are the messages of a spool dealt with?
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "hookdir/doctor.h"
#include "hookdir/last.h"
#include "hookdir/look.h"
#include "hookdir/tool.h"
#include "spool/history.h"

#define COMMAND_MAX ((size_t)64 << 10)
#define LATELY	    86400 /* seconds: a run by cron is no older */

struct count {
	const struct doctor *doctor;
	uint64_t all;
	time_t oldest; /* due and waiting since then; 0: none is */
	uint64_t unlocked, ended;
};

/* When a message was due: it waits since it arrived, or its next try was. */
static void
count_waiting(struct count *count, enum queue_state state, const char *file,
    const struct spool_name *name)
{
	time_t since = name->next ? name->next : name->arrived.tv_sec;
	struct stat st;

	if (!spool_name_is_due(name, count->doctor->now))
		return;
	if (!since &&
	    fstatat(count->doctor->queue.states[state], file, &st,
		AT_SYMLINK_NOFOLLOW) == 0)
		since = look_arrival(name, &st).tv_sec;
	if (since && (!count->oldest || since < count->oldest))
		count->oldest = since;
}

static int
visit(void *context, enum queue_state state, const char *file,
    const struct spool_name *name, struct error *err)
{
	struct count *count = context;
	struct look look;

	(void)err;
	count->all++;
	if (state == QUEUE_NEW)
		count_waiting(count, state, file, name);
	if (state != QUEUE_CUR)
		return 0;
	look_init(&look);
	if (look_at(&look, &count->doctor->queue, state, file, name) &&
	    !look.locked) {
		count->unlocked++;
		count->ended += name->end != SPOOL_END_NONE;
	}
	look_free(&look);
	return 0;
}

/* False, and a line, where the directory cannot be read. */
static bool
count_state(struct doctor *doctor, enum queue_state state, struct count *count)
{
	struct error err = ERROR_INIT;

	*count = (struct count){ .doctor = doctor };
	if (queue_each(&doctor->queue, state, visit, count, &err) == 0)
		return true;
	doctor_say(doctor, DOCTOR_UNCHECKED, "run as root", "%s", err.text);
	return false;
}

void
doctor_waiting(struct doctor *doctor)
{
	char span[TOOL_SHORT_SIZE];
	enum verdict verdict;
	struct count count;
	time_t age;

	if (!count_state(doctor, QUEUE_NEW, &count))
		return;
	if (!count.oldest) {
		doctor_say(doctor, DOCTOR_FINE, "",
		    count.all ? "none is due" : "no message waits");
		return;
	}
	age = doctor->now > count.oldest ? doctor->now - count.oldest : 0;
	verdict = doctor_judge(&doctor->waiting, (uint64_t)age);
	tool_short_span(age, span);
	doctor_say(doctor, verdict,
	    verdict == DOCTOR_FINE ? ""
				   : "does hookdir run work, and its command?",
	    "%llu message%s, one waits for %s", (unsigned long long)count.all,
	    doctor_plural(count.all), span);
}

void
doctor_failed(struct doctor *doctor)
{
	enum verdict verdict;
	struct count count;

	if (!count_state(doctor, QUEUE_FAILED, &count))
		return;
	verdict = doctor_judge(&doctor->failed, count.all);
	doctor_say(doctor, verdict,
	    verdict == DOCTOR_FINE
		? ""
		: "hookdir list --state failed says why; then hookdir requeue",
	    "%llu dead letter%s", (unsigned long long)count.all,
	    doctor_plural(count.all));
}

void
doctor_quarantine(struct doctor *doctor)
{
	enum verdict verdict;
	struct count count;

	if (!count_state(doctor, QUEUE_QUARANTINE, &count))
		return;
	verdict = doctor_judge(&doctor->quarantine, count.all);
	doctor_say(doctor, verdict,
	    verdict == DOCTOR_FINE
		? ""
		: "hookdir list --state quarantine says why; if the key was "
		  "wrong, hookdir reverify; else hookdir expire",
	    "%llu refused call%s", (unsigned long long)count.all,
	    doctor_plural(count.all));
}

void
doctor_left(struct doctor *doctor)
{
	struct count count;

	if (!count_state(doctor, QUEUE_CUR, &count))
		return;
	if (count.unlocked == 0)
		doctor_say(doctor, DOCTOR_FINE, "", "no message in cur/");
	else if (count.ended == count.unlocked)
		doctor_say(doctor, DOCTOR_WARNING,
		    "mend that; the next hookdir run moves them",
		    "%llu message%s in cur/ ended and could not be moved",
		    (unsigned long long)count.ended,
		    doctor_plural(count.ended));
	else
		doctor_say(doctor, DOCTOR_WARNING,
		    "hookdir run puts them back, or hookdir requeue --state "
		    "cur --all",
		    "%llu message%s left in cur/ by a run that died",
		    (unsigned long long)count.unlocked,
		    doctor_plural(count.unlocked));
}

void
doctor_silent(struct doctor *doctor)
{
	struct error err = ERROR_INIT;
	char span[TOOL_SHORT_SIZE];
	enum verdict verdict;
	struct last last;

	if (last_read(&last, doctor->queue.root, &err) < 0) {
		doctor_say(
		    doctor, DOCTOR_UNCHECKED, "run as root", "%s", err.text);
		return;
	}
	if (!last.accepted) {
		doctor_say(doctor, DOCTOR_FINE, "",
		    "the history has no accepted message");
		return;
	}
	verdict = last.accepted > doctor->now
	    ? DOCTOR_FINE
	    : doctor_judge(
		  &doctor->silent, (uint64_t)(doctor->now - last.accepted));
	tool_short_span(doctor->now - last.accepted, span);
	doctor_say(doctor, verdict,
	    verdict == DOCTOR_FINE ? "" : "ask the sender, and see its log",
	    "the last message came %s ago", span);
}

/* Is it "hookdir run", with a word that names this spool? */
static bool
runs_here(const struct doctor *doctor, char *words, size_t len)
{
	char *end = words + len, *word = words, path[PATH_MAX];
	struct stat spool, st;
	const char *name;
	bool runs = false;
	size_t i;

	if (fstat(doctor->queue.root, &spool) < 0)
		return false;
	for (i = 0; word < end; i++, word += strlen(word) + 1) {
		name = strrchr(word, '/');
		if (i == 0 && strcmp(name ? name + 1 : word, "hookdir") != 0)
			return false;
		runs |= i == 1 && strcmp(word, "run") == 0;
		if (i == 1 && !runs)
			return false;
		if (i > 1 && strcmp(word, "--") == 0)
			return false;
		if (i > 1 && stat(tool_spool(word, path), &st) == 0 &&
		    st.st_ino == spool.st_ino && st.st_dev == spool.st_dev)
			return true;
	}
	return false;
}

static bool
is_runner(const struct doctor *doctor, const char *pid)
{
	struct error ignored = ERROR_INIT;
	static char words[COMMAND_MAX + 1];
	char path[300];
	size_t got = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)io_read_at(
		    fd, words, COMMAND_MAX, 0, &got, path, &ignored);
	io_discard(&fd);
	words[got] = '\0';
	return got && runs_here(doctor, words, got);
}

/* The process that works on the spool, or 0; one that began elsewhere with a
 * relative path is not found. */
static long
find_runner(const struct doctor *doctor)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	long pid = 0;

	while (dir && !pid && (entry = readdir(dir)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    is_runner(doctor, entry->d_name))
			pid = strtol(entry->d_name, NULL, 10);
	if (dir)
		(void)closedir(dir);
	return pid;
}

/* Has a consumer written to the history lately? It has then run. */
static bool
ran_lately(const struct doctor *doctor)
{
	char path[64], day[HISTORY_DAY_SIZE];
	struct stat st;
	int i;

	for (i = 0; i < 2; i++) {
		history_day(doctor->now - i * LATELY, day);
		(void)snprintf(path, sizeof(path), "%s/%s.out.jsonl",
		    HISTORY_DIRECTORY, day);
		if (fstatat(doctor->queue.root, path, &st, 0) == 0 &&
		    st.st_mtime > doctor->now - LATELY)
			return true;
	}
	return false;
}

void
doctor_runner(struct doctor *doctor)
{
	long pid = find_runner(doctor);
	struct count count;

	if (pid)
		doctor_say(
		    doctor, DOCTOR_FINE, "", "hookdir run is process %ld", pid);
	else if (ran_lately(doctor))
		doctor_say(doctor, DOCTOR_FINE, "",
		    "a command ran within the last day");
	else if (!count_state(doctor, QUEUE_NEW, &count))
		return;
	else if (count.all == 0)
		doctor_say(doctor, DOCTOR_FINE, "", "nothing to run");
	else
		doctor_say(doctor, DOCTOR_WARNING,
		    "start a unit with hookdir run --watch, see the samples",
		    "messages wait, and no hookdir run works on them");
}
