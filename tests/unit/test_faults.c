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
	int nth;   /* the call that fails, from 1 */
	int calls; /* so far */
	int errnum;
	enum fault fault;
	const char *name; /* of the call that failed */
} plan;

/* May a call be made? If not errno is set. */
static bool
falls(const char *name)
{
	if (!plan.armed)
		return false;
	plan.calls++;
	if (plan.fault == FOREVER && plan.hit && strcmp(plan.name, name) == 0) {
		errno = plan.errnum;
		return true;
	}
	if (plan.calls != plan.nth)
		return false;
	plan.hit = true;
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
CALL(fsync, (int fd), syscall(SYS_fsync, fd))
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
run_one(const struct trial *trial, int nth, int errnum, enum fault fault)
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
run_all(enum fault fault)
{
	static const int errnums[] = { EIO, ENOSPC, EDQUOT, EROFS, ENOMEM,
		EMFILE, EINTR, EACCES, ENOSYS, EINVAL };
	unsigned runs = 0;
	size_t e, t;
	int nth;

	for (t = 0; t < COUNT(trials); t++)
		for (e = 0; e < COUNT(errnums); e++) {
			/* Again and again is what EINTR asks for. */
			if (fault == FOREVER && errnums[e] == EINTR)
				continue;
			for (nth = 1;
			     run_one(&trials[t], nth, errnums[e], fault); nth++)
				runs++;
			assert_true(nth > 8);
		}
	print_message("%u faults\n", runs);
}

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
	run_all(NOT_DONE);
}

static void
test_done_but_failed(void **state)
{
	(void)state;
	run_all(DONE_FAILED);
}

static void
test_failing_from_then_on(void **state)
{
	(void)state;
	run_all(FOREVER);
}

/* Short writes are no fault; only if nothing more can be written. */
static void
test_short_writes(void **state)
{
	(void)state;
	run_all(SHORT);
	run_all(SHORT_FAILED);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_not_done),
		cmocka_unit_test(test_done_but_failed),
		cmocka_unit_test(test_failing_from_then_on),
		cmocka_unit_test(test_short_writes),
	};

	(void)umask(027);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
