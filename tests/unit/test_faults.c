/* SPDX-License-Identifier: MIT */
/*
 * test_faults - a delivery whose n-th system call fails, for every n
 *
 * The calls that lib/spool, lib/quarantine and lib/io make are defined here
 * once more, which takes precedence over libc's. Each can fail without
 * being done, fail after it was done, or be done in part. Whatever happens,
 * a delivery answers 0 if and only if one complete file stands in new/.
 */
#undef _FORTIFY_SOURCE /* its inline functions would get in the way */

#include "spools.h"

#include <sys/syscall.h>

#include "quarantine.h"

#define TEXT "one line\nand a second one\n"

/* How the chosen call fails */
enum fault {
	NOT_DONE,     /* -1, and nothing has happened */
	DONE_FAILED,  /* -1, although it has happened: as on a lost answer */
	SHORT,	      /* writev() writes one byte, and all goes on */
	SHORT_FAILED, /* writev() writes one byte, then fails */
	FOREVER	      /* -1 from here on, for calls of that kind */
};

static struct {
	bool armed, hit;
	bool renames; /* may one be done and fail? */
	int nth;      /* the call that fails, from 1 */
	int calls;    /* so far */
	int errnum;
	enum fault fault;
	const char *name; /* of the call that failed */
} plan;

/* The calls made while armed, and the inode of what fsync() was given */
static struct {
	const char *name;
	ino_t inode;
} trace[256];
static size_t traced;

static void
note(const char *name, int fd)
{
	struct stat st = { .st_ino = 0 };

	if (fd >= 0)
		(void)syscall(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH);
	if (traced < COUNT(trace)) {
		trace[traced].name = name;
		trace[traced++].inode = st.st_ino;
	}
}

static unsigned
count_trace(const char *name)
{
	unsigned count = 0;
	size_t i;

	for (i = 0; i < traced; i++)
		count += strcmp(trace[i].name, name) == 0;
	return count;
}

/* Does this call fall to the plan? Then errno is set. */
static bool
falls(const char *name)
{
	if (!plan.armed)
		return false;
	plan.calls++;
	if (strcmp(name, "fsync") != 0)
		note(name, -1);
	if (plan.fault == FOREVER && plan.hit && strcmp(plan.name, name) == 0) {
		errno = plan.errnum;
		return true;
	}
	if (plan.calls != plan.nth)
		return false;
	plan.hit = true;
	if (plan.fault == DONE_FAILED && !plan.renames &&
	    strcmp(name, "renameat2") == 0)
		return false;
	/* Only a write can be short; another call is made as usual. */
	if ((plan.fault == SHORT || plan.fault == SHORT_FAILED) &&
	    strcmp(name, "writev") != 0)
		return false;
	plan.name = name;
	errno = plan.errnum;
	return true;
}

/* What a call answers that has fallen but was made nevertheless */
static int
after(int rc)
{
	if (rc >= 0)
		errno = plan.errnum;
	return -1;
}

int
openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (falls("openat"))
		return -1;
	return (int)syscall(SYS_openat, dir, path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (falls("open"))
		return -1;
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

#define CALL(name_, parameters_, made_)                                        \
	int name_ parameters_                                                  \
	{                                                                      \
		if (!falls(#name_))                                            \
			return (int)(made_);                                   \
		return plan.fault == DONE_FAILED ? after((int)(made_)) : -1;   \
	}

CALL(mkdirat, (int dir, const char *path, mode_t mode),
    syscall(SYS_mkdirat, dir, path, mode))
CALL(fchmod, (int fd, mode_t mode), syscall(SYS_fchmod, fd, mode))
CALL(renameat2,
    (int from, const char *name, int to, const char *target, unsigned flags),
    syscall(SYS_renameat2, from, name, to, target, flags))
CALL(renameat, (int from, const char *name, int to, const char *target),
    syscall(SYS_renameat2, from, name, to, target, 0))
CALL(fstat, (int fd, struct stat *st),
    syscall(SYS_newfstatat, fd, "", st, AT_EMPTY_PATH))
CALL(statx,
    (int dir, const char *path, int flags, unsigned mask, struct statx *st),
    syscall(SYS_statx, dir, path, flags, mask, st))

int
fsync(int fd)
{
	if (plan.armed)
		note("fsync", fd);
	if (!falls("fsync"))
		return (int)syscall(SYS_fsync, fd);
	return plan.fault == DONE_FAILED ? after((int)syscall(SYS_fsync, fd))
					 : -1;
}

/* Linux closes the descriptor whatever it answers. */
int
close(int fd)
{
	bool fallen = falls("close");
	int errnum = errno, rc = (int)syscall(SYS_close, fd);

	if (!fallen)
		return rc;
	errno = errnum;
	return -1;
}

ssize_t
writev(int fd, const struct iovec *iov, int count)
{
	int i = 0;

	if (!falls("writev"))
		return syscall(SYS_writev, fd, iov, count);
	if (plan.fault != SHORT && plan.fault != SHORT_FAILED)
		return -1;
	while (i < count && iov[i].iov_len == 0)
		i++;
	if (plan.fault == SHORT_FAILED) {
		plan.fault = FOREVER; /* the next one fails */
		plan.nth = plan.calls;
	} else {
		plan.nth = plan.calls + 1; /* the next one is short, too */
	}
	return syscall(SYS_write, fd, iov[i].iov_base, (size_t)1);
}

static void
arm(int nth, int errnum, enum fault fault)
{
	plan.hit = false;
	traced = 0;
	plan.nth = nth;
	plan.calls = 0;
	plan.errnum = errnum;
	plan.fault = fault;
	plan.armed = true;
}

static int
open_descriptors(void)
{
	return count_entries("/proc/self/fd");
}

/* What is tried: a delivery to a folder, from opening to closing */
struct trial {
	const char *name, *folder;
	int (*run)(const struct place *place, struct error *err); /* 0 or -1 */
	int before; /* messages that are there when the fault comes */
};

static int
deliver(const struct place *place, struct error *err)
{
	struct timespec when = { 1795280733, 0 };
	char name[SPOOL_NAME_SIZE];
	struct spool spool;
	int rc = spool_open(&spool, place->spool, err);

	if (rc == 0)
		rc = deliver_at(&spool, when, TEXT, name, err);
	spool_close(&spool);
	return rc;
}

static int
quarantine(const struct place *place, struct error *err)
{
	struct timespec when = { 1795280733, 0 };
	char name[SPOOL_NAME_SIZE], text[] = TEXT;
	struct iovec piece = { text, sizeof(TEXT) - 1 };
	struct spool spool;
	int rc = spool_open(&spool, place->spool, err);

	if (rc == 0)
		rc = quarantine_keep(
		    &spool, when, &piece, 1, 1 << 20, name, err);
	spool_close(&spool);
	assert_int_not_equal(rc, 0);
	return rc == 1 ? 0 : -1;
}

static void
assert_all_whole(const struct place *place, const char *folder)
{
	DIR *list = opendir(in_spool(place, folder));
	struct dirent *entry;

	assert_non_null(list);
	while ((entry = readdir(list)) != NULL)
		if (entry->d_name[0] != '.')
			assert_file(
			    in_folder(place, folder, entry->d_name), TEXT);
	(void)closedir(list);
}

/* Which trial, and what failed in it */
static const char *
say(const struct trial *trial)
{
	static char text[256];

	(void)snprintf(text, sizeof(text), "%s: call %d, %s, %s, way %d",
	    trial->name, plan.nth, plan.name, strerrorname_np(plan.errnum),
	    (int)plan.fault);
	return text;
}

/* The directories are as they are made without any fault. */
static void
assert_directories(const struct trial *trial, const struct place *place)
{
	static const char *const names[] = { ".", "tmp", "new", "cur", "failed",
		"quarantine" };
	mode_t mode;
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		mode = mode_of(in_spool(place, names[i]));
		if (mode != 02750)
			fail_msg("%s, and then a good one: %s has mode %04o, "
				 "want 2750",
			    say(trial), names[i], (unsigned)mode);
	}
}

static void
assert_outcome(const struct trial *trial, const struct place *place, int rc,
    const struct error *err)
{
	int stored = count_entries(in_spool(place, trial->folder));
	int left = count_entries(in_spool(place, "tmp"));
	int want = trial->before + (rc == 0 ? 1 : 0);

	/* A folder that is not there (-1) holds nothing. */
	if (stored != want && (stored != -1 || want != 0))
		fail_msg("%s: got %d, and %d files in %s/", say(trial), rc,
		    stored, trial->folder);
	if (left > 0)
		fail_msg("%s: %d left in tmp/", say(trial), left);
	if (rc != 0 && error_class(err->code) != CLASS_FAULT)
		fail_msg("%s: got %s", say(trial), error_rule(err->code));
	if (stored > 0)
		assert_all_whole(place, trial->folder);
}

/* One fault in one trial; false when its call was never reached. */
static bool
run_one(const struct trial *trial, int nth, int errnum, enum fault fault,
    bool modes)
{
	struct place place = new_place();
	struct error err = ERROR_INIT;
	int descriptors = open_descriptors(), i, rc;

	for (i = 0; i < trial->before; i++)
		assert_int_equal(trial->run(&place, &err), 0);
	arm(nth, errnum, fault);
	rc = trial->run(&place, &err);
	plan.armed = false;
	assert_outcome(trial, &place, rc, &err);
	if (open_descriptors() != descriptors)
		fail_msg("%s: %d descriptors before, %d after", say(trial),
		    descriptors, open_descriptors());
	/* The fault has passed: all is well. */
	err = (struct error)ERROR_INIT;
	if (trial->run(&place, &err) < 0)
		fail_msg("%s, and then: %s", say(trial), err.text);
	assert_all_whole(&place, trial->folder);
	if (modes)
		assert_directories(trial, &place);
	leave_place(&place);
	return plan.hit;
}

static const struct trial trials[] = {
	{ "first delivery", "new", deliver, 0 },
	{ "second delivery", "new", deliver, 1 },
	{ "first to quarantine", "quarantine", quarantine, 0 },
	{ "second to quarantine", "quarantine", quarantine, 1 },
};

static void
run_all(enum fault fault, const int *errnums, size_t count, bool modes)
{
	unsigned runs = 0;
	size_t e, t;
	int nth;

	for (t = 0; t < COUNT(trials); t++)
		for (e = 0; e < count; e++) {
			for (nth = 1;
			     run_one(&trials[t], nth, errnums[e], fault, modes);
			     nth++)
				runs++;
			assert_true(nth > 8);
		}
	print_message("%u faults\n", runs);
}

/* EINTR comes last: for ever it would mean to try for ever. */
static const int errnums[] = { EIO, ENOSPC, EDQUOT, EROFS, ENOMEM, EMFILE,
	EACCES, ENOSYS, EINVAL, EINTR };

/* Without faults every trial makes calls that can fail, and succeeds. */
static void
test_control(void **state)
{
	struct place place;
	struct error err = ERROR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(trials); i++) {
		place = new_place();
		arm(0, 0, NOT_DONE);
		assert_int_equal(trials[i].run(&place, &err), 0);
		plan.armed = false;
		assert_true(plan.calls > 10);
		assert_outcome(&(struct trial){ trials[i].name,
				   trials[i].folder, NULL, 0 },
		    &place, 0, &err);
		assert_directories(&trials[i], &place);
		leave_place(&place);
	}
}

static void
test_not_done(void **state)
{
	(void)state;
	run_all(NOT_DONE, errnums, COUNT(errnums), false);
}

static void
test_done_but_failed(void **state)
{
	(void)state;
	run_all(DONE_FAILED, errnums, COUNT(errnums), false);
}

static void
test_failing_from_then_on(void **state)
{
	(void)state;
	run_all(FOREVER, errnums, COUNT(errnums) - 1, false);
}

/* A directory that was made while a fault lasted is as good as any. */
static void
test_modes_after_a_fault(void **state)
{
	(void)state;
	run_all(NOT_DONE, errnums, 1, true);
	run_all(DONE_FAILED, errnums, 1, true);
}

/*
 * A rename that was done, but whose answer was lost: not on a local file
 * system, but on others.
 */
static void
test_rename_done_but_failed(void **state)
{
	(void)state;
	plan.renames = true;
	run_all(DONE_FAILED, errnums, 1, false);
	plan.renames = false;
}

/* Short writes are no fault; only if nothing more can be written. */
static void
test_short_writes(void **state)
{
	(void)state;
	run_all(SHORT, errnums, 1, false);
	run_all(SHORT_FAILED, errnums, COUNT(errnums) - 1, false);
}

/* Calls with the inode of what they were about, up to a limit */
static void
assert_steps(const struct place *place, const char *const want[], size_t count)
{
	char name[32];
	struct stat st;
	const char *who;
	size_t i, at = 0;

	for (i = 0; i < traced && at < count; i++) {
		who = "a file";
		if (stat(place->top, &st) == 0 && st.st_ino == trace[i].inode)
			who = "parent";
		if (stat(place->spool, &st) == 0 && st.st_ino == trace[i].inode)
			who = "spool";
		if (stat(in_spool(place, "new"), &st) == 0 &&
		    st.st_ino == trace[i].inode)
			who = "new";
		if (trace[i].inode)
			(void)snprintf(
			    name, sizeof(name), "%s %s", trace[i].name, who);
		else
			(void)snprintf(name, sizeof(name), "%s", trace[i].name);
		if (strcmp(name, want[at]) == 0)
			at++;
	}
	if (at < count)
		fail_msg("got %zu calls without \"%s\" in its place", traced,
		    want[at]);
}

/*
 * The promise: the file, then its name, are on the disk before 0 is
 * answered; and the directories before any file is.
 */
static void
test_order_of_flushes(void **state)
{
	static const char *const first[] = { "mkdirat", "mkdirat", "mkdirat",
		"fsync spool", "fsync parent", "writev", "fsync a file",
		"renameat2", "fsync new" };
	static const char *const second[] = { "writev", "fsync a file",
		"renameat2", "fsync new" };
	struct place place = new_place();
	struct error err = ERROR_INIT;

	(void)state;
	arm(0, 0, NOT_DONE);
	assert_int_equal(deliver(&place, &err), 0);
	plan.armed = false;
	assert_steps(&place, first, COUNT(first));
	arm(0, 0, NOT_DONE);
	assert_int_equal(deliver(&place, &err), 0);
	plan.armed = false;
	assert_steps(&place, second, COUNT(second));
	assert_int_equal(count_trace("fsync"), 2);
	assert_int_equal(count_trace("mkdirat"), 0);
	leave_place(&place);
}

/* Made by somebody else, it may not be on the disk: flushed all the same. */
static void
test_flushes_for_others(void **state)
{
	static const char *const steps[] = { "fsync spool", "fsync parent",
		"writev", "fsync a file", "renameat2", "fsync new" };
	static const char *const names[] = { "tmp", "new", "cur", "failed",
		"quarantine" };
	struct place place = new_place();
	struct error err = ERROR_INIT;
	size_t i;

	(void)state;
	assert_int_equal(mkdir(place.spool, 0700), 0);
	for (i = 0; i < COUNT(names); i++)
		assert_int_equal(mkdir(in_spool(&place, names[i]), 0700), 0);
	arm(0, 0, NOT_DONE);
	assert_int_equal(deliver(&place, &err), 0);
	plan.armed = false;
	assert_steps(&place, steps, COUNT(steps));
	assert_int_equal(count_trace("mkdirat"), 0);
	leave_place(&place);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_not_done),
		cmocka_unit_test(test_done_but_failed),
		cmocka_unit_test(test_rename_done_but_failed),
		cmocka_unit_test(test_failing_from_then_on),
		cmocka_unit_test(test_short_writes),
		cmocka_unit_test(test_modes_after_a_fault),
		cmocka_unit_test(test_order_of_flushes),
		cmocka_unit_test(test_flushes_for_others),
	};

	(void)umask(027);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
