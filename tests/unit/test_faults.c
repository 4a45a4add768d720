/* SPDX-License-Identifier: MIT */
/*
 * test_faults - a delivery whose n-th system call fails, for every n
 *
 * The calls that lib/spool/spool, lib/spool/quarantine and lib/base/io make are
 * defined here once more, which takes precedence over libc's. Each can fail
 * without being done, fail after it was done, or be done in part. Whatever
 * happens, a delivery answers 0 if and only if one complete file stands in
 * new/.
 *
 * The same for those who take messages out again: whatever happens, the
 * message stands whole in one of new/, cur/, failed/ and the archive, nobody
 * has a lock on it, and the next one to come can do with it what it likes.
 */
#undef _FORTIFY_SOURCE /* its inline functions would get in the way */

#include "spools.h"

#include <linux/magic.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "queue/claim.h"
#include "base/io.h"
#include "spool/quarantine.h"

#define TEXT "one line\nand a second one\n"

/* How the chosen call fails */
enum fault {
	NOT_DONE,     /* -1, and nothing has happened */
	DONE_FAILED,  /* -1, although it has happened: as on a lost answer */
	SHORT,	      /* writev() writes one byte, and all goes on */
	SHORT_FAILED, /* writev() writes one byte, then fails */
	FOREVER	      /* -1 from here on, for calls of that kind */
};

/* A file system, as the kernel tells of it */
struct disk {
	const char *name;
	unsigned magic;
	bool unborn; /* no file there has a time of birth */
};

static const struct disk unknown = { "unknown", TMPFS_MAGIC, false },
			 xfs = { "xfs", XFS_SUPER_MAGIC, false },
			 ext4 = { "ext4", EXT4_SUPER_MAGIC, false },
			 ext2 = { "ext2", EXT4_SUPER_MAGIC, true };

static struct {
	bool armed, hit;
	bool renames; /* may one be done and fail? */
	bool taking;  /* do the calls count that only consumers make? */
	const struct disk *disk;
	int nth;   /* the call that fails, from 1 */
	int calls; /* so far */
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
	if (strcmp(name, "fsync") != 0 && strcmp(name, "sync_file_range") != 0)
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

static long
look(int dir, const char *path, int flags, unsigned mask, struct statx *st)
{
	long rc = syscall(SYS_statx, dir, path, flags, mask, st);

	if (plan.disk->unborn)
		st->stx_btime = (struct statx_timestamp){ .tv_sec = 0 };
	else if (st->stx_btime.tv_sec == 0)
		st->stx_btime.tv_sec = 1;
	return rc;
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
    look(dir, path, flags, mask, st))

/* There is never such an attribute. */
int
fremovexattr(int fd, const char *name)
{
	assert_true(fd >= 0);
	assert_int_equal(strncmp(name, "user.", 5), 0);
	if (!falls("fremovexattr"))
		errno = ENODATA;
	return -1;
}

/* Whatever the tests run on. */
int
fstatfs(int fd, struct statfs *fs)
{
	if (falls("fstatfs"))
		return -1;
	if (syscall(SYS_fstatfs, fd, fs) < 0)
		return -1;
	fs->f_type = plan.disk->magic;
	return 0;
}

int
sync_file_range(int fd, off_t from, off_t len, unsigned flags)
{
	assert_int_equal(from, 0);
	assert_int_equal(len, 0); /* to the end */
	assert_int_equal(flags,
	    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
		SYNC_FILE_RANGE_WAIT_AFTER);
	if (plan.armed)
		note("sync_file_range", fd);
	if (!falls("sync_file_range"))
		return (int)syscall(SYS_sync_file_range, fd, from, len, flags);
	return plan.fault == DONE_FAILED
	    ? after((int)syscall(SYS_sync_file_range, fd, from, len, flags))
	    : -1;
}

int
fsync(int fd)
{
	if (plan.armed)
		note("fsync", fd);
	assert_true(fd >= 0);
	/* That it is called is what counts here, and it is slow. */
	return falls("fsync") ? -1 : 0;
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

/* What deliveries do as well when they tidy up */
static bool
falls_when_taking(const char *name)
{
	return plan.taking && falls(name);
}

int
unlinkat(int dir, const char *path, int flags)
{
	if (!falls_when_taking("unlinkat"))
		return (int)syscall(SYS_unlinkat, dir, path, flags);
	return plan.fault == DONE_FAILED
	    ? after((int)syscall(SYS_unlinkat, dir, path, flags))
	    : -1;
}

int
flock(int fd, int operation)
{
	if (!falls_when_taking("flock"))
		return (int)syscall(SYS_flock, fd, operation);
	return plan.fault == DONE_FAILED
	    ? after((int)syscall(SYS_flock, fd, operation))
	    : -1;
}

ssize_t
pread(int fd, void *room, size_t len, off_t at)
{
	if (falls_when_taking("pread"))
		return -1;
	return syscall(SYS_pread64, fd, room, len, at);
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
	const struct disk *disk;
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

/* By one who has too many of them to keep them open. */
static int
deliver_held_again(const struct place *place, struct error *err)
{
	struct timespec when = { 1795280733, 0 };
	char text[] = TEXT;
	struct iovec piece = { text, sizeof(TEXT) - 1 };
	struct draft draft = DRAFT_INIT;
	struct spool spool;
	struct delivery delivery = { &spool, when, &piece, 1 };
	int rc = spool_open(&spool, place->spool, err);

	if (rc == 0)
		rc = spool_write(&delivery, &draft, err);
	if (rc == 0 && draft.fd >= 0) {
		rc = io_fsync(draft.fd, "a draft", err);
		(void)close(draft.fd);
		draft.fd = -1;
		if (rc < 0)
			spool_forget(&spool, &draft);
	}
	if (rc == 0)
		rc = spool_publish(&delivery, &draft, err);
	spool_close(&spool);
	return rc;
}

static int
quarantine(const struct place *place, struct error *err)
{
	struct quarantine_call call = { "192.0.2.1", true };
	struct quarantine_amount bounds = { UINT64_C(1) << 40, 1 << 20 };
	enum quarantined outcome = QUARANTINE_FAILED;
	char name[SPOOL_NAME_SIZE], text[] = TEXT;
	struct iovec piece = { text, sizeof(TEXT) - 1 };
	struct spool spool;
	struct delivery delivery = { &spool, { 1795280733, 0 }, &piece, 1 };

	if (spool_open(&spool, place->spool, err) == 0)
		outcome = quarantine_keep(&delivery, &bounds, &call, name, err);
	spool_close(&spool);
	assert_true(outcome == QUARANTINE_KEPT || outcome == QUARANTINE_FAILED);
	return outcome == QUARANTINE_KEPT ? 0 : -1;
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

	(void)snprintf(text, sizeof(text), "%s, %s: call %d, %s, %s, way %d",
	    trial->name, trial->disk->name, plan.nth, plan.name,
	    strerrorname_np(plan.errnum), (int)plan.fault);
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

	plan.disk = trial->disk;
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
	{ "first delivery", "new", deliver, 0, &unknown },
	{ "second delivery", "new", deliver, 1, &unknown },
	{ "first delivery", "new", deliver, 0, &xfs },
	{ "second delivery", "new", deliver, 1, &xfs },
	{ "first delivery", "new", deliver, 0, &ext4 },
	{ "second delivery", "new", deliver, 1, &ext4 },
	{ "second delivery", "new", deliver, 1, &ext2 },
	{ "second delivery, held again", "new", deliver_held_again, 1, &xfs },
	{ "first to quarantine", "quarantine", quarantine, 0, &unknown },
	{ "second to quarantine", "quarantine", quarantine, 1, &ext4 },
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
		plan.disk = trials[i].disk;
		arm(0, 0, NOT_DONE);
		assert_int_equal(trials[i].run(&place, &err), 0);
		plan.armed = false;
		assert_true(plan.calls > 10);
		assert_outcome(&(struct trial){ trials[i].name,
				   trials[i].folder, NULL, 0, trials[i].disk },
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
 * The promise: the file and its name are on the disk before 0 is answered,
 * and the directories before any file is.
 */
static void
test_order_of_flushes(void **state)
{
	static const char *const first[] = { "mkdirat", "mkdirat", "mkdirat",
		"fsync spool", "fsync parent", "writev" };
	static const struct {
		const struct disk *disk;
		unsigned flushes;
		const char *steps[6];
	} ways[] = {
		{ &unknown, 2,
		    { "openat", "writev", "fsync a file", "renameat2",
			"fsync new", "close" } },
		{ &ext2, 2,
		    { "openat", "writev", "fsync a file", "renameat2",
			"fsync new", "fremovexattr" } },
		{ &xfs, 1,
		    { "openat", "writev", "sync_file_range a file", "renameat2",
			"fsync a file", "close" } },
		{ &ext4, 2,
		    { "writev", "sync_file_range a file", "renameat2",
			"fsync new", "fsync a file", "fremovexattr" } },
	};
	struct place place;
	struct error err = ERROR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(ways); i++) {
		place = new_place();
		plan.disk = ways[i].disk;
		arm(0, 0, NOT_DONE);
		assert_int_equal(deliver(&place, &err), 0);
		plan.armed = false;
		assert_steps(&place, first, COUNT(first));
		assert_steps(&place, ways[i].steps, COUNT(ways[i].steps));
		arm(0, 0, NOT_DONE);
		assert_int_equal(deliver(&place, &err), 0);
		plan.armed = false;
		assert_steps(&place, ways[i].steps, COUNT(ways[i].steps));
		assert_int_equal(count_trace("fsync"), ways[i].flushes);
		assert_int_equal(count_trace("fremovexattr"),
		    ways[i].disk->magic == EXT4_SUPER_MAGIC);
		assert_int_equal(count_trace("mkdirat"), 0);
		leave_place(&place);
	}
}

/* Which file systems are those where a write-out is enough, or one flush? */
static void
test_file_systems(void **state)
{
	static const struct {
		struct disk disk;
		unsigned write_outs, flushes;
	} rows[] = {
		{ { "xfs", XFS_SUPER_MAGIC, false }, 1, 1 },
		{ { "ext4", EXT4_SUPER_MAGIC, false }, 1, 2 },
		{ { "the ext2 driver", EXT4_SUPER_MAGIC, true }, 0, 2 },
		{ { "btrfs", BTRFS_SUPER_MAGIC, false }, 0, 2 },
		{ { "NFS", NFS_SUPER_MAGIC, false }, 0, 2 },
		{ { "overlayfs", OVERLAYFS_SUPER_MAGIC, false }, 0, 2 },
	};
	struct place place;
	struct error err = ERROR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		place = new_place();
		plan.disk = &rows[i].disk;
		assert_int_equal(deliver(&place, &err), 0);
		arm(0, 0, NOT_DONE);
		assert_int_equal(deliver(&place, &err), 0);
		plan.armed = false;
		if (count_trace("sync_file_range") != rows[i].write_outs ||
		    count_trace("fsync") != rows[i].flushes)
			fail_msg("row %zu, %s: %u write-outs, %u flushes", i,
			    rows[i].disk.name, count_trace("sync_file_range"),
			    count_trace("fsync"));
		leave_place(&place);
	}
	plan.disk = &unknown;
}

/* Of what the look is refused with, two mean that the file system gave up. */
static void
test_look(void **state)
{
	static const struct {
		int errnum, want;
	} rows[] = { { EROFS, -1 }, { EIO, -1 }, { EPERM, 0 }, { EACCES, 0 },
		{ EOPNOTSUPP, 0 }, { ENOSYS, 0 }, { ENOSPC, 0 } };
	struct place place;
	struct error err;
	size_t i;
	int nth, rc;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		place = new_place();
		plan.disk = &ext4;
		err = (struct error)ERROR_INIT;
		assert_int_equal(deliver(&place, &err), 0);
		for (nth = 1;; nth++) {
			arm(nth, rows[i].errnum, NOT_DONE);
			err = (struct error)ERROR_INIT;
			rc = deliver(&place, &err);
			plan.armed = false;
			assert_true(plan.hit);
			if (strcmp(plan.name, "fremovexattr") == 0)
				break;
		}
		assert_int_equal(rc, rows[i].want);
		leave_place(&place);
	}
}

/* Whoever does not say what file system it is has the file flushed first. */
static void
test_unknown_file_system(void **state)
{
	static const char *const steps[] = { "fstatfs", "fsync a file",
		"renameat2", "fsync new" };
	struct place place = new_place();
	struct error err = ERROR_INIT;
	int nth;

	(void)state;
	plan.disk = &xfs;
	for (nth = 1; nth < 100; nth++) {
		arm(nth, ENOSYS, NOT_DONE);
		if (deliver(&place, &err) == 0 && plan.hit &&
		    strcmp(plan.name, "fstatfs") == 0)
			break;
		plan.armed = false;
		/* A spool that is known is not asked again. */
		leave_place(&place);
		place = new_place();
	}
	plan.armed = false;
	assert_true(nth < 100);
	assert_steps(&place, steps, COUNT(steps));
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
	plan.disk = &unknown;
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

/* How a consumer comes to a message, and what becomes of it */
enum way {
	RETURN,
	DEFER,
	BURY,
	FINISH,
	ARCHIVE,
	ARCHIVE_ELSEWHERE /* on another file system */
};

struct taking {
	const char *name, *from, *file;
	enum way way;
	const char *folder, *target; /* where it stands then; NULL: nowhere */
};

static const struct taking takings[] = {
	{ "take, return", "new", "m,tries=1,next=5.json", RETURN, "new",
	    "m,tries=1,next=5.json" },
	{ "take, defer", "new", "m.json", DEFER, "new",
	    "m,tries=1,next=77.json" },
	{ "take, bury", "new", "m.json", BURY, "failed", "m,tries=1.json" },
	{ "take, finish", "new", "m,tries=1.json", FINISH, NULL, NULL },
	{ "take, archive", "new", "m,tries=1.json", ARCHIVE, "archive",
	    "m.json" },
	{ "take, archive elsewhere", "new", "m,tries=1.json", ARCHIVE_ELSEWHERE,
	    "elsewhere", "m.json" },
	{ "take over, return", "cur", "m,tries=2.json", RETURN, "new",
	    "m,tries=1.json" },
	{ "take over, bury", "cur", "m,tries=2.json", BURY, "failed",
	    "m,tries=2.json" },
	{ "take over, archive elsewhere", "cur", "m,tries=2.json",
	    ARCHIVE_ELSEWHERE, "elsewhere", "m.json" },
};

/* A folder on another file system than the spool; "" where there is none */
static char elsewhere[64];

static void
find_elsewhere(const struct place *place)
{
	static const char *const tops[] = { "/dev/shm", "/tmp", "/run" };
	struct stat here, there;
	size_t i;

	elsewhere[0] = '\0';
	assert_int_equal(stat(place->top, &here), 0);
	for (i = 0; i < COUNT(tops); i++) {
		if (stat(tops[i], &there) < 0 || here.st_dev == there.st_dev)
			continue;
		(void)snprintf(elsewhere, sizeof(elsewhere),
		    "%s/hookdir-unit-XXXXXX", tops[i]);
		if (mkdtemp(elsewhere))
			return;
		elsewhere[0] = '\0';
	}
}

/* "elsewhere" is beside every spool, and in none. */
static const char *
folder_path(const struct place *place, const char *folder)
{
	return strcmp(folder, "elsewhere") == 0 ? path_of("%s", elsewhere)
						: in_spool(place, folder);
}

static int
end_claim(const struct taking *taking, const struct place *place,
    struct queue *queue, struct claim *claim, struct error *err)
{
	struct archive archive = ARCHIVE_INIT;
	int rc;

	switch (taking->way) {
	case RETURN:
		return claim_return(queue, claim, err);
	case DEFER:
		return claim_defer(queue, claim, 77, true, err);
	case BURY:
		return claim_bury(queue, claim, err);
	case FINISH:
		return claim_finish(queue, claim, &archive, err);
	default:
		/* Without its archive a runner does not begin. */
		rc = plan.armed;
		plan.armed = false;
		assert_int_equal(archive_open(&archive,
				     folder_path(place, taking->folder), err),
		    0);
		plan.armed = rc;
		rc = claim_finish(queue, claim, &archive, err);
		archive_close(&archive);
		return rc;
	}
}

/* From opening the spool to closing it */
static int
take_once(
    const struct taking *taking, const struct place *place, struct error *err)
{
	struct claim claim = CLAIM_INIT;
	struct error ignored = ERROR_INIT;
	struct queue queue;
	int rc = queue_open(&queue, place->spool, err);

	if (rc < 0)
		return -1;
	rc = strcmp(taking->from, "new") == 0
	    ? claim_take(&queue, taking->file, &claim, err)
	    : claim_take_over(&queue, taking->file, &claim, err);
	if (rc == 1) {
		/* What it said is kept, or is not. */
		(void)queue_log_write(
		    &queue, &claim.name, span_of("no\n"), &ignored);
		rc = end_claim(taking, place, &queue, &claim, err);
	} else if (rc == CLAIM_GONE) {
		/* EINVAL from open() is what says that it is no file. */
		rc = -1;
		if (plan.hit && plan.errnum == EINVAL)
			(void)error_system(err, "no message");
	}
	assert_int_equal(claim.fd, -1);
	queue_close(&queue);
	return rc;
}

/* What failed in it */
static const char *
say_taking(const struct taking *taking)
{
	static char text[256];

	(void)snprintf(text, sizeof(text), "%s: call %d, %s, %s, way %d",
	    taking->name, plan.nth, plan.name, strerrorname_np(plan.errnum),
	    (int)plan.fault);
	return text;
}

/* All in a folder is the message, whole and free; how often, and where */
static int
count_copies(const struct taking *taking, const struct place *place,
    const char *folder, char file[NAME_MAX + 1])
{
	DIR *list = opendir(folder_path(place, folder));
	struct dirent *entry;
	struct spool_name name;
	int count = 0, fd;

	while (list && (entry = readdir(list)) != NULL) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (!spool_name_parse(entry->d_name, &name) ||
		    strcmp(name.base, "m") != 0)
			fail_msg("%s: %s left in %s/", say_taking(taking),
			    entry->d_name, folder);
		assert_file(
		    path_of("%s/%s", folder_path(place, folder), entry->d_name),
		    TEXT);
		fd = openat(dirfd(list), entry->d_name, O_RDONLY);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			fail_msg("%s: %s/%s is locked", say_taking(taking),
			    folder, entry->d_name);
		assert_int_equal(close(fd), 0);
		(void)snprintf(file, NAME_MAX + 1, "%s", entry->d_name);
		count++;
	}
	if (list)
		(void)closedir(list);
	return count;
}

static void
assert_taken(const struct taking *taking, const struct place *place, int rc)
{
	static const char *const folders[] = { "new", "cur", "failed",
		"archive", "elsewhere" };
	char file[NAME_MAX + 1] = "", where[NAME_MAX + 1] = "";
	int copies = 0, copies_here, most = 1, least = 1;
	size_t i;

	for (i = 0; i < COUNT(folders); i++) {
		if (i == 4 && !elsewhere[0])
			continue;
		copies_here = count_copies(taking, place, folders[i], file);
		if (copies_here)
			(void)snprintf(where, sizeof(where), "%s", folders[i]);
		copies += copies_here;
	}
	/* Copied, and the first one could not be removed */
	if (rc < 0 && taking->way == ARCHIVE_ELSEWHERE)
		most = 2;
	/* Removed, as it was to be */
	if (taking->way == FINISH && (rc == 0 || plan.fault == DONE_FAILED))
		least = 0;
	if (rc == 0 && taking->way == FINISH)
		most = 0;
	if (copies < least || copies > most)
		fail_msg("%s: got %d, and %d copies of the message",
		    say_taking(taking), rc, copies);
	if (rc == 0 && taking->folder &&
	    (strcmp(where, taking->folder) || strcmp(file, taking->target)))
		fail_msg("%s: got 0, and it is %s/%s", say_taking(taking),
		    where, file);
}

/* Whoever comes next can take what is left. */
static void
take_what_is_left(const struct taking *taking, const struct place *place)
{
	struct archive none = ARCHIVE_INIT;
	struct claim claim = CLAIM_INIT;
	struct error err = ERROR_INIT;
	char file[NAME_MAX + 1];
	struct queue queue;
	int rc = 0;

	assert_int_equal(queue_open(&queue, place->spool, &err), 0);
	if (count_copies(taking, place, "new", file))
		rc = claim_take(&queue, file, &claim, &err);
	else if (count_copies(taking, place, "cur", file))
		rc = claim_take_over(&queue, file, &claim, &err);
	else
		goto out;
	if (rc != 1 || claim_finish(&queue, &claim, &none, &err) < 0)
		fail_msg("%s, and then: got %d, %s", say_taking(taking), rc,
		    err.text);
out:
	queue_close(&queue);
}

/* One fault; false when its call was never reached. */
static bool
take_with_fault(
    const struct taking *taking, int nth, int errnum, enum fault fault)
{
	struct place place = new_place();
	struct error err = ERROR_INIT;
	int descriptors, rc;

	find_elsewhere(&place);
	if (taking->way == ARCHIVE_ELSEWHERE && !elsewhere[0]) {
		leave_place(&place);
		return false;
	}
	assert_int_equal(mkdir(place.spool, 0700), 0);
	assert_int_equal(mkdir(in_spool(&place, "new"), 0700), 0);
	(void)mkdir(in_spool(&place, taking->from), 0700);
	put_file(in_folder(&place, taking->from, taking->file), TEXT);
	descriptors = open_descriptors();
	arm(nth, errnum, fault);
	rc = take_once(taking, &place, &err);
	plan.armed = false;
	if (rc < 0 && error_class(err.code) != CLASS_FAULT)
		fail_msg("%s: got %s", say_taking(taking), err.text);
	if (open_descriptors() != descriptors)
		fail_msg("%s: %d descriptors before, %d after",
		    say_taking(taking), descriptors, open_descriptors());
	/* What could not be removed is left. */
	if (!plan.hit || strcmp(plan.name, "unlinkat") != 0) {
		assert_taken(taking, &place, rc);
		take_what_is_left(taking, &place);
	}
	leave_place(&place);
	remove_tree(elsewhere);
	return plan.hit;
}

static void
take_all(enum fault fault, const int *errnos, size_t count)
{
	unsigned runs = 0;
	size_t e, t;
	int nth;

	plan.taking = true;
	for (t = 0; t < COUNT(takings); t++)
		for (e = 0; e < count; e++)
			for (nth = 1; take_with_fault(
				 &takings[t], nth, errnos[e], fault);
			     nth++)
				runs++;
	plan.taking = false;
	assert_true(runs > 100);
	print_message("%u faults\n", runs);
}

static void
test_taking_without_faults(void **state)
{
	size_t i;

	(void)state;
	plan.taking = true;
	for (i = 0; i < COUNT(takings); i++)
		assert_false(take_with_fault(&takings[i], 0, 0, NOT_DONE));
	plan.taking = false;
}

/* Fewer than above: what is made of one is made of the others. */
static const int taking_errnums[] = { EIO, EINVAL, EINTR };

static void
test_taking_not_done(void **state)
{
	(void)state;
	take_all(NOT_DONE, taking_errnums, COUNT(taking_errnums));
}

static void
test_taking_done_but_failed(void **state)
{
	(void)state;
	take_all(DONE_FAILED, taking_errnums, 1);
}

static void
test_taking_failing_from_then_on(void **state)
{
	(void)state;
	take_all(FOREVER, taking_errnums, 1);
}

static void
test_taking_with_short_writes(void **state)
{
	(void)state;
	take_all(SHORT_FAILED, taking_errnums, 1);
}

/* The log is the last one or this one, whole, and no draft is left. */
static bool
log_with_fault(int nth, int errnum, enum fault fault)
{
	struct place place = new_place();
	struct error err = ERROR_INIT;
	struct spool_name name;
	struct buf out = BUF_INIT(ROOM);
	struct queue queue;
	int rc;

	assert_int_equal(mkdir(place.spool, 0700), 0);
	assert_int_equal(mkdir(in_spool(&place, "new"), 0700), 0);
	assert_int_equal(queue_open(&queue, place.spool, &err), 0);
	assert_true(spool_name_parse("m.json", &name));
	assert_int_equal(
	    queue_log_write(&queue, &name, span_of("earlier\n"), &err), 0);
	arm(nth, errnum, fault);
	rc = queue_log_write(&queue, &name, span_of("later\n"), &err);
	plan.armed = false;
	assert_int_equal(rc, err.code ? -1 : 0);
	assert_int_equal(queue_log_read(&queue, &name, &out, &err), 0);
	if (rc == 0)
		assert_same("log", buf_span(&out), span_of("later\n"));
	else if (!span_is(buf_span(&out), "earlier\n") &&
	    !span_is(buf_span(&out), "later\n"))
		fail_msg("call %d, %s: the log is %s", nth, plan.name,
		    show(buf_span(&out)));
	if (!plan.hit || strcmp(plan.name, "unlinkat") != 0)
		assert_int_equal(count_entries(in_spool(&place, "log")), 1);
	queue_close(&queue);
	buf_free(&out);
	leave_place(&place);
	return plan.hit;
}

static void
test_log(void **state)
{
	static const enum fault faults[] = { NOT_DONE, DONE_FAILED, FOREVER,
		SHORT, SHORT_FAILED };
	size_t e, f;
	int nth;

	(void)state;
	plan.taking = true;
	for (f = 0; f < COUNT(faults); f++)
		for (e = 0; e < 2; e++) {
			for (nth = 1;
			     log_with_fault(nth, taking_errnums[e], faults[f]);
			     nth++)
				continue;
			assert_true(nth > 3);
		}
	plan.taking = false;
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
		cmocka_unit_test(test_file_systems),
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_unknown_file_system),
		cmocka_unit_test(test_flushes_for_others),
		cmocka_unit_test(test_taking_without_faults),
		cmocka_unit_test(test_taking_not_done),
		cmocka_unit_test(test_taking_done_but_failed),
		cmocka_unit_test(test_taking_failing_from_then_on),
		cmocka_unit_test(test_taking_with_short_writes),
		cmocka_unit_test(test_log),
	};

	plan.disk = &unknown;
	(void)umask(027);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
